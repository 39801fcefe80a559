"""Cells on disk come out of preprocessing as cells in memory do, to the bit, and are never whole.

Beside test_preprocess.py and test_dataset.py, which hold what is done to them.
"""

import gc
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp
import torch
import zarr
from anndata.io import sparse_dataset, write_elem

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.expression import fingerprint

N_CELLS, N_GENES = 61, 23
FILTERS = {"min_genes": 9, "min_cells": 6, "state_key": "state", "cells_per_state": 25}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go; blocks are small, so that there are several."""
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 200)
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def counts() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    values = rng.poisson(rng.lognormal(-0.5, 1, N_GENES), (N_CELLS, N_GENES)).astype(np.float64)
    values[:, 3], values[:, 4], values[8] = 0, 2, 0
    adata = anndata.AnnData(sp.csr_matrix(values))
    adata.obs["state"] = pd.Categorical(["HSC"] * 41 + ["B"] * 20)
    return adata


def _sparse(store: Any, adata: anndata.AnnData) -> Any:
    write_elem(store, "X", adata.X)
    return sparse_dataset(store["X"])


def _dense(store: Any, adata: anndata.AnnData) -> Any:
    write_elem(store, "X", adata.X.toarray())
    return store["X"]


STORES: dict[str, Callable[[Path, anndata.AnnData], Any]] = {
    "hdf5 csr": lambda at, adata: _sparse(h5py.File(at / "x.h5", "w"), adata),
    "hdf5 dense": lambda at, adata: _dense(h5py.File(at / "x.h5", "w"), adata),
    "zarr csr": lambda at, adata: _sparse(zarr.open_group(at / "x.zarr", mode="w"), adata),
    "zarr dense": lambda at, adata: _dense(zarr.open_group(at / "x.zarr", mode="w"), adata),
}


def stored(adata: anndata.AnnData, kind: str, folder: Path) -> anndata.AnnData:
    return anndata.AnnData(X=STORES[kind](folder, adata), obs=adata.obs, var=adata.var)


@pytest.mark.filterwarnings("ignore:zarr v3 autosharding")
@pytest.mark.parametrize("settings", [{}, FILTERS], ids=["plain", "filtered"])
@pytest.mark.parametrize("values", ["counts", "log", "linear"])
@pytest.mark.parametrize("kind", STORES)
def test_rows_are_those_in_memory_to_the_bit(
    counts: anndata.AnnData,
    kind: str,
    values: str,
    settings: dict[str, Any],
    tmp_path: Path,
    scratch: Path,
) -> None:
    if values != "counts":
        counts.X = counts.X.sqrt() if values == "log" else counts.X / 7
    on_disk = preprocess(stored(counts, kind, tmp_path), **settings)
    if "dense" in kind:
        counts.X = counts.X.toarray()
    in_memory = preprocess(counts, **settings)
    assert in_memory.uns["grn_preprocess"]["input"] == values
    assert on_disk.uns["grn_preprocess"] == in_memory.uns["grn_preprocess"]
    assert on_disk.obs_names.equals(in_memory.obs_names)
    assert on_disk.var_names.equals(in_memory.var_names)
    assert isinstance(on_disk.X, anndata.abc.CSRDataset)
    assert fingerprint(on_disk) == fingerprint(in_memory)
    left, right = CellDataset(on_disk), CellDataset(in_memory)
    assert (left.on_disk, right.on_disk) == (True, False)
    cells = np.random.default_rng(1).integers(0, len(left), 40)
    assert len(set(cells)) < 40
    assert torch.equal(left.rows(cells), right.rows(cells))
    assert torch.equal(left.rows(cells), torch.stack([left[int(cell)] for cell in cells]))
    del on_disk, left
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_a_cell_store_is_read_only(counts: anndata.AnnData, tmp_path: Path) -> None:
    counts.write_h5ad(tmp_path / "x.h5ad")
    before = (tmp_path / "x.h5ad").read_bytes()
    backed = sc.read_h5ad(tmp_path / "x.h5ad", backed="r")
    preprocess(backed, **FILTERS)
    assert "grn_preprocess" not in backed.uns
    backed.file.close()
    assert (tmp_path / "x.h5ad").read_bytes() == before


def test_highly_variable_genes_need_memory(counts: anndata.AnnData, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"n_top_genes=9 needs .*data\.on_disk=false"):
        preprocess(stored(counts, "hdf5 csr", tmp_path), n_top_genes=9)


@pytest.mark.parametrize("kind", ["hdf5 csr", "hdf5 dense"])
def test_the_matrix_is_never_whole(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 50_000)
    values = np.random.default_rng(0).poisson(0.5, (20_000, 200)).astype(np.float32)
    n_bytes = 8 * np.count_nonzero(values)
    cells = stored(anndata.AnnData(sp.csr_matrix(values)), kind, tmp_path)
    del values

    def peak(adata: anndata.AnnData) -> int:
        gc.collect()
        tracemalloc.start()
        dataset = CellDataset(preprocess(adata))
        dataset.rows(np.arange(0, 20_000, 200))
        largest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return largest

    # Per cell and gene numbers, and a few blocks: beside an atlas they are small.
    assert peak(cells) < 0.3 * n_bytes
    assert peak(cells.to_memory()) > n_bytes
