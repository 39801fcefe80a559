from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor

from grn.benchmark.peers.trees import genie3, grnboost2
from grn.errors import InputError

TF_INDEX = np.arange(6)
PEERS = [partial(genie3, n_trees=20, n_jobs=1), partial(grnboost2, n_jobs=1)]
both = pytest.mark.parametrize("peer", PEERS, ids=["genie3", "grnboost2"])


def seed_of(gene, n_genes, seed):
    return int(np.random.default_rng(seed).integers(2**31, size=n_genes)[gene])


def drops_in_variance(tree, n_features):
    """Of one fitted tree, from its nodes."""
    found = np.zeros(n_features)
    for node in np.flatnonzero(tree.children_left >= 0):
        left, right = tree.children_left[node], tree.children_right[node]
        held = tree.weighted_n_node_samples * tree.impurity
        found[tree.feature[node]] += held[node] - held[left] - held[right]
    return found / tree.weighted_n_node_samples[0]


def test_genie3_is_the_drop_in_variance_of_a_forest(regulated):
    weight, importance = genie3(regulated, TF_INDEX, seed=3, n_trees=7, n_jobs=1)
    assert weight is None
    tfs = regulated[:, [0, 1, 3, 4, 5]]
    target = regulated[:, 2] / regulated[:, 2].std()
    forest = RandomForestRegressor(
        7, max_features=2, min_samples_leaf=1, bootstrap=True, random_state=seed_of(2, 9, 3)
    ).fit(tfs, target)
    expected = np.mean([drops_in_variance(tree.tree_, 5) for tree in forest], axis=0)
    np.testing.assert_allclose(importance[[0, 1, 3, 4, 5], 2], expected, rtol=1e-9)
    assert importance[2, 2] == 0
    # A tree grown out explains all of its target, whose variance is one.
    assert importance[:, 6:8].sum(axis=0) == pytest.approx([1, 1], abs=0.15)


def test_grnboost2_stops_by_the_cells_that_a_stage_left_out(regulated):
    weight, importance = grnboost2(regulated, TF_INDEX, seed=3, n_stages=5000, n_jobs=1)
    assert weight is None
    left_out = []
    model = GradientBoostingRegressor(
        learning_rate=0.01,
        n_estimators=1200,
        max_features=0.1,
        subsample=0.9,
        random_state=seed_of(7, 9, 3),
    )
    tfs, target = regulated[:, TF_INDEX], regulated[:, 7]
    model.fit(tfs, target, monitor=lambda i, m, fit: left_out.append(~fit["sample_mask"]))
    predictions = [np.full(300, target.mean()), *model.staged_predict(tfs)]
    better = [
        ((target - before)[out] ** 2).mean() - ((target - after)[out] ** 2).mean()
        for before, after, out in zip(predictions, predictions[1:], left_out, strict=False)
    ]
    means = np.convolve(better, np.ones(25) / 25, mode="valid")
    n_stages = 25 + int(np.flatnonzero(means < 0)[0])
    assert 100 < n_stages < 1200
    drops = np.sum(
        [drops_in_variance(t.tree_, 6) for t in model.estimators_[:n_stages, 0]], axis=0
    )
    np.testing.assert_allclose(importance[:, 7], drops / drops.sum() * n_stages, rtol=1e-9)


def test_grnboost2_grows_no_more_stages_than_asked(regulated):
    importance = grnboost2(regulated, TF_INDEX, n_stages=30, n_jobs=1).importance
    np.testing.assert_allclose(importance[:, 6:8].sum(axis=0), 30)


@both
def test_linear_and_rankless_regulators_come_first(peer, regulated):
    importance = peer(regulated, TF_INDEX).importance
    for regulator, target in ((0, 6), (1, 7)):
        others = np.delete(importance[:, target], regulator)
        assert importance[regulator, target] > 3 * others.max()


@both
def test_constant_genes_and_self_pairs_score_nothing(peer, regulated):
    importance = peer(regulated[:, [0, 6, 8]], np.array([0, 2])).importance
    assert importance[0, 1] > 0
    importance[0, 1] = 0
    np.testing.assert_array_equal(importance, 0)
    np.testing.assert_array_equal(peer(regulated[:, [8, 0]], np.array([1])).importance, 0)


@both
def test_a_seed_decides_the_result_whatever_the_processes_and_the_layout(peer, regulated):
    few = regulated[:, [0, 1, 6]]
    tf_index = np.array([0, 1])
    expected = peer(few, tf_index, seed=1).importance
    same = peer(sparse.csr_matrix(few), tf_index, seed=1, n_jobs=2).importance
    np.testing.assert_array_equal(same, expected)
    assert (peer(few, tf_index, seed=2).importance != expected).any()


@both
def test_gene_order_changes_the_draws_only(peer, regulated):
    order = np.array([7, 3, 8, 1, 6, 0, 5, 2, 4])
    expected = peer(regulated, TF_INDEX).importance[:, 6:8]
    found = peer(regulated[:, order], np.argsort(order)[TF_INDEX]).importance
    found = found[:, np.argsort(order)[6:8]]
    np.testing.assert_allclose(
        found / found.sum(axis=0), expected / expected.sum(axis=0), atol=0.15
    )
    np.testing.assert_array_equal(found.argmax(axis=0), [0, 1])


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("peer", "model", "published"),
    [
        (genie3, "HSC", 1.96),
        (genie3, "VSC", 2.84),
        (partial(grnboost2, n_stages=5000), "GSD", 1.30),
        (grnboost2, "VSC", 2.89),
    ],
)
def test_simulations_agree_with_published_ratios(boolode, peer, model, published):
    """GRNBoost2's are STREAMLINE's (Stock et al. 2024), on simulations of its own."""
    cells = boolode(model, 0)
    ratio = cells.ratio(peer(cells.expression, cells.tf_index), "")
    assert ratio == pytest.approx(published, rel=0.1)


@pytest.mark.parametrize("setting", ["n_trees", "n_stages"])
def test_no_tree_is_refused(setting, regulated):
    method = {"n_trees": genie3, "n_stages": grnboost2}[setting]
    with pytest.raises(InputError, match=f"{setting}=0; expected at least 1"):
        method(regulated, TF_INDEX, **{setting: 0})
