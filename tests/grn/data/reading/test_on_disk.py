"""Matrices that stay on disk: same rows as in memory, nothing whole read, and when they do."""

import logging
from pathlib import Path
from types import SimpleNamespace

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.data.reading.layers import select_layer
from grn.data.reading.on_disk import exceeds_memory
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import WRITERS, write_h5ad, write_zarr

STORES = ["h5ad", "zarr", "zarr zip"]
N_CELLS, N_GENES = 23, 7


@pytest.fixture
def cells() -> anndata.AnnData:
    """Integer counts in CSR of 23 cells × 7 genes, a doubled layer, and a raw of 5 genes."""
    counts = np.random.default_rng(0).poisson(1.0, (N_CELLS, N_GENES)).astype("int32")
    adata = anndata.AnnData(
        sp.csr_matrix(counts),
        obs=pd.DataFrame({"day": range(N_CELLS)}, index=[f"c{i}" for i in range(N_CELLS)]),
        var=pd.DataFrame({"symbol": list("ABCDEFG")}, index=[f"g{i}" for i in range(N_GENES)]),
        layers={"doubled": sp.csr_matrix(2 * counts)},
        uns={"note": "kept"},
    )
    adata.raw = adata[:, :5].copy()
    return adata


@pytest.mark.parametrize("store", STORES)
def test_rows_on_disk_equal_those_in_memory(
    tmp_path: Path, cells: anndata.AnnData, store: str
) -> None:
    path = WRITERS[store](cells, tmp_path)
    read = read_cells(path, on_disk=True)
    assert isinstance(read.X, anndata.abc.CSRDataset)
    rows = np.array([20, 3, 3, 11])  # any order, repeated
    np.testing.assert_array_equal(read.X[rows].toarray(), cells.X[rows].toarray())
    assert read.X.dtype == np.int32  # as stored: whoever reads rows converts them
    assert read.obs["day"].tolist() == list(range(N_CELLS))
    assert (read.uns["note"], read.uns["grn_read"]["on_disk"]) == ("kept", True)
    assert not read.layers
    in_memory = read_cells(path, on_disk=False)
    assert in_memory.X.dtype == np.float32
    assert not in_memory.uns["grn_read"]["on_disk"]


@pytest.mark.parametrize("store", STORES)
def test_layer_raw_and_gene_column_on_disk(
    tmp_path: Path, cells: anndata.AnnData, store: str
) -> None:
    path = WRITERS[store](cells, tmp_path)
    layer = read_cells(path, layer="doubled", gene_column="symbol", on_disk=True)
    np.testing.assert_array_equal(layer.X[:].toarray(), 2 * cells.X.toarray())
    assert list(layer.var_names) == list("ABCDEFG")
    raw = read_cells(path, layer="raw", on_disk=True)
    assert isinstance(raw.X, anndata.abc.CSRDataset)
    assert list(raw.var_names) == ["g0", "g1", "g2", "g3", "g4"]
    np.testing.assert_array_equal(raw.X[:].toarray(), cells.X[:, :5].toarray())
    with pytest.raises(InputError, match=r"no layer 'x'\. Existing layers: doubled, raw"):
        read_cells(path, layer="x", on_disk=True)


@pytest.mark.parametrize("store", STORES)
def test_dense_matrix_on_disk(tmp_path: Path, cells: anndata.AnnData, store: str) -> None:
    cells.X = cells.X.toarray().astype("float64")
    read = read_cells(WRITERS[store](cells, tmp_path), on_disk=True)
    assert not isinstance(read.X, np.ndarray)
    np.testing.assert_array_equal(read.X[4:9], cells.X[4:9])


@pytest.mark.parametrize("store", STORES)
def test_matrix_by_column_says_how_to_store_it(
    tmp_path: Path, cells: anndata.AnnData, store: str
) -> None:
    cells.X = cells.X.tocsc()
    path = WRITERS[store](cells, tmp_path)
    with pytest.raises(InputError, match=r"by column \(CSC\).*adata\.X\.tocsr\(\)"):
        read_cells(path, on_disk=True)
    # Only the matrix that is asked for has to be by row.
    assert read_cells(path, layer="doubled", on_disk=True).shape == (N_CELLS, N_GENES)


@pytest.mark.parametrize("written", [name for name in WRITERS if name not in STORES])
def test_other_formats_cannot_stay_on_disk(
    tmp_path: Path, cells: anndata.AnnData, written: str
) -> None:
    path = WRITERS[written](cells, tmp_path)
    with pytest.raises(InputError, match=r"cannot stay on disk: only \.h5ad and.*write_h5ad"):
        read_cells(path, on_disk=True)
    assert not read_cells(path).uns["grn_read"]["on_disk"]


def test_file_without_x_on_disk(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_h5ad(cells, tmp_path)
    with h5py.File(path, "a") as file:
        del file["X"]
    with pytest.raises(InputError, match=r"has no X.*existing layers: doubled, raw"):
        read_cells(path, on_disk=True)
    assert read_cells(path, layer="raw", on_disk=True).shape == (N_CELLS, 5)


@pytest.mark.parametrize("version", [2, 3])
def test_store_written_without_x(tmp_path: Path, cells: anndata.AnnData, version: int) -> None:
    bare = anndata.AnnData(obs=cells.obs, var=cells.var, layers={"counts": cells.X})
    with anndata.settings.override(zarr_write_format=version):
        path = write_zarr(bare, tmp_path)
    for on_disk in (True, False, None):
        with pytest.raises(InputError, match=r"has no X.*existing layers: counts\)"):
            read_cells(path, on_disk=on_disk)
    assert read_cells(path, layer="counts", on_disk=True).shape == cells.shape


def _free(monkeypatch: pytest.MonkeyPatch, n_bytes: int) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=n_bytes))


@pytest.mark.parametrize("store", STORES)
def test_the_quarter_of_free_memory_decides(
    tmp_path: Path,
    cells: anndata.AnnData,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = WRITERS[store](cells, tmp_path)
    needed = cells.X.nnz * 8  # int32 values and int32 columns
    _free(monkeypatch, 4 * needed)
    assert not exceeds_memory(path, None)
    assert not read_cells(path).uns["grn_read"]["on_disk"]
    _free(monkeypatch, 4 * needed - 1)
    with caplog.at_level(logging.INFO, logger="grn"):
        assert read_cells(path).uns["grn_read"]["on_disk"]
    assert "it stays on disk" in caplog.text
    assert not read_cells(path, on_disk=False).uns["grn_read"]["on_disk"]
    # The raw is smaller, and it is the raw that counts where it is asked for.
    assert cells.raw.X.nnz < cells.X.nnz
    assert not exceeds_memory(path, "raw")
    assert exceeds_memory(path, "doubled")


def test_dense_matrix_is_counted_as_float32(
    tmp_path: Path, cells: anndata.AnnData, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells.X = cells.X.toarray()
    path = write_h5ad(cells, tmp_path)
    _free(monkeypatch, 4 * N_CELLS * N_GENES * 4)
    assert not exceeds_memory(path, None)
    _free(monkeypatch, 4 * N_CELLS * N_GENES * 4 - 1)
    assert exceeds_memory(path, None)


def test_large_matrix_by_column_is_read_with_a_warning(
    tmp_path: Path,
    cells: anndata.AnnData,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cells.X = cells.X.tocsc()
    path = write_h5ad(cells, tmp_path)
    _free(monkeypatch, 100)
    read = read_cells(path)
    np.testing.assert_array_equal(read.X.toarray(), cells.X.toarray())
    assert "it has to be read whole" in caplog.text


def test_backed_object_of_the_user_passes_unharmed(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.obsm["X_umap"] = np.ones((N_CELLS, 2))
    backed = anndata.read_h5ad(write_h5ad(cells, tmp_path), backed="r")
    assert select_layer(backed, None) is backed
    raw = select_layer(backed, "raw")
    np.testing.assert_array_equal(raw.X[[2, 1]].toarray(), cells.X[[2, 1], :5].toarray())
    doubled = select_layer(backed, "doubled")
    np.testing.assert_array_equal(doubled.X[:].toarray(), 2 * cells.X.toarray())
    for chosen in (raw, doubled):
        np.testing.assert_array_equal(chosen.obsm["X_umap"], cells.obsm["X_umap"])
    assert backed.isbacked
    np.testing.assert_array_equal(backed.X[[2, 1]].toarray(), cells.X[[2, 1]].toarray())


def test_backed_object_without_x_names_its_layers(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_h5ad(cells, tmp_path)
    with h5py.File(path, "a") as file:
        del file["X"]
    backed = anndata.read_h5ad(path, backed="r")
    with pytest.raises(InputError, match=r"adata has no X.*existing layers: doubled, raw"):
        select_layer(backed, None)
