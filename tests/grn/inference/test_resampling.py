from pathlib import Path

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.dataset import CellDataset
from grn.inference.resampling import bootstrap, decoy_names, with_decoys
from grn.interventions import Interventions

KINDS = {"dense": np.array, "csr": sp.csr_matrix, "csc": sp.csc_matrix}


def expression(n_cells: int = 60) -> np.ndarray:
    """Return genes that depend on each other; the last varies in one cell alone."""
    rng = np.random.default_rng(0)
    values = rng.poisson(rng.gamma(2, 1, (n_cells, 1)) * np.arange(1.0, 6.0), (n_cells, 5))
    values[:, 4] = np.arange(n_cells) == 7
    return np.log1p(values).astype(np.float32)


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_bootstrap_is_the_data_set_of_the_cells_drawn(kind: str) -> None:
    values = expression()
    drawn = bootstrap(anndata.AnnData(KINDS[kind](values)), generator())
    assert len(drawn) == 60
    assert 25 < len(np.unique(drawn.cells)) < 50  # 1 − 1/e of 60 is 38
    copied = CellDataset(anndata.AnnData(values[drawn.cells]))
    np.testing.assert_array_equal(drawn.rows(np.arange(60)), copied.rows(np.arange(60)))


def test_a_cell_keeps_its_perturbation_when_it_is_drawn() -> None:
    group = np.arange(60) % 3 - 1
    interventions = Interventions(group, np.zeros((2, 5), np.float32))
    drawn = bootstrap(anndata.AnnData(expression()), generator(), interventions=interventions)
    found = drawn.interventions(np.arange(60))
    assert found is not None
    np.testing.assert_array_equal(found.group, group[drawn.cells])


def test_a_gene_that_the_cells_drawn_do_not_show_is_zero() -> None:
    adata = anndata.AnnData(sp.csr_matrix(expression()))
    draws = [bootstrap(adata, generator(seed)) for seed in range(9)]
    without = next(draw for draw in draws if 7 not in draw.cells)
    rows = without.rows(np.arange(60))
    assert not rows[:, 4].any()
    assert rows[:, :4].std(dim=0).min() > 0.9


def test_cells_on_disk_are_drawn_there(tmp_path: Path) -> None:
    cells = anndata.AnnData(sp.csr_matrix(expression()))
    cells.write_h5ad(tmp_path / "x.h5ad")
    on_disk = bootstrap(anndata.read_h5ad(tmp_path / "x.h5ad", backed="r"), generator())
    assert on_disk.on_disk
    expected = bootstrap(cells, generator())
    np.testing.assert_array_equal(on_disk.rows([3, 59]), expected.rows([3, 59]))


TFS = np.array([3, 0])


def test_decoys_keep_the_values_of_their_regulators_and_lose_all_genes() -> None:
    n_cells = 2000
    adata = anndata.AnnData(sp.csr_matrix(expression(n_cells)))
    before = CellDataset(adata).rows(np.arange(n_cells)).numpy()
    drawn = with_decoys(adata, TFS, generator())
    assert drawn.genes == [*adata.var_names, *decoy_names(adata.var_names[TFS])]
    after = drawn.rows(np.arange(n_cells)).numpy()
    np.testing.assert_allclose(after[:, :5], before, atol=1e-4)
    decoys = after[:, 5:]
    np.testing.assert_allclose(np.sort(decoys, axis=0), np.sort(before[:, TFS], axis=0), atol=1e-4)
    left = np.corrcoef(after[:, [0, 1, 2, 3, 5, 6]].T)[4:, :4]
    assert np.abs(left).max() < 4 / np.sqrt(n_cells)


def test_dense_and_sparse_cells_have_the_same_decoys() -> None:
    found = [
        with_decoys(anndata.AnnData(kind(expression())), TFS, generator()).rows(np.arange(60))
        for kind in KINDS.values()
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
    adata = anndata.AnnData(expression())
    other = with_decoys(adata, TFS, generator(1)).rows(np.arange(60))
    assert not np.array_equal(found[0], other)
    np.testing.assert_array_equal(adata.X, expression())


def test_decoys_are_independent_of_each_other() -> None:
    values = expression(400)
    values[:, 1] = values[:, 0]
    drawn = with_decoys(anndata.AnnData(values), np.array([0, 1]), generator())
    decoys = drawn.rows(np.arange(400)).numpy()[:, 5:]
    assert abs(np.corrcoef(decoys.T)[0, 1]) < 0.2
