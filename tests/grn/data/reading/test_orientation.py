"""Which axis holds the genes: by header word, by names, or by the stated rule."""

from pathlib import Path

import pytest

from grn.data.reading.orientation import (
    CELLS_BY_GENES,
    GENES_BY_CELLS,
    HOW_TO_FORCE,
    detect_orientation,
)
from grn.data.reading.read import read_cells

SYMBOLS = ["GATA1", "SPI1", "CEBPA", "Actb", "Rpl3", "Tmem119", "ZNF143", "Xist"]
ENSEMBL = [f"ENSG00000{i:06d}" for i in range(8)]
GENES = {
    "symbols": SYMBOLS,
    "ensembl": ENSEMBL,
    "mouse": [f"ENSMUSG00000{i:06d}.2" for i in range(8)],
}
CELLS = {
    "barcodes": ["AAACCTGAGAAACCAT-1", "AAACCTGAGAAACCGC-1", "TTTGTCATCAGGCGAA-1"],
    "prefixed": ["s1_AAACCTGAGAAA", "s1_AAACCTGAGTTT", "s2_CCACCTGAGAAA"],
    "numbered": ["cell_1", "cell_2", "cell_3"],
    "R": ["V1", "V2", "V3", "V4"],
    "plates": ["H9_00hb4s_001", "H9_00hb4s_002", "LPS_1h_S10"],
    "integers": ["0", "1", "2"],
    "runs": ["SRR1043", "SRR1044", "SRR1050"],
}


@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("genes", GENES.values(), ids=GENES)
def test_names_decide_either_way(genes: list[str], cells: list[str]) -> None:
    assert detect_orientation("", genes, cells).layout == GENES_BY_CELLS
    assert detect_orientation("", cells, genes).layout == CELLS_BY_GENES


@pytest.mark.parametrize(
    ("corner", "layout"),
    [("Gene", GENES_BY_CELLS), ("gene symbol", GENES_BY_CELLS), ("barcode", CELLS_BY_GENES)],
)
def test_header_word_beats_names(corner: str, layout: str) -> None:
    for rows, columns in [(SYMBOLS, CELLS["barcodes"]), (CELLS["barcodes"], SYMBOLS)]:
        found = detect_orientation(corner, rows, columns)
        assert found.layout == layout
        assert repr(corner) in found.reason


def test_undecidable_names_fall_back_and_say_how_to_force() -> None:
    found = detect_orientation("", ["ab", "cd", "ef"], ["gh", "ij", "kl"])
    assert found.layout == CELLS_BY_GENES
    assert HOW_TO_FORCE in found.reason


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
    adata = read_cells(shared_data / name)
    genes, cells = list(adata.var_names), list(adata.obs_names)
    assert detect_orientation("", genes, cells).layout == GENES_BY_CELLS
    assert detect_orientation("", cells, genes).layout == CELLS_BY_GENES
