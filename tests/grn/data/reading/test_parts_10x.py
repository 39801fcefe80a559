"""The files of a sample by the names that kb-python, alevin and others give them."""

from pathlib import Path

import anndata
import pytest
import scipy.io
import scipy.sparse as sp

from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.cell_files import N_CELLS, N_GENES, assert_same_cells, counted_cells, write_10x_v3


@pytest.fixture
def cells() -> anndata.AnnData:
    """Counts of 11 cells × 5 genes."""
    return counted_cells("AAAC{}-1")


def rewrite(folder: Path, name: str, lines: list[str]) -> None:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_kb(adata: anndata.AnnData, folder: Path, name: str = "cells_x_genes") -> Path:
    scipy.io.mmwrite(folder / f"{name}.mtx", sp.coo_matrix(adata.X), precision=9)
    rewrite(folder, f"{name}.barcodes.txt", list(adata.obs_names))
    rewrite(folder, f"{name}.genes.txt", [f"ENS{i}" for i in range(adata.n_vars)])
    rewrite(folder, f"{name}.genes.names.txt", list(adata.var_names))
    return folder


@pytest.mark.parametrize("name", ["cells_x_genes", "spliced", "sample1_cells_x_genes"])
@pytest.mark.parametrize("n_cells", [N_CELLS, N_GENES])
def test_kb_python(tmp_path: Path, cells: anndata.AnnData, name: str, n_cells: int) -> None:
    if n_cells == N_GENES and name == "spliced":
        pytest.skip("nothing tells how a square matrix lies")
    cells = cells[:n_cells].copy()
    read = read_cells(write_kb(cells, tmp_path, name))
    assert_same_cells(read, cells)
    assert list(read.var["gene_ids"]) == [f"ENS{i}" for i in range(N_GENES)]
    assert read.uns["grn_read"]["orientation"] == "cells × genes"
    (tmp_path / f"{name}.genes.names.txt").unlink()
    assert list(read_cells(tmp_path / f"{name}.mtx").var_names) == list(read.var["gene_ids"])


@pytest.mark.parametrize(
    "inside",
    [
        *("outs/filtered_feature_bc_matrix", "Solo.out/Gene/filtered", "Gene/filtered"),
        *("filtered", "counts_unfiltered", "alevin"),
    ],
)
def test_folder_around_a_sample(tmp_path: Path, cells: anndata.AnnData, inside: str) -> None:
    (tmp_path / inside).mkdir(parents=True)
    (tmp_path / "metrics_summary.csv").write_text("a,b\n1,2\n")
    if inside == "counts_unfiltered":
        write_kb(cells, tmp_path / inside)
    elif inside == "alevin":
        write_alevin(cells, tmp_path / inside)
    else:
        write_10x_v3(cells, tmp_path / inside)
    assert_same_cells(read_cells(tmp_path), cells)


def test_called_cells_come_before_all_barcodes(tmp_path: Path, cells: anndata.AnnData) -> None:
    for name, n_cells in (("counts_filtered", 4), ("counts_unfiltered", N_CELLS)):
        (tmp_path / name).mkdir()
        write_kb(cells[:n_cells].copy(), tmp_path / name)
    assert_same_cells(read_cells(tmp_path), cells[:4])


def test_folder_of_that_name_without_a_sample_hides_nothing(
    tmp_path: Path, cells: anndata.AnnData
) -> None:
    (tmp_path / "filtered").mkdir()
    cells.write_h5ad(tmp_path / "cells.h5ad")
    assert read_cells(tmp_path).uns["grn_read"]["format"] == "h5ad"


def write_alevin(adata: anndata.AnnData, folder: Path, names: list[str] | None = None) -> Path:
    scipy.io.mmwrite(folder / "quants_mat.mtx", sp.coo_matrix(adata.X), precision=9)
    rewrite(folder, "quants_mat_rows.txt", list(adata.obs_names))
    rewrite(folder, "quants_mat_cols.txt", names or list(adata.var_names))
    return folder


@pytest.mark.parametrize("n_cells", [N_CELLS, N_GENES], ids=["cells", "as many cells as genes"])
def test_alevin(tmp_path: Path, cells: anndata.AnnData, n_cells: int) -> None:
    cells = cells[:n_cells].copy()
    assert_same_cells(read_cells(write_alevin(cells, tmp_path)), cells)
    read = read_cells(tmp_path / "quants_mat.mtx")
    assert_same_cells(read, cells)
    assert read.uns["grn_read"]["orientation"] == "cells × genes"


def test_binary_matrix_of_alevin_says_how_to_go_on(tmp_path: Path, cells: anndata.AnnData) -> None:
    write_alevin(cells, tmp_path)
    (tmp_path / "quants_mat.mtx").rename(tmp_path / "quants_mat.gz")
    with pytest.raises(InputError, match=r"quants_mat\.gz is the binary matrix.*--dumpMtx"):
        read_cells(tmp_path)
