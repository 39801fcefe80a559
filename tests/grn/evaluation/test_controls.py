import numpy as np
import pytest
from scipy import sparse

from grn.evaluation import controls, metrics

RNG = np.random.default_rng(0)
DENSE = RNG.poisson(1.0, (41, 11)) * RNG.random((41, 11))
TF_INDEX = np.array([4, 1, 7])


@pytest.mark.parametrize("expression", [DENSE, sparse.csr_matrix(DENSE)], ids=["dense", "sparse"])
def test_controls_agree_with_numpy(expression):
    weight, importance = controls.target_mean(expression, TF_INDEX)
    assert weight is None
    np.testing.assert_allclose(importance, np.tile(DENSE.mean(axis=0), (3, 1)))
    weight, importance = controls.tf_variance(expression, TF_INDEX)
    assert weight is None
    np.testing.assert_allclose(importance, np.tile(DENSE.var(axis=0)[TF_INDEX, None], (1, 11)))
    weight, importance = controls.pearson(expression, TF_INDEX)
    np.testing.assert_allclose(weight, np.corrcoef(DENSE.T)[TF_INDEX], atol=1e-12)
    np.testing.assert_allclose(importance, np.abs(np.corrcoef(DENSE.T)[TF_INDEX]), atol=1e-12)


def test_pearson_with_a_constant_gene_is_zero():
    expression = DENSE.copy()
    expression[:, 4] = 0.3
    weight, _ = controls.pearson(expression, TF_INDEX)
    np.testing.assert_array_equal(weight[0], 0)
    assert np.isfinite(weight).all()


def test_degree_adds_the_logs():
    weight, importance = controls.degree(np.array([0, 3]), np.array([1, 0, 7]))
    assert weight is None
    np.testing.assert_allclose(importance, np.log([[2, 1, 8], [8, 4, 32]]))


def test_metrics_from_ranks_are_those_of_the_ranking():
    n, k = 500, 40
    ranks = controls._ranks_of_positives(np.random.default_rng(3), n, k)
    labels = np.zeros(n, bool)
    labels[ranks - 1] = True
    scores = -np.arange(n, dtype=float)
    assert controls._auroc(ranks, n) == pytest.approx(metrics.auroc(scores, labels))
    assert (np.arange(1, k + 1) / ranks).mean() == pytest.approx(metrics.auprc(scores, labels))
    assert (ranks <= k).mean() == pytest.approx(metrics.early_precision(scores, labels))


def test_random_control_is_the_mean_of_random_rankings():
    labels, pairs = RNG.random((9, 31)) < 0.2, RNG.random((9, 31)) < 0.9
    labels[4] = False
    found = controls.random(labels, pairs, n_signed=20, n_draws=800, seed=5)
    names = ("auprc", "auroc", "early_precision", "per_tf_auroc")
    draws = {name: [] for name in names}
    for _ in range(250):
        scores = RNG.random((9, 31))
        for name in names[:3]:
            draws[name].append(getattr(metrics, name)(scores[pairs], labels[pairs]))
        draws["per_tf_auroc"].append(metrics.per_tf_auroc(scores, labels, pairs))
    density = labels[pairs].mean()
    assert found["auprc"] == pytest.approx(np.mean(draws["auprc"]), abs=0.01)
    assert found["auroc"] == pytest.approx(0.5, abs=0.01)
    assert found["early_precision_ratio"] == pytest.approx(1, abs=0.05)
    assert np.mean(draws["early_precision"]) / density == pytest.approx(1, abs=0.1)
    assert found["per_tf_auroc"] == pytest.approx(np.mean(draws["per_tf_auroc"]), abs=0.01)
    assert found["sign_accuracy"] == pytest.approx(0.5, abs=0.02)


def test_random_control_is_reproducible_and_nan_where_undefined():
    everything = np.ones((2, 3), bool)
    found = controls.random(everything, everything, n_signed=0, n_draws=4, seed=1)
    assert found["auprc"] == 1
    assert np.isnan([found["auroc"], found["per_tf_auroc"], found["sign_accuracy"]]).all()
    labels = np.array([[True, False, False], [False, True, False]])
    again = [controls.random(labels, everything, n_signed=2, n_draws=3, seed=s) for s in (1, 1, 2)]
    assert again[0] == again[1] != again[2]
