import numpy as np
import pytest
from scipy import sparse

from grn.evaluation.moments import moments

GENES, TFS = np.array([6, 1, 4, 0]), np.array([2, 0])


@pytest.fixture
def values() -> np.ndarray:
    found = np.random.default_rng(0).poisson(2.0, (23, 7)).astype(np.float32)
    found[:, 4] = 0.1  # the offset leaves rounding errors of it
    return found


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix, sparse.csc_matrix])
def test_covariances_are_numpys_in_blocks_of_any_size(values, kind, monkeypatch):
    offset = values[:, GENES].mean(axis=0) + 0.3
    cells = np.arange(23) % 3 > 0
    for n_values in (1, 30, 2**21):
        monkeypatch.setattr("grn.evaluation.moments._VALUES_PER_BLOCK", n_values)
        found = moments(kind(values), GENES, TFS, offset, cells).covariance()
        expected = np.cov(values[cells][:, GENES].astype(float), rowvar=False, ddof=0)
        np.testing.assert_allclose(found.products, expected[TFS], atol=1e-12)
        np.testing.assert_allclose(found.squares, expected.diagonal(), atol=1e-12)
        assert found.squares[2] == 0
        assert (found.products[0] == 0).all()
    varying = [0, 1, 3]
    expected = np.corrcoef(values[cells][:, GENES[varying]].astype(float), rowvar=False)
    np.testing.assert_allclose(found.correlation()[1, varying], expected[0])
    assert (found.correlation()[:, 2] == 0).all()


def test_what_is_left_out_is_taken_off(values):
    offset, cells = np.ones(4), np.arange(23) < 9
    whole, part = moments(values, GENES, TFS, offset), moments(values, GENES, TFS, offset, cells)
    rest, expected = whole.without(part), moments(values, GENES, TFS, offset, ~cells)
    assert rest.n_cells == expected.n_cells == 14
    centre = np.array([0.5, 1.0, -2.0, 3.0])
    np.testing.assert_allclose(rest.about(centre).products, expected.about(centre).products)
    shifted = values[~cells][:, GENES] - offset - centre
    np.testing.assert_allclose(rest.about(centre).squares, (shifted**2).mean(axis=0))
