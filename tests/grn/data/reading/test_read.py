"""Every supported format reads into cells × genes, and every broken file says what is wrong."""

import logging
import re
import shutil
import warnings
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.data.reading.layers import select_layer
from grn.data.reading.orientation import CELLS_BY_GENES, GENES_BY_CELLS
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import WRITERS, assert_same_cells

N_CELLS, N_GENES = 23, 7


@pytest.fixture
def cells() -> anndata.AnnData:
    """Counts of 23 cells × 7 genes, different everywhere enough to notice a transposition."""
    rng = np.random.default_rng(0)
    counts = rng.poisson(2.0, (N_CELLS, N_GENES)).astype(np.float32)
    genes = ["GATA1", "SPI1", "CEBPA", "ACTB", "RPL3", "TMEM119", "ZNF143"]
    return anndata.AnnData(
        X=counts,
        obs=pd.DataFrame(index=[f"cell_{i}" for i in range(N_CELLS)]),
        var=pd.DataFrame(index=genes),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
def test_h5ad_of_any_storage(
    tmp_path: Path, cells: anndata.AnnData, kind: str, dtype: str
) -> None:
    values = cells.X.astype(dtype)
    cells.X = values.astype("float32")
    stored = {"dense": values, "csr": sp.csr_matrix(values), "csc": sp.csc_matrix(values)}[kind]
    path = tmp_path / "cells.h5ad"
    anndata.AnnData(X=stored, obs=cells.obs, var=cells.var).write_h5ad(path)
    read = read_cells(path)
    assert_same_cells(read, cells)
    assert sp.issparse(read.X) == (kind != "dense")
    assert not sp.issparse(read.X) or read.X.format == "csr"
    assert read.uns["grn_read"]["format"] == "h5ad"


def test_zarr(tmp_path: Path, cells: anndata.AnnData) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the version of zarr to come
        cells.write_zarr(tmp_path / "cells.zarr")
    assert_same_cells(read_cells(tmp_path / "cells.zarr"), cells)


@pytest.mark.parametrize("name", ["x.csv", "x.tsv", "x.txt", "x.csv.gz", "x.tsv.gz"])
@pytest.mark.parametrize("layout", [GENES_BY_CELLS, CELLS_BY_GENES])
def test_text_in_both_orientations(
    tmp_path: Path,
    cells: anndata.AnnData,
    name: str,
    layout: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    frame = cells.to_df() if layout == CELLS_BY_GENES else cells.to_df().T
    frame.to_csv(tmp_path / name, sep="," if "csv" in name else "\t")
    with caplog.at_level(logging.INFO, logger="grn"):
        read = read_cells(tmp_path / name)
    assert_same_cells(read, cells)
    assert read.uns["grn_read"]["orientation"] == layout
    assert layout in caplog.text


def test_text_without_row_names_holds_cells(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.to_df().to_csv(tmp_path / "x.csv", index=False)
    cells.obs_names = [str(i + 1) for i in range(N_CELLS)]
    assert_same_cells(read_cells(tmp_path / "x.csv"), cells)


def test_beeline_folder_with_pseudotime(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.to_df().T.to_csv(tmp_path / "ExpressionData.csv")
    times = pd.DataFrame({"PseudoTime1": np.arange(N_CELLS)}, index=cells.obs_names)
    times[::-1].to_csv(tmp_path / "PseudoTime.csv")
    read = read_cells(tmp_path)
    assert_same_cells(read, cells)
    np.testing.assert_array_equal(read.obs["PseudoTime1"], np.arange(N_CELLS))
    times.iloc[1:].to_csv(tmp_path / "PseudoTime.csv")
    with pytest.raises(InputError, match="one row per cell"):
        read_cells(tmp_path)


def test_folder_of_one_h5ad(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.write_h5ad(tmp_path / "expression.h5ad")
    (tmp_path / "tfs.txt").write_text("A\n")
    assert_same_cells(read_cells(tmp_path), cells)
    cells.write_h5ad(tmp_path / "second.h5ad")
    with pytest.raises(InputError, match=r"a single \.h5ad"):
        read_cells(tmp_path)


def test_layer_replaces_x(tmp_path: Path, cells: anndata.AnnData) -> None:
    scaled = cells.copy()
    scaled.layers["counts"] = cells.X.copy()
    scaled.X = cells.X - 1.0
    scaled.write_h5ad(tmp_path / "x.h5ad")
    read = read_cells(tmp_path / "x.h5ad", layer="counts")
    assert_same_cells(read, cells)
    assert read.uns["grn_read"]["layer"] == "counts"
    with pytest.raises(InputError, match=r"no layer .raw.\. Existing layers: counts"):
        read_cells(tmp_path / "x.h5ad", layer="raw")


def test_raw_is_a_layer_with_genes_of_its_own(tmp_path: Path, cells: anndata.AnnData) -> None:
    scaled = cells[:, :5].copy()
    scaled.raw = cells
    scaled.X = scaled.X - 1.0
    scaled.write_h5ad(tmp_path / "x.h5ad")
    read = read_cells(tmp_path / "x.h5ad", layer="raw")
    assert_same_cells(read, cells)
    assert read.uns["grn_read"]["layer"] == "raw"
    with pytest.raises(InputError, match=r"no layer 'x'\. Existing layers: raw"):
        read_cells(tmp_path / "x.h5ad", layer="x")
    # A layer that somebody called raw comes first.
    scaled.layers["raw"] = scaled.X + 9.0
    np.testing.assert_array_equal(select_layer(scaled, "raw").X, scaled.X + 9.0)


@pytest.mark.parametrize("kind", ["object", "category"])
def test_gene_column_names_the_genes(
    tmp_path: Path, cells: anndata.AnnData, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    genes = list(cells.var_names)
    cells.var_names = [f"ENSG{i:011d}" for i in range(N_GENES)]
    named = [genes[0], None, genes[0], "", *genes[4:]]
    cells.var["feature_name"] = pd.Series(named, index=cells.var_names, dtype=kind)
    cells.write_h5ad(tmp_path / "x.h5ad")
    read = read_cells(tmp_path / "x.h5ad", gene_column="feature_name")
    expected = ["GATA1", "ENSG00000000001", "GATA1-1", "ENSG00000000003", *genes[4:]]
    assert list(read.var_names) == expected
    assert "2 gene(s) have no feature_name and keep the name of the index" in caplog.text
    assert "1 repeated gene symbol(s) of feature_name numbered" in caplog.text
    assert read.uns["grn_read"]["gene_column"] == "feature_name"
    read.write_h5ad(tmp_path / "again.h5ad")  # the index does not clash with the column
    with pytest.raises(InputError, match=r"no column 'symbol'.*Its columns: feature_name"):
        read_cells(tmp_path / "x.h5ad", gene_column="symbol")


def test_gene_column_that_is_the_index_already(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.var_names.name = "symbol"
    cells.write_h5ad(tmp_path / "x.h5ad")
    assert_same_cells(read_cells(tmp_path / "x.h5ad", gene_column="symbol"), cells)


def test_sparse_columns_beyond_the_matrix(tmp_path: Path, cells: anndata.AnnData) -> None:
    # scipy would read foreign memory in place of an error.
    cells.X = sp.csr_matrix(cells.X)
    cells.write_h5ad(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad", "a") as file:
        file["X/indices"][3] = N_GENES + 5
    with pytest.raises(InputError, match=r"cannot read .*x\.h5ad.*indices"):
        read_cells(tmp_path / "x.h5ad")


def test_complex_numbers_are_no_expression(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.X = cells.X * 1j
    cells.write_h5ad(tmp_path / "x.h5ad")
    with pytest.raises(InputError, match=r"complex.*store expression as integers or floats"):
        read_cells(tmp_path / "x.h5ad")


@pytest.mark.parametrize("shape", [(0, N_GENES), (N_CELLS, 0)])
def test_no_cells_or_genes_is_for_preprocess_to_judge(
    tmp_path: Path, cells: anndata.AnnData, shape: tuple[int, int]
) -> None:
    cells.X = sp.csr_matrix(cells.X)
    cells[: shape[0], : shape[1]].copy().write_h5ad(tmp_path / "x.h5ad")
    assert read_cells(tmp_path / "x.h5ad").shape == shape


def test_layer_of_an_object_leaves_it_unchanged(cells: anndata.AnnData) -> None:
    cells.layers["doubled"] = 2 * cells.X
    chosen = select_layer(cells, "doubled")
    np.testing.assert_array_equal(chosen.X, 2 * cells.X)
    assert np.shares_memory(chosen.X, cells.layers["doubled"])
    assert select_layer(cells, None) is cells
    with pytest.raises(InputError, match=r"adata has no layer 'x'\. Existing layers: doubled"):
        select_layer(cells, "x")


def test_h5ad_without_x_names_its_layers(tmp_path: Path, cells: anndata.AnnData) -> None:
    anndata.AnnData(obs=cells.obs, var=cells.var, layers={"counts": cells.X}).write_h5ad(
        tmp_path / "x.h5ad"
    )
    with pytest.raises(InputError, match=r"has no X.*existing layers: counts"):
        read_cells(tmp_path / "x.h5ad")
    assert_same_cells(read_cells(tmp_path / "x.h5ad", layer="counts"), cells)


@pytest.mark.parametrize("written", WRITERS)
def test_repeated_names_come_out_alike(
    tmp_path: Path,
    cells: anndata.AnnData,
    written: str,
    caplog: pytest.LogCaptureFixture,
    recwarn: pytest.WarningsRecorder,
) -> None:
    cells.var_names = ["GATA1", "SPI1", "GATA1", "ACTB", "RPL3", "GATA1", "ZNF143"]
    read = read_cells(WRITERS[written](cells, tmp_path))
    expected = ["GATA1", "SPI1", "GATA1-1", "ACTB", "RPL3", "GATA1-2", "ZNF143"]
    assert list(read.var_names) == expected
    assert "2 repeated gene symbol(s)" in caplog.text
    assert not [one for one in recwarn if "unique" in str(one.message)]  # anndata's own words


def test_truncated_and_corrupt_files(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.write_h5ad(tmp_path / "x.h5ad")
    whole = (tmp_path / "x.h5ad").read_bytes()
    (tmp_path / "cut.h5ad").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "noise.h5ad").write_bytes(bytes(range(256)) * 40)
    cells.to_df().to_csv(tmp_path / "x.csv.gz")
    zipped = (tmp_path / "x.csv.gz").read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(zipped[:-40])
    (tmp_path / "noise.csv").write_bytes(bytes(range(255, 0, -1)) * 4)
    with h5py.File(tmp_path / "other.h5ad", "w") as file:
        file["something"] = np.arange(3)
    for name in ["cut.h5ad", "noise.h5ad", "cut.csv.gz", "noise.csv"]:
        with pytest.raises(InputError, match=re.escape(name)) as caught:
            read_cells(tmp_path / name)
        assert caught.value.__cause__ is not None, name
    with pytest.raises(InputError, match=r"other\.h5ad"):
        read_cells(tmp_path / "other.h5ad")


def test_beeline_matrix_without_gene_names(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.to_df().to_csv(tmp_path / "ExpressionData.csv", index=False)
    with pytest.raises(InputError, match="no gene names in its first column"):
        read_cells(tmp_path)


def test_rows_longer_than_the_header(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(",A,B\nx,1,2\ny,1,2,3\n")
    with pytest.raises(InputError, match=r"x\.csv"):
        read_cells(tmp_path / "x.csv")


def test_wrong_paths_and_formats(tmp_path: Path) -> None:
    for name in ["empty.h5ad", "empty.csv", "empty.csv.gz", "empty.h5"]:
        (tmp_path / name).touch()
        with pytest.raises(InputError, match="is empty"):
            read_cells(tmp_path / name)
    with pytest.raises(InputError, match="no such file or folder"):
        read_cells(tmp_path / "missing.h5ad")
    (tmp_path / "cells.rds").write_text("x")
    with pytest.raises(InputError, match=r"unknown format. Supported: \.h5ad"):
        read_cells(tmp_path / "cells.rds")
    (tmp_path / "no_suffix").write_text("x")
    with pytest.raises(InputError, match="unknown format"):
        read_cells(tmp_path / "no_suffix")
    with pytest.raises(InputError, match=r"empty\.h5ad is empty"):
        read_cells(tmp_path)
    (tmp_path / "empty.h5ad").unlink()
    with pytest.raises(InputError, match=r"a folder without ExpressionData\.csv"):
        read_cells(tmp_path)


def test_strings_as_expression(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.write_h5ad(tmp_path / "x.h5ad")
    with h5py.File(tmp_path / "x.h5ad", "a") as file:
        del file["X"]
        file["X"] = cells.X.astype(str).astype("S8")
    with pytest.raises(InputError, match=r"x\.h5ad"):
        read_cells(tmp_path / "x.h5ad")


@pytest.mark.data
def test_shared_sets_have_their_stated_shape(shared_data: Path, tmp_path: Path) -> None:
    adata = read_cells(shared_data / "beeline/mDC/expression.h5ad")
    assert adata.shape == (383, 821)
    assert sp.issparse(adata.X)
    folder = shared_data / "beeline_simulated/GSD/GSD_2000_0"
    simulated = read_cells(folder)
    assert simulated.shape == (2000, 19)
    assert simulated.obs.columns.tolist() == ["PseudoTime1", "PseudoTime2"]
    alone = tmp_path / "cells.csv"
    shutil.copy(folder / "ExpressionData.csv", alone)
    assert_same_cells(read_cells(alone), simulated)
