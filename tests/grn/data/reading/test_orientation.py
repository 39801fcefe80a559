"""Which axis holds the genes: by regulators, header word, names or values; else an error."""

from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.data.reading.orientation import (
    CELLS_BY_GENES,
    GENES_BY_CELLS,
    check_axes,
    detect_orientation,
    layout_by_word,
    why_transposed,
)
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import write_loom, write_zarr

# 60 numbers of a database: far apart, in no order.
FAR = [int(number) for number in np.random.default_rng(0).choice(40_000, 60, replace=False) + 100]
LETTERS = np.random.default_rng(1).choice([*"ACGT"], (40, 16))
BARCODES = ["".join(letters) for letters in LETTERS]
SYMBOLS = ["GATA1", "SPI1", "CEBPA", "Actb", "Rpl3", "Tmem119", "ZNF143", "Xist"]
GENES = {
    "symbols": SYMBOLS,
    "ensembl": [f"ENSG00000{i:06d}" for i in range(8)],
    "mouse": [f"ENSMUSG00000{i:06d}.2" for i in range(8)],
    "flybase": [f"FBgn{i:07d}" for i in FAR],
    "wormbase": [f"WBGene{i:08d}" for i in FAR],
    "worm sequences": ["F53G12.5", "C06A8.1", "ZK637.1", "B0001.2", "T19E7.2a"],
    "yeast": ["YAL001C", "YBR160W", "YDR146C-A", "YML007W", "YPL248C"],
    "pombe": ["SPAC1002.01", "SPBC11B10.09", "SPCC1223.02", "SPAC24H6.05"],
    "arabidopsis": [f"AT{i % 5 + 1}G{i:05d}" for i in FAR],
    "rice": [f"Os0{i % 9 + 1}g0{i:05d}00" for i in FAR],
    "locus": [f"LOC{i}" for i in FAR],
    "refseq": [f"NM_{i:09d}.2" for i in FAR],
    "micro RNA": ["hsa-miR-21-5p", "hsa-let-7a-5p", "mmu-mir-155", "dme-miR-1-3p"],
    "zebrafish": ["sox2", "si:ch211-12a3.4", "zgc:110591", "pou5f3", "nanog", "tbx16"],
    "rat": ["Sox2", "RGD1560812", "LOC100910021", "Actb", "Hnf1a"],
    "two species": ["GRCh38_ENSG00000141510", "mm10___ENSMUSG00000059552"],
    "id and symbol": ["ENSG00000141510.17|TP53", "ENSG00000181449|SOX2"],
    "assembly": ["TRINITY_DN1000_c0_g1", "TRINITY_DN12_c1_g2", "TRINITY_DN7_c0_g1"],
}
# Only what the other axis is like tells these.
VAGUE_GENES = {
    "entrez": [str(i) for i in FAR],
    "uniprot": [f"P{10_000 + i}" for i in FAR],
    "b-numbers": [f"b{i % 4400:04d}" for i in FAR],
    "tags": [f"VC_{i % 10_000:04d}" for i in FAR],
    "unknown": [f"XQZ_g{i:08d}.t1" for i in FAR],
    "short": [f"XQ{i}" for i in FAR],
}
CELLS = {
    "barcodes": ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1", "TTTGTCATCAGGCGAA-1"],
    "prefixed": ["s1_AAACCTGAGAAA", "s1_AAACCTGAGTTT", "s2_CCACCTGAGAAA"],
    "numbered": ["cell_1", "cell_2", "cell_3"],
    "R": ["V1", "V2", "V3", "V4"],
    "plates": ["H9_00hb4s_001", "H9_00hb4s_002", "LPS_1h_S10"],
    "integers": ["0", "1", "2"],
    "runs": ["SRR1043", "SRR1044", "SRR1050"],
    "unknown, counted": [f"donor{i}" for i in range(30)],
}
BARCODE_KINDS = {
    "plain": BARCODES,
    "lanes": [f"{barcode}-1_2" for barcode in BARCODES],
    "R": [f"X{barcode}.1" for barcode in BARCODES],
    "velocyto": [f"sample_1:{barcode}x" for barcode in BARCODES],
    "ArchR": [f"day0#{barcode}-1" for barcode in BARCODES],
    "numbered": [f"{i}_{barcode}" for i, barcode in enumerate(BARCODES)],
    "short": [f"plate3_{barcode[:6]}" for barcode in BARCODES],
    "two": [f"{barcode[:8]}_{barcode[8:]}" for barcode in BARCODES],
}


def both_ways(genes: list[str], cells: list[str]) -> None:
    for rows, columns, layout in (
        (genes, cells, GENES_BY_CELLS),
        (cells, genes, CELLS_BY_GENES),
    ):
        found = detect_orientation("", rows, columns)
        assert found is not None
        assert found.layout == layout
        assert not found.doubt


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("genes", GENES.values(), ids=GENES)
def test_names_decide_either_way(genes: list[str], cells: list[str]) -> None:
    both_ways(genes, cells)


@pytest.mark.parametrize("cells", BARCODE_KINDS.values(), ids=BARCODE_KINDS)
@pytest.mark.parametrize("genes", VAGUE_GENES.values(), ids=VAGUE_GENES)
def test_barcodes_decide_whatever_the_genes_are_called(genes: list[str], cells: list[str]) -> None:
    both_ways(genes, cells)


@pytest.mark.parametrize("genes", [GENES["flybase"], VAGUE_GENES["entrez"], SYMBOLS])
def test_numbered_cells_are_not_taken_for_entrez(genes: list[str]) -> None:
    both_ways(genes, [str(i + 1) for i in range(40)])


def test_scattered_numbers_beside_symbols_are_cells() -> None:
    # As BD Rhapsody numbers its cells.
    both_ways([*SYMBOLS, "RPL5", "FOXP3", "IL2RA", "CXCL8"], [str(i) for i in FAR])


@pytest.mark.parametrize(
    ("corner", "layout"),
    [
        ("Gene", GENES_BY_CELLS),
        ("gene symbol", GENES_BY_CELLS),
        ("ENTREZ_GENE_ID", GENES_BY_CELLS),
        ("locus_tag", GENES_BY_CELLS),
        ("barcode", CELLS_BY_GENES),
        ("Cell.ID", CELLS_BY_GENES),
        ("sample names", CELLS_BY_GENES),
    ],
)
def test_header_word_beats_names(corner: str, layout: str) -> None:
    for rows, columns in [(SYMBOLS, CELLS["barcodes"]), (CELLS["barcodes"], SYMBOLS)]:
        found = detect_orientation(corner, rows, columns)
        assert found is not None
        assert found.layout == layout
        assert repr(corner) in found.reason


@pytest.mark.parametrize("corner", ["", "id", "Unnamed: 0", "index", "Name", "X", "GATA1"])
def test_words_that_say_nothing(corner: str) -> None:
    assert layout_by_word(corner) is None


UNKNOWN = (["ab", "cd", "ef", "gh"], ["ij", "kl", "mn", "op"])


def test_undecidable_names_are_none() -> None:
    assert detect_orientation("", *UNKNOWN) is None
    assert detect_orientation("", *UNKNOWN, tfs=["SOX2"], values=np.ones((4, 4))) is None


def test_regulators_settle_it() -> None:
    for tfs in (["ij", "kl", "mn"], ["IJ", "KL", "MN", "SOX2"]):
        found = detect_orientation("", *UNKNOWN, tfs=tfs)
        assert found is not None
        assert found.layout == CELLS_BY_GENES
        assert f"3 of {len(tfs)} regulators" in found.reason
    turned = detect_orientation("", *UNKNOWN, tfs=["ab", "cd", "ef"])
    assert turned is not None
    assert turned.layout == GENES_BY_CELLS
    # Also against the names and the header, which is worth a warning.
    against = detect_orientation("gene", *UNKNOWN, tfs=["ij", "kl", "mn"])
    assert against is not None
    assert (against.layout, against.doubt) == (CELLS_BY_GENES, True)


def test_values_and_repeats_decide_with_a_doubt_unless_they_contradict() -> None:
    rng = np.random.default_rng(2)
    values = rng.poisson(rng.lognormal(0, 2, (40, 1)) * np.ones((40, 50)))
    rows, columns = [f"{i * 7}q" for i in range(40)], [f"{i * 5}w" for i in range(50)]
    found = detect_orientation("", rows, columns, values=values)
    assert found is not None
    assert (found.layout, found.doubt) == (GENES_BY_CELLS, True)
    repeated = detect_orientation("", rows, [*columns[:-1], columns[0]])
    assert repeated is not None
    assert (repeated.layout, repeated.doubt) == (CELLS_BY_GENES, True)
    assert detect_orientation("", rows, [*columns[:-1], columns[0]], values=values) is None


def test_shape_of_a_genome() -> None:
    genes, cells = [f"{i * 7}q" for i in range(20_000)], [f"{i}w" for i in range(3)]
    found = detect_orientation("", cells, genes)
    assert found is not None
    assert (found.layout, found.doubt) == (CELLS_BY_GENES, True)


def test_table_that_does_not_tell_says_how_to(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame = pd.DataFrame(np.ones((4, 4)), *UNKNOWN)
    frame.to_csv(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"cannot tell which axis.*write `gene`.*--tfs"):
        read_cells(tmp_path / "x.csv")
    assert list(read_cells(tmp_path / "x.csv", tfs=["ij", "kl", "op"]).var_names) == UNKNOWN[1]
    frame.to_csv(tmp_path / "y.csv", index_label="gene")
    assert list(read_cells(tmp_path / "y.csv").var_names) == UNKNOWN[0]
    assert not caplog.records
    read_cells(tmp_path / "y.csv", tfs=["ij", "kl", "op"])
    assert "though the first header field is 'gene'. If that is wrong" in caplog.text


def turned(genes: list[str], cells: list[str]) -> anndata.AnnData:
    counts = np.random.default_rng(3).poisson(2.0, (len(genes), len(cells))).astype("float32")
    return anndata.AnnData(
        sp.csr_matrix(counts), pd.DataFrame(index=genes), pd.DataFrame(index=cells)
    )


@pytest.mark.parametrize("genes", ["symbols", "flybase", "unknown"])
@pytest.mark.parametrize("kind", ["h5ad", "zarr", "loom"])
def test_transposed_file_is_turned_with_a_warning(
    tmp_path: Path, genes: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    adata = turned((GENES | VAGUE_GENES)[genes], BARCODES)
    adata.layers["doubled"] = 2 * adata.X
    if kind == "h5ad":
        adata.write_h5ad(path := tmp_path / "x.h5ad")
    else:
        path = (write_zarr if kind == "zarr" else write_loom)(adata, tmp_path)
    read = read_cells(path)
    assert "is transposed: the names of its cells look like genes" in caplog.text
    assert list(read.var_names) == list(adata.obs_names)
    np.testing.assert_array_equal(read.X.toarray(), adata.X.toarray().T)
    assert read.X.format == "csr"
    assert read.uns["grn_read"]["orientation_reason"].startswith("transposed")
    if kind != "loom":
        with pytest.raises(InputError, match=r"transposed.*data\.on_disk=false"):
            read_cells(path, on_disk=True)


def test_regulators_among_the_cells_show_a_transposed_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    adata = turned(["aa", "bb", "cc", "dd", "ee"], [f"q{i}w" for i in range(7)])
    adata.write_h5ad(tmp_path / "x.h5ad")
    assert read_cells(tmp_path / "x.h5ad").shape == (5, 7)
    assert not caplog.records
    assert read_cells(tmp_path / "x.h5ad", tfs=["aa", "bb", "cc"]).shape == (7, 5)
    assert "3 of 3 regulators are names of rows" in caplog.text
    with pytest.raises(InputError, match=r"matrix is transposed: 3 of 3 .*pass adata\.T"):
        check_axes(adata, ["aa", "bb", "cc"])
    check_axes(adata, ["q1w", "q2w", "q3w"])
    check_axes(adata)


@pytest.mark.parametrize(
    ("cells", "genes"),
    [
        (CELLS["plates"], [str(i) for i in range(50)]),
        (["Bcell", "Tcell", "Mono"], [f"v{i}" for i in range(50)]),
        ([f"cell{i}" for i in range(40)], [f"guide_{barcode}" for barcode in BARCODES]),
        (BARCODES, VAGUE_GENES["unknown"]),
        (BARCODES, BARCODES),
    ],
)
def test_odd_names_alone_turn_nothing(cells: list[str], genes: list[str]) -> None:
    assert why_transposed(turned(cells, genes)) is None


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "beeline/mDC/expression.h5ad",
        "beeline/mESC/expression.h5ad",
        "beeline/hESC/expression.h5ad",
        "mccalla/mESC_Semrau/expression.h5ad",
        "dream4/size100_multifactorial_1/expression.h5ad",
        "beeline_simulated/HSC/HSC_2000_0",
        "beeline_simulated/VSC/VSC_2000_0",
        "beeline_simulated/mCAD/mCAD_2000_0",
        "beeline_simulated/dyn-LL/dyn-LL_2000_0",
    ],
)
def test_every_shared_set_is_told_apart(shared_data: Path, name: str) -> None:
    with_names = read_cells(shared_data / name)
    both_ways(list(with_names.var_names), list(with_names.obs_names))
    assert why_transposed(with_names) is None
