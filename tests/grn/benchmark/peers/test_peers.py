import joblib
import numpy as np
import pytest
from scipy import sparse

from grn.benchmark.peers import PEERS
from grn.evaluation.controls import pearson


# RegDiffusion takes its thousand steps whatever the cells; its own tests ask for fewer.
@pytest.mark.parametrize("name", sorted(PEERS.keys() - {"regdiffusion"}))
def test_every_peer_scores_every_pair(name, regulated):
    levels, tf_index = regulated[:40], np.array([5, 0, 8])
    with joblib.parallel_config("threading"):  # processes take seconds to start
        weight, importance = PEERS[name](sparse.csr_matrix(levels), tf_index, seed=1)
    assert importance.shape == (3, 9)
    assert np.isfinite(importance).all()
    if weight is not None:
        assert weight.shape == (3, 9)
        np.testing.assert_array_equal(weight[2, :8], 0)
        assert np.sign(weight[1, 6]) == np.sign(pearson(levels, tf_index).weight[1, 6])
