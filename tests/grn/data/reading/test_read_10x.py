"""10x folders and `.h5` of both versions, whole, prefixed, with other features, or broken."""

import gzip
import logging
import re
import shutil
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.io
import scipy.sparse as sp

from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import (
    N_GENES,
    WRITERS,
    counted_cells,
    write_10x_h5,
    write_10x_v2,
    write_10x_v3,
)

KINDS = ["Gene Expression"] * 3 + ["Peaks", "Antibody Capture"]


@pytest.fixture
def cells() -> anndata.AnnData:
    """Counts of 11 cells × 5 genes."""
    return counted_cells("AAAC{}-1")


def assert_same_cells(read: anndata.AnnData, expected: anndata.AnnData) -> None:
    assert list(read.obs_names) == list(expected.obs_names)
    assert list(read.var_names) == list(expected.var_names)
    assert read.X.dtype == np.float32
    np.testing.assert_array_equal(read.X.toarray(), expected.X)


@pytest.mark.parametrize("write", [write_10x_v2, write_10x_v3])
def test_folder_agrees_with_scanpy(tmp_path: Path, cells: anndata.AnnData, write) -> None:
    read = read_cells(write(cells, tmp_path))
    assert_same_cells(read, cells)
    other = sc.read_10x_mtx(tmp_path)
    np.testing.assert_array_equal(read.X.toarray(), other.X.toarray())
    pd.testing.assert_frame_equal(read.obs, other.obs)
    pd.testing.assert_frame_equal(read.var, other.var)


@pytest.mark.parametrize("version", [2, 3])
def test_h5_of_both_versions(tmp_path: Path, cells: anndata.AnnData, version: int) -> None:
    cells.X = cells.X.astype("int32")
    read = read_cells(write_10x_h5(cells, tmp_path, version))
    assert_same_cells(read, cells)
    assert read.uns["grn_read"]["orientation"] == "genes × cells"


@pytest.mark.parametrize("written", ["10x folder v2", "10x folder v3", "10x h5 v2", "10x h5 v3"])
def test_repeated_symbols_are_numbered(
    tmp_path: Path, cells: anndata.AnnData, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    cells.var_names = ["A", "A", "B", "A", "C"]
    path = WRITERS[written](cells, tmp_path)
    assert list(read_cells(path).var_names) == ["A", "A-1", "B", "A-2", "C"]
    assert "2 repeated gene symbol(s)" in caplog.text
    ids = read_cells(path, gene_column="gene_ids")
    assert list(ids.var_names) == ["ENS0", "ENS1", "ENS2", "ENS3", "ENS4"]


def test_mixed_plain_and_gzipped_files(tmp_path: Path, cells: anndata.AnnData) -> None:
    # What STARsolo leaves: the files of Cell Ranger 3, plain.
    write_10x_v3(cells, tmp_path)
    for name in ("matrix.mtx", "features.tsv"):
        (tmp_path / name).write_bytes(gzip.decompress((tmp_path / f"{name}.gz").read_bytes()))
        (tmp_path / f"{name}.gz").unlink()
    assert_same_cells(read_cells(tmp_path), cells)


def test_features_of_symbols_alone(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_10x_v2(cells, tmp_path)
    (tmp_path / "genes.tsv").write_text("\n".join(cells.var_names))
    assert_same_cells(read_cells(tmp_path), cells)


def test_geo_prefix_and_choice_among_samples(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_10x_v3(cells, tmp_path, prefix="GSM1_")
    assert_same_cells(read_cells(tmp_path), cells)
    write_10x_v3(cells[:4].copy(), tmp_path, prefix="GSM2_")
    with pytest.raises(InputError, match=r"2 10x .*GSM1_, GSM2_.*such as GSM1_matrix\.mtx\.gz"):
        read_cells(tmp_path)
    assert_same_cells(read_cells(tmp_path / "GSM2_matrix.mtx.gz"), cells[:4])


@pytest.mark.parametrize("inside", ["filtered_feature_bc_matrix", "filtered_feature_bc_matrix.h5"])
def test_outs_of_cell_ranger(tmp_path: Path, cells: anndata.AnnData, inside: str) -> None:
    if inside.endswith(".h5"):
        write_10x_h5(cells, tmp_path).rename(tmp_path / inside)
    else:
        (tmp_path / inside).mkdir()
        write_10x_v3(cells, tmp_path / inside)
    (tmp_path / "metrics_summary.csv").write_text("a,b\n1,2\n")
    assert_same_cells(read_cells(tmp_path), cells)


@pytest.mark.parametrize("write", [write_10x_v3, write_10x_h5])
def test_only_gene_expression_is_kept(
    tmp_path: Path, cells: anndata.AnnData, write, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(cells, tmp_path, kinds=KINDS)
    with caplog.at_level(logging.INFO, logger="grn"):
        assert_same_cells(read_cells(path), cells[:, :3])
    assert "kept 3 Gene Expression features of 5 (without Antibody Capture, Peaks)" in caplog.text
    path = write(cells, tmp_path, kinds=["Peaks"] * N_GENES)
    with pytest.raises(InputError, match="no feature of type Gene Expression, only Peaks"):
        read_cells(path)


@pytest.mark.parametrize("part", ["matrix.mtx", "barcodes.tsv", "features.tsv"])
@pytest.mark.parametrize("prefix", ["", "GSM1_"])
def test_folder_with_one_file_missing(
    tmp_path: Path, cells: anndata.AnnData, part: str, prefix: str
) -> None:
    write_10x_v3(cells, tmp_path, prefix)
    (tmp_path / f"{prefix}{part}.gz").unlink()
    with pytest.raises(InputError, match=f"10x folder without {prefix}{re.escape(part)}"):
        read_cells(tmp_path)


@pytest.mark.parametrize("part", ["matrix.mtx.gz", "barcodes.tsv.gz", "features.tsv.gz"])
def test_truncated_or_empty_part_is_named(
    tmp_path: Path, cells: anndata.AnnData, part: str
) -> None:
    whole = (write_10x_v3(cells, tmp_path) / part).read_bytes()
    (tmp_path / part).write_bytes(whole[:-12])
    with pytest.raises(InputError, match=f"cannot read .*{re.escape(part)}.*truncated"):
        read_cells(tmp_path)
    (tmp_path / part).write_bytes(b"")
    with pytest.raises(InputError, match=f"{re.escape(part)} is empty"):
        read_cells(tmp_path)


def test_parts_of_different_folders(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_10x_v2(cells, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    write_10x_v2(cells[:4].copy(), other)
    shutil.copy(other / "barcodes.tsv", tmp_path)
    with pytest.raises(InputError, match=r"5 genes × 11 cells.*5 lines and barcodes\.tsv 4"):
        read_cells(tmp_path)


def rewrite(folder: Path, name: str, lines: list[str]) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_files_of_macos_are_none_of_ours(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_10x_v3(cells, tmp_path)
    for path in list(tmp_path.iterdir()):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7 Mac OS X")
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    assert_same_cells(read_cells(tmp_path), cells)
    other = tmp_path / "one"
    other.mkdir()
    cells.write_h5ad(other / "x.h5ad")
    (other / "._x.h5ad").write_bytes(b"\0")
    assert read_cells(other).uns["grn_read"]["format"] == "h5ad"


@pytest.mark.parametrize("counted", [False, True], ids=["names", "row numbers"])
@pytest.mark.parametrize("header", [[], ["V1"]], ids=["rows", "header"])
@pytest.mark.parametrize("suffix", ["tsv", "csv"])
def test_what_r_writes_around_names(
    tmp_path: Path, cells: anndata.AnnData, header: list[str], counted: bool, suffix: str
) -> None:
    write_10x_v2(cells, tmp_path)
    (tmp_path / "genes.tsv").unlink()
    (tmp_path / "barcodes.tsv").unlink()
    between = '"\t"' if suffix == "tsv" else '","'
    tables = {
        "genes": [(f"ENS{i}", name) for i, name in enumerate(cells.var_names)],
        "barcodes": [(name,) for name in cells.obs_names],
    }
    for name, rows in tables.items():
        numbered = [(str(i), *row) if counted else row for i, row in enumerate(rows, 1)]
        names = [tuple(header * len(rows[0]))] if header else []
        lines = [f'"{between.join(row)}"' for row in [*names, *numbered]]
        rewrite(tmp_path, f"{name}.{suffix}", lines)
    read = read_cells(tmp_path)
    assert_same_cells(read, cells)
    assert list(read.var["gene_ids"]) == [f"ENS{i}" for i in range(N_GENES)]


@pytest.mark.parametrize("missing", ["", " ", "NA"])
def test_gene_without_a_symbol_is_named_by_its_id(
    tmp_path: Path, cells: anndata.AnnData, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_10x_v2(cells, tmp_path)
    symbols = [missing, "SPI1", missing, "ACTB", "RPL3"]
    rewrite(tmp_path, "genes.tsv", [f"ENS{i}\t{name}" for i, name in enumerate(symbols)])
    assert list(read_cells(tmp_path).var_names) == ["ENS0", "SPI1", "ENS2", "ACTB", "RPL3"]
    assert "2 gene(s)" in caplog.text


@pytest.mark.parametrize("third", ["protein_coding", "chr1", "", "Gene"])
def test_third_column_that_is_no_type(
    tmp_path: Path, cells: anndata.AnnData, third: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_10x_v3(cells, tmp_path, kinds=[third] * 4 + ["Antibody Capture"])
    assert_same_cells(read_cells(path), cells[:, :4])
    assert "holds no types of features" in caplog.text


def test_transposed_matrix_is_told_by_its_lengths(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_10x_v2(cells, tmp_path)
    scipy.io.mmwrite(tmp_path / "matrix.mtx", sp.coo_matrix(cells.X), precision=9)
    assert_same_cells(read_cells(tmp_path), cells)


def test_matrix_of_another_name(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_10x_v2(cells, tmp_path)
    # What STARsolo leaves beside: the usual one is taken, unless the other is named.
    shutil.copy(tmp_path / "matrix.mtx", tmp_path / "UniqueAndMult-EM.mtx")
    assert_same_cells(read_cells(tmp_path), cells)
    assert_same_cells(read_cells(tmp_path / "UniqueAndMult-EM.mtx"), cells)
    (tmp_path / "matrix.mtx").unlink()
    assert_same_cells(read_cells(tmp_path), cells)
    for name in ("genes.tsv", "barcodes.tsv"):
        (tmp_path / name).unlink()
    with pytest.raises(InputError, match=r"UniqueAndMult-EM\.mtx, but no names.*features\.tsv"):
        read_cells(tmp_path)


def test_a_lone_gene_table_is_no_10x_folder(tmp_path: Path, cells: anndata.AnnData) -> None:
    (tmp_path / "genes.tsv").write_text("ENS1\tA\n")
    cells.write_h5ad(tmp_path / "cells.h5ad")
    assert read_cells(tmp_path).uns["grn_read"]["format"] == "h5ad"


def test_h5_that_is_no_10x(tmp_path: Path, cells: anndata.AnnData) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["table"] = np.arange(3)
    with pytest.raises(InputError, match=r"no 10x \.h5: it holds table; expected a group"):
        read_cells(tmp_path / "x.h5")
    cells.write_h5ad(tmp_path / "y.h5")
    with pytest.raises(InputError, match=r"looks like an \.h5ad: rename it"):
        read_cells(tmp_path / "y.h5")


def test_h5_of_two_genomes_says_how_to_choose(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_10x_h5(cells, tmp_path, version=2)
    with h5py.File(path, "a") as file:
        file.copy("GRCh38", "mm10")
    with pytest.raises(InputError, match=r"several genomes \(GRCh38, mm10\).*genome=.GRCh38"):
        read_cells(path)


def test_truncated_h5(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_10x_h5(cells, tmp_path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"cannot read .*cells\.h5 as 10x h5.*truncated"):
        read_cells(path)


@pytest.mark.parametrize(
    ("first", "message"),
    [
        ("1000000000 1000000000 1", "holds 1000000000 genes"),
        ("5 11 100000000000", "declares 100,000,000,000 entries and is too short"),
    ],
)
def test_a_first_line_that_declares_too_much_takes_no_memory(
    tmp_path: Path, first: str, message: str
) -> None:
    folder = write_10x_v2(counted_cells("cell_{}"), tmp_path)
    kind = "%%MatrixMarket matrix coordinate integer general"
    (folder / "matrix.mtx").write_text(f"{kind}\n{first}\n1 1 1\n")
    with pytest.raises(InputError, match=message):
        read_cells(folder)
