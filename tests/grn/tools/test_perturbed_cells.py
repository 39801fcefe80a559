import anndata
import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.labels import Labels
from grn.tools import perturbed_cells
from grn.tools.perturbed_cells import PerturbedCells


def _cells() -> anndata.AnnData:
    roots = np.random.default_rng(0).uniform(0, 2, (11, 3)).astype(np.float32)
    roots[:4, 0] = 0
    return anndata.AnnData(X=roots**2, var=pd.DataFrame(index=["a", "b", "c"]))


LABELS = Labels("kind", np.arange(11) % 2, ["even", "odd"])


def test_groups_have_means_and_ranges_of_their_own() -> None:
    adata = _cells()
    cells = PerturbedCells.read(adata, LABELS, {"b": 0.0})
    roots = np.sqrt(adata.X)
    np.testing.assert_allclose(cells.group_mean[1], roots[1::2].mean(axis=0), rtol=1e-5)
    low, high = cells.bounds
    reached = cells.group_mean + high * cells.sd
    np.testing.assert_allclose(reached, np.tile(roots.max(axis=0), (2, 1)), rtol=1e-5)
    np.testing.assert_allclose((cells.group_mean + low * cells.sd)[:, 0], 0, atol=1e-6)
    assert cells.perturbed.tolist() == [False, True, False]
    np.testing.assert_allclose(cells.shift[:, 1] * cells.sd[1], -cells.group_mean[:, 1])
    assert (cells.shift[:, [0, 2]] == 0).all()


def test_over_expression_is_a_quantile_of_the_cells_that_express_the_gene() -> None:
    adata = _cells()
    cells = PerturbedCells.read(adata, LABELS, {"a": None})
    expressed = np.sqrt(adata.X[4:, 0])
    assert cells.target[0] == pytest.approx(np.quantile(expressed, 0.99), rel=1e-5)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def found() -> np.ndarray:
        cells = PerturbedCells.read(_cells(), LABELS, {"b": 1.0})
        return cells.log_response(np.array([[-9.0, 0, 0.3], [0.1, 0, 0]]))

    whole = found()
    monkeypatch.setattr(perturbed_cells, "_CELLS_PER_BLOCK", 3)
    np.testing.assert_allclose(found(), whole)
    assert whole[0, 0] == pytest.approx(-_cells().X[::2, 0].mean(), rel=1e-5)  # nothing below 0
