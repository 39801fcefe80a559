"""Files of cells that cannot be read: exit code 2, one message with the fix, nothing left behind.

Beside test_bad_input.py, which holds values, TF lists, settings and outputs that do not fit.
"""

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from tests.cell_files import (
    write_10x_h5,
    write_10x_v2,
    write_10x_v3,
    write_beeline,
    write_h5ad,
    write_loom,
    write_zarr,
    write_zarr_zip,
)
from tests.helpers import refuses, written

Cli = Callable[..., tuple[int, str, str]]
Broken = Callable[[anndata.AnnData, Path], Path]


def _cut(path: Path, share: float = 0.5) -> Path:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    return path


def _without(path: Path, *keys: str) -> Path:
    """Take groups out of an HDF5 file."""
    with h5py.File(path, "a") as file:
        for key in keys:
            del file[key]
    return path


def _content(name: str, content: str | bytes) -> Broken:
    """Write a file that the message has to judge by its content."""

    def write(_: anndata.AnnData, folder: Path) -> Path:
        raw = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
        return folder / name

    return write


def _cut_table(adata: anndata.AnnData, folder: Path) -> Path:
    adata.to_df().to_csv(folder / "cells.csv.gz")
    return _cut(folder / "cells.csv.gz", 0.9)


def _x_missing(adata: anndata.AnnData, folder: Path) -> Path:
    adata.layers["counts"] = adata.X
    adata.raw = adata
    return _without(write_h5ad(adata, folder), "X")


def _noise(adata: anndata.AnnData, folder: Path) -> Path:
    path = write_h5ad(adata, folder)
    whole = bytearray(path.read_bytes())
    whole[1000:3000] = b"\xff" * 2000
    path.write_bytes(whole)
    return path


def _words_as_x(adata: anndata.AnnData, folder: Path) -> Path:
    path = _without(write_h5ad(adata, folder), "X")
    with h5py.File(path, "a") as file:
        words = np.full(adata.shape, "low", dtype=object)
        anndata.io.write_elem(file, "X", words)
    return path


def _beyond(adata: anndata.AnnData, folder: Path) -> Path:
    path = write_h5ad(adata, folder)
    with h5py.File(path, "a") as file:
        file["X/indices"][0] = 10_000
    return path


def _corrupt_zarr(adata: anndata.AnnData, folder: Path) -> Path:
    path = write_zarr(adata, folder)
    (path / "X/indices/0").write_bytes(b"x")
    return path


def _no_array_zarr(adata: anndata.AnnData, folder: Path) -> Path:
    path = write_zarr(adata, folder)
    shutil.rmtree(path / "X")
    (path / ".zmetadata").unlink()
    return path


def _nameless_loom(adata: anndata.AnnData, folder: Path) -> Path:
    return write_loom(adata, folder, genes="Symbol")


def _cut_loom(adata: anndata.AnnData, folder: Path) -> Path:
    return _cut(write_loom(adata, folder))


def _no_loom(adata: anndata.AnnData, folder: Path) -> Path:
    return write_h5ad(adata, folder).rename(folder / "cells.loom")


def _10x_without(name: str) -> Broken:
    def write(adata: anndata.AnnData, folder: Path) -> Path:
        (write_10x_v3(adata, folder) / name).unlink()
        return folder

    return write


def _10x_cut(name: str) -> Broken:
    def write(adata: anndata.AnnData, folder: Path) -> Path:
        _cut(write_10x_v3(adata, folder) / name, 0.9)
        return folder

    return write


def _two_samples(adata: anndata.AnnData, folder: Path) -> Path:
    for prefix in ("GSM1_", "GSM2_"):
        write_10x_v3(adata, folder, prefix)
    return folder


def _10x_lengths(adata: anndata.AnnData, folder: Path) -> Path:
    write_10x_v2(adata, folder)
    (folder / "barcodes.tsv").write_text("AAAC-1\n")
    return folder


def _peaks(adata: anndata.AnnData, folder: Path) -> Path:
    return write_10x_h5(adata, folder, kinds=["Peaks"] * adata.n_vars)


def _two_genomes(adata: anndata.AnnData, folder: Path) -> Path:
    path = write_10x_h5(adata, folder, version=2)
    with h5py.File(path, "a") as file:
        file.copy("GRCh38", "mm10")
    return path


def _h5ad_as_h5(adata: anndata.AnnData, folder: Path) -> Path:
    return write_h5ad(adata, folder).rename(folder / "cells.h5")


def _beeline_without_genes(adata: anndata.AnnData, folder: Path) -> Path:
    adata.to_df().to_csv(folder / "ExpressionData.csv", index=False)
    return folder


def _beeline_of_other_cells(adata: anndata.AnnData, folder: Path) -> Path:
    write_beeline(adata, folder)
    (folder / "PseudoTime.csv").write_text(",PseudoTime1\nelsewhere,0.5\n")
    return folder


def _empty_part(adata: anndata.AnnData, folder: Path) -> Path:
    write_10x_v2(adata, folder)
    (folder / "genes.tsv").write_bytes(b"")
    return folder


def _nothing(_: anndata.AnnData, folder: Path) -> Path:
    return folder


BROKEN: dict[str, tuple[Broken, tuple[str, ...]]] = {
    "missing": (lambda _, folder: folder / "x.loom", ("no such file or folder", "Check")),
    "empty file": (_content("x.loom", b""), ("is empty", "download it again")),
    "unknown suffix": (_content("x.rds", "x"), ("unknown format", ".loom", "10x folder")),
    "folder with nothing": (_nothing, ("a folder without", "BEELINE", "Supported")),
    "truncated gzip": (_cut_table, ("cells.csv.gz", "truncated", "download it again")),
    "truncated h5ad": (lambda a, f: _cut(write_h5ad(a, f)), ("cells.h5ad", "truncated")),
    "corrupt h5ad": (_noise, ("cells.h5ad", "corrupt")),
    "h5ad without X": (_x_missing, ("has no X", "layers: counts, raw", "--layer")),
    "words as X": (_words_as_x, ("not numbers", "integers or floats")),
    "columns beyond the matrix": (_beyond, ("cells.h5ad", "indices", "corrupt")),
    "corrupt zarr": (_corrupt_zarr, ("cells.zarr", "corrupt")),
    "zarr without X": (_no_array_zarr, ("has no X", "layers: none", "--layer")),
    "truncated zarr zip": (lambda a, f: _cut(write_zarr_zip(a, f)), (".zarr.zip", "truncated")),
    "loom without names": (_nameless_loom, ("var_names or Gene", "Symbol", "--gene-column")),
    "truncated loom": (_cut_loom, ("cells.loom", "truncated")),
    "no loom": (_no_loom, ("is no loom", "row_attrs", "loompy")),
    "10x without matrix": (_10x_without("matrix.mtx.gz"), ("without matrix.mtx", "Put the")),
    "10x without barcodes": (_10x_without("barcodes.tsv.gz"), ("without barcodes.tsv",)),
    "10x without features": (_10x_without("features.tsv.gz"), ("without features.tsv",)),
    "truncated matrix.mtx": (_10x_cut("matrix.mtx.gz"), ("matrix.mtx.gz", "truncated")),
    "truncated barcodes": (_10x_cut("barcodes.tsv.gz"), ("barcodes.tsv.gz", "truncated")),
    "two 10x samples": (_two_samples, ("2 10x samples", "GSM1_, GSM2_", "folder for each")),
    "10x of two lengths": (_10x_lengths, ("barcodes.tsv 1", "same folder")),
    "empty genes.tsv": (_empty_part, ("genes.tsv is empty", "download it again")),
    "only peaks": (_peaks, ("no feature of type Gene Expression", "only Peaks")),
    "two genomes": (_two_genomes, ("several genomes", "GRCh38, mm10", "write_h5ad")),
    "h5 that is no 10x": (_h5ad_as_h5, ("no 10x .h5", "rename it")),
    "truncated 10x h5": (lambda a, f: _cut(write_10x_h5(a, f)), ("cells.h5", "truncated")),
    "BEELINE without genes": (
        _beeline_without_genes,
        ("no gene names in its first column", "write the name of the gene"),
    ),
    "BEELINE of other cells": (
        _beeline_of_other_cells,
        ("PseudoTime.csv does not fit", "one row per cell", "got elsewhere"),
    ),
    "decimal comma": (
        _content("x.tsv", "gene\tc1\tc2\nA\t0,5\t1,5\n"),
        ("'0,5'", "row 'A', column 'c1'", "decimals with a point"),
    ),
    "decimal comma in commas": (
        _content("x.csv", "gene,c1,c2\nA,0,5,1,5\n"),
        ("3 fields, the first row 5", "decimals with a point"),
    ),
    "short row": (
        _content("x.csv", "gene,c1,c2\nA,1,2\nB,3\nC,4,5\n"),
        ("line 3 has 2 fields, the first row 3", "truncated"),
    ),
    "long row": (_content("x.csv.gz", "gene,c1,c2\nA,1,2\nB,3,4,5\n"), ("line 3 has 4 fields",)),
    "text": (
        _content("x.tsv", "gene\tc1\ttype\nA\t1\tT cell\n"),
        ("'T cell' in row 'A'", "take annotation columns out"),
    ),
    "header only": (_content("x.csv.gz", "gene,c1,c2\n"), ("a header and no rows",)),
    "one column": (_content("x.csv", "gene\nA\nB\n"), ("single field", "separated by")),
}


@pytest.fixture
def sparse(small: anndata.AnnData) -> anndata.AnnData:
    """The small cells with nothing but names, CSR."""
    return anndata.AnnData(
        sp.csr_matrix(small.X), obs=small.obs.iloc[:, :0], var=small.var.iloc[:, :0]
    )


@pytest.mark.parametrize("problem", BROKEN)
def test_cells_that_cannot_be_read(
    infer: Cli, sparse: anndata.AnnData, tmp_path: Path, problem: str
) -> None:
    break_it, message = BROKEN[problem]
    (tmp_path / "cells").mkdir()
    path = break_it(sparse, tmp_path / "cells")
    before = written(tmp_path)
    refuses(infer(cells=path), *message)
    assert written(tmp_path) == before


@pytest.mark.parametrize(
    ("store", "arguments", "message"),
    [
        (write_h5ad, ["--layer", "spliced"], ("no layer 'spliced'", "Existing layers: none")),
        (write_h5ad, ["--gene-column", "symbol"], ("no column 'symbol'", "columns: none")),
        (write_10x_v3, ["--gene-column", "symbol"], ("columns: gene_ids, feature_types",)),
        (write_10x_v3, ["--set", "data.on_disk=true"], ("only .h5ad and .zarr", "Convert it")),
    ],
    ids=["layer", "column", "column of 10x", "on disk"],
)
def test_choices_that_the_file_does_not_offer(
    infer: Cli,
    sparse: anndata.AnnData,
    tmp_path: Path,
    store: Callable[..., Path],
    arguments: list[str],
    message: tuple[str, ...],
) -> None:
    (tmp_path / "cells").mkdir()
    path = store(sparse, tmp_path / "cells")
    before = written(tmp_path)
    refuses(infer(*arguments, cells=path), *message)
    assert written(tmp_path) == before


def test_matrix_by_column_cannot_stay_on_disk(
    infer: Cli, sparse: anndata.AnnData, tmp_path: Path
) -> None:
    sparse.X = sparse.X.tocsc()
    path = write_h5ad(sparse, tmp_path)
    refuses(infer("--set", "data.on_disk=true", cells=path), "by column (CSC)", "X.tocsr()")
    assert not (tmp_path / "out").exists()
