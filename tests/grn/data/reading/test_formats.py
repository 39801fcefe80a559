"""loom, zarr and old `.h5ad`: which names and matrices are taken, and what broken ones say."""

import logging
import re
import shutil
from pathlib import Path

import anndata
import h5py
import loompy
import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.reading.formats import SUPPORTED, find_format
from grn.data.reading.orientation import CELLS_BY_GENES, GENES_BY_CELLS
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import (
    N_CELLS,
    N_GENES,
    WRITERS,
    assert_same_cells,
    counted_cells,
    write_beeline,
    write_h5ad,
    write_loom,
    write_zarr,
)


@pytest.fixture
def cells() -> anndata.AnnData:
    """Counts of 11 cells × 5 genes."""
    return counted_cells("cell_{}")


@pytest.mark.parametrize("written", WRITERS)
def test_each_format_is_told_by_what_lies_there(
    tmp_path: Path, cells: anndata.AnnData, written: str
) -> None:
    path = WRITERS[written](cells, tmp_path)
    found = find_format(path)
    assert found.path == path
    expected = "text" if ".csv" in written or ".tsv" in written else written
    expected = re.sub(r" (v\d|zip)", "", expected)
    assert found.kind == expected
    assert find_format(Path(shutil.copytree(path, tmp_path / "copy")) if path.is_dir() else path)


@pytest.mark.parametrize("written", WRITERS)
def test_orientation_is_stated(
    tmp_path: Path, cells: anndata.AnnData, written: str, caplog: pytest.LogCaptureFixture
) -> None:
    by_cell = written in ("h5ad", "zarr", "zarr zip") or "cells as rows" in written
    with caplog.at_level(logging.INFO, logger="grn"):
        read = read_cells(WRITERS[written](cells, tmp_path))
    layout = CELLS_BY_GENES if by_cell else GENES_BY_CELLS
    assert read.uns["grn_read"]["orientation"] == layout
    assert f"stored {layout}: {read.uns['grn_read']['orientation_reason']}" in caplog.text
    assert read.shape == (N_CELLS, N_GENES)


@pytest.mark.parametrize(
    ("genes", "names"), [("Gene", "CellID"), ("var_names", "obs_names")], ids=lambda key: key
)
def test_loom_names_and_orientation(
    tmp_path: Path,
    cells: anndata.AnnData,
    genes: str,
    names: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_loom(cells, tmp_path, genes, names)
    with caplog.at_level(logging.INFO, logger="grn"):
        read = read_cells(path)
    assert_same_cells(read, cells)
    assert sp.issparse(read.X)
    assert read.uns["grn_read"]["orientation"] == "genes × cells"
    assert f"genes named by {genes}, cells by {names}" in caplog.text


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_loom_of_anndata_keeps_its_layers(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.layers["spliced"] = 2 * cells.X
    cells.write_loom(tmp_path / "x.loom")
    # anndata would take the layer `spliced` in place of the main matrix.
    assert_same_cells(read_cells(tmp_path / "x.loom"), cells)
    np.testing.assert_array_equal(
        read_cells(tmp_path / "x.loom", layer="spliced").X.toarray(), 2 * cells.X
    )


def test_loom_with_two_sets_of_names(tmp_path: Path, cells: anndata.AnnData) -> None:
    ids = np.array([f"ENSG{i}" for i in range(N_GENES)])
    rows = {"Gene": ids, "var_names": cells.var_names.to_numpy(str)}
    path = tmp_path / "x.loom"
    loompy.create(str(path), cells.X.T, rows, {"CellID": cells.obs_names.to_numpy(str)})
    assert_same_cells(read_cells(path), cells)
    assert list(read_cells(path, gene_column="Gene").var_names) == list(ids)


@pytest.mark.parametrize("genes", ["Gene", "var_names"])
def test_loom_column_that_names_the_genes_already(
    tmp_path: Path, cells: anndata.AnnData, genes: str
) -> None:
    path = write_loom(cells, tmp_path, genes, "CellID")
    assert_same_cells(read_cells(path, gene_column=genes), cells)
    with pytest.raises(InputError, match=f"no column 'x'.*Its index is '{genes}' already"):
        read_cells(path, gene_column="x")


@pytest.mark.parametrize("axis", ["row_attrs", "col_attrs"])
@pytest.mark.parametrize("values", [np.arange(3.0), np.ones((3, 2)), np.array("one")])
def test_loom_attribute_of_another_length(
    tmp_path: Path,
    cells: anndata.AnnData,
    axis: str,
    values: np.ndarray,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_loom(cells, tmp_path)
    with h5py.File(path, "a") as file:
        file[axis]["Odd"] = values.astype("S3") if values.dtype.kind == "U" else values
        file[axis]["Good"] = np.arange(file["matrix"].shape[axis == "col_attrs"])
    read = read_cells(path)
    assert_same_cells(read, cells)
    assert list(read.var) + list(read.obs) == ["Good"]
    assert "left out attributes that do not fit: Odd" in caplog.text


def test_loom_names_of_another_length(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_loom(cells, tmp_path)
    with h5py.File(path, "a") as file:
        del file["row_attrs/Gene"]
        file["row_attrs/Gene"] = np.array(["A", "B"], dtype="S1")
    with pytest.raises(InputError, match=r"the names Gene do not fit 5 rows"):
        read_cells(path)


def test_loom_layer_that_is_not_there(tmp_path: Path, cells: anndata.AnnData) -> None:
    with pytest.raises(InputError, match=r"no layer 'spliced'\. Existing layers: none"):
        read_cells(write_loom(cells, tmp_path), layer="spliced")


def test_loom_without_usual_names(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_loom(cells, tmp_path, genes="Symbol", cells="Barcode")
    with pytest.raises(InputError, match=r"under var_names or Gene; .* are Symbol\. .*--gene-col"):
        read_cells(path)
    cells.obs_names = [str(i + 1) for i in range(N_CELLS)]
    read = read_cells(path, gene_column="Symbol")
    assert_same_cells(read, cells)
    assert "genes named by Symbol, cells by number" in read.uns["grn_read"]["orientation_reason"]


def test_loom_names_beyond_ascii(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_loom(cells, tmp_path)
    with h5py.File(path, "a") as file:
        del file["row_attrs/Gene"]
        file["row_attrs/Gene"] = np.array(["GATA1", "α", "&#946;", "ACTB", "RPL3"], dtype=object)
    assert list(read_cells(path).var_names) == ["GATA1", "α", "β", "ACTB", "RPL3"]


def test_loom_of_scenic_leaves_its_regulons(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_loom(cells, tmp_path)
    records = np.zeros(N_GENES, dtype=[("GATA1(+)", "i4"), ("SPI1(+)", "i4")])
    with h5py.File(path, "a") as file:
        file["row_attrs/Regulons"], file["row_attrs/Chromosome"] = records, np.arange(N_GENES)
    read = read_cells(path)
    assert_same_cells(read, cells)
    assert list(read.var) == ["Chromosome"]
    read.write_h5ad(tmp_path / "again.h5ad")


def test_loom_that_is_none_or_cut(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = write_loom(cells, tmp_path)
    (tmp_path / "cut.loom").write_bytes(path.read_bytes()[:4000])
    with pytest.raises(InputError, match=r"cannot read .*cut\.loom as loom"):
        read_cells(tmp_path / "cut.loom")
    write_h5ad(cells, tmp_path).rename(tmp_path / "other.loom")
    with pytest.raises(InputError, match=r"other\.loom is no loom: it holds X, .*expected matrix"):
        read_cells(tmp_path / "other.loom")


def test_zarr_folder_of_any_name_and_zip(tmp_path: Path, cells: anndata.AnnData) -> None:
    path = WRITERS["zarr zip"](cells, tmp_path)
    assert_same_cells(read_cells(path), cells)
    shutil.move(tmp_path / "cells.zarr", tmp_path / "atlas")
    assert_same_cells(read_cells(tmp_path / "atlas"), cells)


@pytest.mark.parametrize("storage", [np.asarray, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize("dtype", ["int64", "float64", "bool"])
def test_zarr_of_any_storage(tmp_path: Path, cells: anndata.AnnData, storage, dtype: str) -> None:
    values = cells.X.astype(dtype)
    cells.X = storage(values)
    read = read_cells(write_zarr(cells, tmp_path))
    cells.X = values
    assert_same_cells(read, cells)


def test_zarr_of_format_3(tmp_path: Path, cells: anndata.AnnData) -> None:
    with anndata.settings.override(zarr_write_format=3):
        path = write_zarr(cells, tmp_path).rename(tmp_path / "atlas")
    assert (path / "zarr.json").exists()
    assert_same_cells(read_cells(path), cells)
    np.testing.assert_array_equal(read_cells(path, on_disk=True).X[2:5], cells.X[2:5])


def test_corrupt_zarr(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.X = sp.csr_matrix(cells.X)
    path = write_zarr(cells, tmp_path)
    (path / "X/data/0").write_bytes(b"x")
    with pytest.raises(InputError, match=r"cannot read .*cells\.zarr as zarr"):
        read_cells(path)
    shutil.rmtree(path / "var")
    with pytest.raises(InputError, match=r"cells\.zarr"):
        read_cells(path)
    (tmp_path / "folder.zarr").mkdir()
    with pytest.raises(InputError, match=r"folder\.zarr as zarr"):
        read_cells(tmp_path / "folder.zarr")
    (tmp_path / "noise.zarr.zip").write_bytes(b"no zip" * 40)
    with pytest.raises(InputError, match=r"noise\.zarr\.zip as zarr"):
        read_cells(tmp_path / "noise.zarr.zip")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::anndata.OldFormatWarning")
def test_h5ad_of_an_old_anndata(tmp_path: Path, cells: anndata.AnnData) -> None:
    # anndata 0.6: tables are compound arrays, and nothing says how it is encoded.
    counts = sp.csr_matrix(cells.X)
    with h5py.File(tmp_path / "x.h5ad", "w") as file:
        matrix = file.create_group("X")
        for name in ("data", "indices", "indptr"):
            matrix[name] = getattr(counts, name)
        matrix.attrs["h5sparse_format"], matrix.attrs["h5sparse_shape"] = "csr", counts.shape
        for axis, names in (("obs", cells.obs_names), ("var", cells.var_names)):
            file[axis] = np.array([(name,) for name in names], dtype=[("index", "S10")])
    assert_same_cells(read_cells(tmp_path / "x.h5ad"), cells)


def test_beeline_times_of_numbered_cells(tmp_path: Path, cells: anndata.AnnData) -> None:
    cells.obs_names = [f"{i:03d}" for i in range(N_CELLS)]
    read = read_cells(write_beeline(cells, tmp_path))
    assert_same_cells(read, cells)
    assert read.obs["PseudoTime"].tolist() == list(range(N_CELLS))


def test_unknown_formats_list_the_known_ones(tmp_path: Path) -> None:
    for name in ("x.docx", "x.rds.gz", "x.gz", "x.h5ad.gz", "x"):
        (tmp_path / name).write_text("x")
        with pytest.raises(InputError, match="unknown format") as caught:
            find_format(tmp_path / name)
        assert SUPPORTED in str(caught.value)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="folder without") as caught:
        find_format(tmp_path / "empty")
    assert SUPPORTED in str(caught.value)


def test_documentation_names_tests_that_exist() -> None:
    root = Path(__file__).parents[4]
    named = set(re.findall(r"`(test_\w+)", (root / "docs/formats.md").read_text("utf-8")))
    files = {path.stem: path.read_text("utf-8") for path in (root / "tests/grn").rglob("*.py")}
    defined = set(re.findall(r"^def (test_\w+)", "\n".join(files.values()), flags=re.MULTILINE))
    assert len(named) > 20
    assert named <= defined | set(files)
