"""Cells of one modality of a file that mudata wrote."""

import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest

from grn.data.reading.multimodal import find_modality, split_modality, with_shared
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import counted_cells


def write_h5mu(folder: Path, **modalities: anndata.AnnData) -> Path:
    mudata = pytest.importorskip("mudata")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the version of mudata to come
        whole = mudata.MuData(modalities)
        whole.obs["cell_type"] = pd.Categorical(["T", "B"] * (whole.n_obs // 2) + ["T"])
        whole.write_h5mu(folder / "cells.h5mu")
    return folder / "cells.h5mu"


@pytest.fixture
def rna() -> anndata.AnnData:
    cells = counted_cells("cell_{}")
    cells.obs["leiden"] = pd.Categorical(["0"] * cells.n_obs)
    cells.layers["doubled"] = 2 * cells.X
    cells.obsm["X_umap"] = np.ones((cells.n_obs, 2))
    return cells


@pytest.fixture
def prot(rna: anndata.AnnData) -> anndata.AnnData:
    """Antibodies of the same cells, in another order and without one of them."""
    names = rna.obs_names[::-1][1:]
    counts = np.ones((len(names), 2), "float32")
    return anndata.AnnData(counts, pd.DataFrame(index=names), pd.DataFrame(index=["CD3", "CD19"]))


@pytest.mark.parametrize("on_disk", [False, True])
def test_rna_is_read_with_what_the_file_says_of_all_cells(
    tmp_path: Path, rna: anndata.AnnData, prot: anndata.AnnData, on_disk: bool
) -> None:
    path = write_h5mu(tmp_path, prot=prot, rna=rna)
    read = read_cells(path, on_disk=on_disk)
    np.testing.assert_array_equal(read.X[:], rna.X)
    assert list(read.var_names) == list(rna.var_names)
    assert read.obsm["X_umap"].shape == (rna.n_obs, 2)
    assert read.uns["grn_read"]["format"] == "h5mu"
    assert read.uns["grn_read"]["path"] == str(path / "rna")
    assert list(read.obs) == ["leiden", "cell_type"]
    with h5py.File(path) as file:
        shared = anndata.io.read_elem(file["obs"])["cell_type"]
    assert read.obs["cell_type"].tolist() == shared[rna.obs_names].tolist()
    doubled = read_cells(path, layer="doubled", on_disk=on_disk)
    np.testing.assert_array_equal(doubled.X[:], 2 * rna.X)


def test_another_modality_is_named_in_the_path(
    tmp_path: Path, rna: anndata.AnnData, prot: anndata.AnnData
) -> None:
    path = write_h5mu(tmp_path, prot=prot, rna=rna)
    read = read_cells(path / "prot")
    assert list(read.var_names) == ["CD3", "CD19"]
    assert list(read.obs_names) == list(prot.obs_names)
    with pytest.raises(InputError, match=r"no modality 'atac'. Its modalities: prot, rna\."):
        read_cells(path / "atac")
    with pytest.raises(InputError, match="no such file"):
        read_cells(tmp_path / "other.h5mu" / "rna")


def test_what_holds_expression_has_to_be_said_where_it_is_unclear(
    tmp_path: Path, rna: anndata.AnnData, prot: anndata.AnnData
) -> None:
    path = write_h5mu(tmp_path, gex=rna)
    assert find_modality(path) == path / "gex"
    path = write_h5mu(tmp_path, gex=rna, prot=prot)
    with pytest.raises(InputError, match=r"cells.h5mu/NAME. Its modalities: gex, prot\."):
        read_cells(path)


def test_what_is_no_h5mu(tmp_path: Path, rna: anndata.AnnData) -> None:
    assert split_modality(Path("a/cells.h5ad")) is None
    assert split_modality(Path("a/cells.h5mu")) == (Path("a/cells.h5mu"), "")
    (tmp_path / "noise.h5mu").write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match="as h5mu: it is damaged"):
        read_cells(tmp_path / "noise.h5mu")
    (tmp_path / "empty.h5mu").touch()
    with pytest.raises(InputError, match="is empty"):
        read_cells(tmp_path / "empty.h5mu")
    rna.write_h5ad(tmp_path / "one.h5mu")
    with pytest.raises(InputError, match="Its modalities: none"):
        read_cells(tmp_path / "one.h5mu")


def test_columns_of_the_modality_come_first() -> None:
    obs = pd.DataFrame({"leiden": ["0", "1"]}, index=["a", "b"])
    shared = pd.DataFrame(
        {"leiden": ["x"] * 3, "rna:leiden": ["1", "0", "0"], "donor": ["d2", "d1", "d3"]},
        index=["b", "a", "c"],
    )
    joined = with_shared(obs, shared, "rna")
    assert joined.to_dict("list") == {"leiden": ["0", "1"], "donor": ["d1", "d2"]}


def test_names_of_cells_that_repeat_add_no_rows() -> None:
    obs = pd.DataFrame({"state": [1, 2, 3]}, index=["a", "a", "b"])
    shared = pd.DataFrame({"donor": ["d1", "d2", "d3"]}, index=["a", "a", "b"])
    joined = with_shared(obs, shared, "rna")
    assert joined.to_dict("list") == {"state": [1, 2, 3], "donor": ["d1", "d1", "d3"]}
    assert joined.index.tolist() == ["a", "a", "b"]
