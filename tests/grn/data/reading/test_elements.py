"""What nobody needs of a store is not read, and what is broken there breaks nothing."""

import logging
import tracemalloc
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.data.reading import elements
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import assert_same_cells, write_h5ad, write_zarr

N_CELLS, N_GENES = 23, 7


@pytest.fixture
def cells() -> anndata.AnnData:
    """Counts of 23 cells × 7 genes with something of every kind beside them."""
    counts = np.random.default_rng(0).poisson(2.0, (N_CELLS, N_GENES)).astype("float32")
    days = {"day": np.arange(N_CELLS), "stage": pd.Categorical(["early"] * N_CELLS)}
    return anndata.AnnData(
        counts,
        obs=pd.DataFrame(days, index=[f"cell_{i}" for i in range(N_CELLS)]),
        var=pd.DataFrame(
            {"symbol": list("ABCDEFG")}, index=[f"gene-X{i}" for i in range(N_GENES)]
        ),
        layers={"doubled": 2 * counts},
        obsm={"X_pca": np.ones((N_CELLS, 2))},
        uns={"log1p": {"base": 2.0, "note": "kept"}, "colours": np.array(["a", "b"])},
    )


NEWER = {"encoding-type": "ragged-array", "encoding-version": "9.0.0"}


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize(
    "place",
    ["uns/colours", "uns/log1p/note", "obs/day", "obs/stage", "var/symbol", "obsm/X_pca",
     "layers/doubled"],
)  # fmt: skip
@pytest.mark.parametrize("fault", ["unknown encoding", "missing"])
def test_an_odd_element_changes_nothing_else(
    tmp_path: Path,
    cells: anndata.AnnData,
    place: str,
    fault: str,
    on_disk: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cells.X = sp.csr_matrix(cells.X)
    path = write_h5ad(cells, tmp_path)
    with h5py.File(path, "a") as file:
        if fault == "missing":
            del file[place]
        else:
            file[place].attrs.update(NEWER)
    read = read_cells(path, on_disk=on_disk)
    np.testing.assert_array_equal(read.X[:].toarray(), cells.X.toarray())
    group, name = place.split("/", 1)
    beside = {"obs/day": ["stage"], "obs/stage": ["day"]}.get(place, ["day", "stage"])
    assert list(read.obs) == beside
    assert read.uns["log1p"]["base"] == 2.0
    said = group != "layers" and not (group in ("uns", "obsm") and fault == "missing")
    assert list(read.obsm) == ([] if group == "obsm" else ["X_pca"])
    assert (place in caplog.text) == said
    if group == "layers" and fault == "unknown encoding":
        with pytest.raises(InputError, match="cannot read"):
            read_cells(path, layer=name, on_disk=False)


def test_column_of_another_length_is_left_out(
    tmp_path: Path, cells: anndata.AnnData, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_h5ad(cells, tmp_path)
    with h5py.File(path, "a") as file:
        attributes = dict(file["obs/day"].attrs)
        del file["obs/day"]
        file["obs/day"] = np.arange(3)
        file["obs/day"].attrs.update(attributes)
    read = read_cells(path)
    assert_same_cells(read, cells)
    assert list(read.obs) == ["stage"]
    assert "obs/day (it has 3 entries, the table 23 rows)" in caplog.text


def test_names_have_to_be_readable(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_h5ad(cells, tmp_path)
    with h5py.File(path, "a") as file:
        file["var/_index"].attrs.update(NEWER)
    with pytest.raises(InputError, match=r"cannot read .*cells\.h5ad"):
        read_cells(path)


@pytest.mark.parametrize("write", [write_h5ad, write_zarr])
def test_what_is_not_read_is_named(
    tmp_path: Path, cells: anndata.AnnData, write, caplog: pytest.LogCaptureFixture
) -> None:
    cells.raw = cells.copy()
    path = write(cells, tmp_path)
    with caplog.at_level(logging.INFO, logger="grn"):
        read = read_cells(path)
    assert "other matrices, not read: doubled, raw" in caplog.text
    assert read.uns["grn_read"]["layers"] == ["doubled", "raw"]
    assert (list(read.layers), list(read.obsm), read.raw) == ([], ["X_pca"], None)
    read.write_h5ad(tmp_path / "again.h5ad")


def test_embeddings_that_do_not_fit_are_left_out(
    tmp_path: Path,
    cells: anndata.AnnData,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells.obsm["X_umap"] = np.random.default_rng(0).normal(size=(N_CELLS, 2)).astype("float32")
    cells.obsm["proteins"] = pd.DataFrame({"CD3": 1.5}, index=cells.obs_names)
    cells.obsm["X_large"] = np.zeros((N_CELLS, 100))
    path = write_h5ad(cells, tmp_path)
    with h5py.File(path, "a") as file:
        file["obsm/X_short"] = np.ones((N_CELLS - 1, 2))
    monkeypatch.setattr(elements, "_LARGE_OBSM", N_CELLS * 100 * 8 - 1)
    read = read_cells(path)
    assert set(read.obsm) == {"X_pca", "X_umap", "proteins"}
    np.testing.assert_array_equal(read.obsm["X_umap"], cells.obsm["X_umap"])
    assert read.obsm["proteins"]["CD3"].tolist() == [1.5] * N_CELLS
    assert "obsm/X_short (shape (22, 2) for 23 cells)" in caplog.text
    assert "obsm/X_large (0 MB)" in caplog.text


def test_large_entries_of_uns_stay_where_they_are(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.uns["spatial"] = {"image": np.zeros((400, 400)), "scale": 0.5}
    assert read_cells(write_h5ad(cells, tmp_path)).uns["spatial"] == {"scale": 0.5}


@pytest.mark.parametrize("write", [write_h5ad, write_zarr])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_peak_of_reading_is_close_to_the_matrix(tmp_path: Path, write, dtype: str) -> None:
    shape = (20_000, 500)  # 40 MB as float32
    values = np.ones(shape, dtype)
    names = [
        pd.DataFrame(index=[f"{what}{i}" for i in range(n)])
        for what, n in zip("cg", shape, strict=True)
    ]
    path = write(anndata.AnnData(values, *names, layers={"a": values, "b": values}), tmp_path)
    tracemalloc.start()
    read = read_cells(path, on_disk=False)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.X.nbytes == 4 * values.size
    assert peak < 2.2 * read.X.nbytes


@pytest.mark.parametrize("on_disk", [False, True])
@pytest.mark.parametrize("write", [write_h5ad, write_zarr])
def test_a_file_that_was_refused_can_be_written_again(
    tmp_path: Path, cells: anndata.AnnData, write, on_disk: bool
) -> None:
    """HDF5 gives what it remembers of an open file, even if another was written in its place."""
    lacking = cells.copy()
    del lacking.X
    path = write(lacking, tmp_path)
    with pytest.raises(InputError, match="X"):
        read_cells(path, on_disk=on_disk)
    with pytest.raises(InputError, match="no_such") as kept:  # its traceback holds the frames
        read_cells(path, layer="no_such", on_disk=on_disk)
    assert write(cells, tmp_path) == path
    read = read_cells(path, on_disk=on_disk)
    assert_same_cells(read.to_memory() if on_disk else read, cells)
    assert kept.value.__traceback__ is not None


def test_reading_into_memory_closes_the_file(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_h5ad(cells, tmp_path)
    read = read_cells(path)
    with h5py.File(path, "a") as file:  # impossible while it is open to be read
        file.attrs["seen"] = 1
    assert read.n_obs == N_CELLS
