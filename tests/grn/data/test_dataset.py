from typing import Any

import anndata
import numpy as np
import pytest
import scipy.sparse as sp
import torch

from grn.data import dataset
from grn.data.dataset import CellDataset

KINDS = {"dense": np.array, "csr": sp.csr_matrix, "csc": sp.csc_matrix}


def log_expression(n_cells: int = 37, n_genes: int = 11) -> np.ndarray:
    rng = np.random.default_rng(0)
    counts = rng.poisson(rng.uniform(0.5, 4.0, n_genes), (n_cells, n_genes))
    return np.log1p(counts).astype(np.float32)


def z_scores(values: np.ndarray) -> np.ndarray:
    root = np.sqrt(values.astype(np.float64))
    return (root - root.mean(0)) / root.std(0)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_z_scores_of_the_root(kind: str) -> None:
    values = log_expression()
    dataset = CellDataset(anndata.AnnData(KINDS[kind](values)))
    assert len(dataset) == 37
    rows = dataset.rows(np.arange(37))
    assert rows.dtype == torch.float32
    np.testing.assert_allclose(rows, z_scores(values), atol=1e-4)
    np.testing.assert_allclose(dataset.rows([30, 2, 2]), z_scores(values)[[30, 2, 2]], atol=1e-4)
    np.testing.assert_allclose(dataset[5], z_scores(values)[5], atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_roots_are_not_standardised(kind: str) -> None:
    values = log_expression()
    roots = CellDataset(anndata.AnnData(KINDS[kind](values))).roots([30, 2, 2])
    np.testing.assert_allclose(roots, np.sqrt(values)[[30, 2, 2]], rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_a_housekeeping_gene_in_many_cells_has_unit_variance(kind: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(5, [1.0, 0.2, 0.05], (20_000, 3)).astype(np.float32)
    rows = CellDataset(anndata.AnnData(KINDS[kind](values))).rows(np.arange(20_000))
    np.testing.assert_allclose(rows, z_scores(values), atol=5e-3)


@pytest.mark.parametrize("kind", KINDS)
def test_a_constant_gene_is_zero(kind: str) -> None:
    values = log_expression()
    values[:, 3], values[:, 4] = 1.7, 0
    rows = CellDataset(anndata.AnnData(KINDS[kind](values))).rows(np.arange(37))
    assert not rows[:, 3:5].any()
    assert torch.isfinite(rows).all()


def test_rows_may_be_some_cells_some_of_them_repeatedly() -> None:
    values, cells = log_expression(), np.array([5, 5, 2, 30, 5, 11])
    dataset = CellDataset(anndata.AnnData(sp.csr_matrix(values)), cells)
    assert len(dataset) == 6
    np.testing.assert_array_equal(dataset.cells, cells)
    expected = CellDataset(anndata.AnnData(values[cells])).rows(np.arange(6))
    np.testing.assert_array_equal(dataset.rows(np.arange(6)), expected)
    np.testing.assert_array_equal(dataset.rows([4, 2]), expected[[4, 2]])


def test_cells_stay_as_they_are() -> None:
    adata = anndata.AnnData(sp.csr_matrix(log_expression()))
    before = adata.X.copy()
    CellDataset(adata).rows([0, 1])
    assert (before != adata.X).nnz == 0


def test_roots_alone_take_no_pass_over_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    passes: list[int] = []
    original = dataset.column_moments

    def column_moments(*args: Any) -> Any:
        passes.append(1)
        return original(*args)

    monkeypatch.setattr(dataset, "column_moments", column_moments)
    cells = CellDataset(anndata.AnnData(log_expression()))
    cells.roots([0, 3])
    assert passes == []
    cells.rows([0, 3])
    cells.rows([1])
    assert passes == [1]
