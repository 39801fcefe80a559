import numpy as np
import pytest
from scipy import sparse

from grn import moments


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_moments_and_z_scores_do_not_depend_on_layout_or_blocks(layout, monkeypatch):
    monkeypatch.setattr(moments, "_CELLS_PER_BLOCK", 5)
    dense = np.random.default_rng(0).poisson(1.0, (23, 7)).astype(float)
    dense[:, 3] = 0.1
    mean, sd = moments.column_moments(layout(dense))
    np.testing.assert_allclose(mean, dense.mean(axis=0))
    np.testing.assert_allclose(sd, dense.std(axis=0), atol=1e-12)
    assert sd[3] == 0
    blocks = list(moments.standardised_blocks(layout(dense)))
    assert [len(block) for block in blocks] == [5, 5, 5, 5, 3]
    z = np.concatenate(blocks)
    others = [0, 1, 2, 4, 5, 6]
    expected = (dense - dense.mean(axis=0))[:, others] / dense.std(axis=0)[others]
    np.testing.assert_allclose(z[:, others], expected, atol=1e-12)
    np.testing.assert_array_equal(z[:, 3], 0)
