"""What perturbations say of pairs: checked by hand and on planted networks."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from grn.benchmark.peers.interventions import _describe, boosted_means, mean_difference
from grn.interventions import Interventions

TFS = np.array([0, 1, 2])


def knocked(n_each: int, doses: dict[int, list[tuple[int, float]]]) -> Interventions:
    """Lay out controls, then the groups, of so many cells each, over seven genes."""
    dose = np.zeros((1 + len(doses), 7), dtype=np.float32)
    for group, genes in doses.items():
        for gene, amount in genes:
            dose[group, gene] = amount
    return Interventions(np.repeat(np.arange(len(dose)), n_each), dose)


def planted(interventions: Interventions, seed: int = 0) -> np.ndarray:
    """Gene 0 activates 3 and represses 4, gene 1 activates 5; 2 and 6 are free."""
    rng = np.random.default_rng(seed)
    levels = rng.normal(2, 0.2, (len(interventions.group), 7))
    levels[:, :3] *= 1 + np.minimum(interventions.dose[interventions.group, :3], 0)
    levels[:, 3] += levels[:, 0]
    levels[:, 4] -= 0.8 * levels[:, 0]
    levels[:, 5] += levels[:, 1]
    return levels.astype(np.float32)


def test_mean_difference_finds_targets_with_their_signs() -> None:
    interventions = knocked(15, {1: [(0, -1)], 2: [(1, -1)]})
    weight, importance = mean_difference(planted(interventions), interventions, TFS)
    assert weight is not None
    np.testing.assert_array_equal(np.sign([weight[0, 3], weight[0, 4], weight[1, 5]]), [1, -1, 1])
    true = {(0, 3), (0, 4), (1, 5)}
    best = np.argsort(-importance, axis=None)[:3]
    assert {(row // 7, row % 7) for row in best.tolist()} == true
    # Nothing is known of a TF that is perturbed nowhere, nor of a gene by itself.
    np.testing.assert_array_equal(weight[2], 0)
    assert (weight[0, 0], weight[1, 1]) == (0, 0)


def test_one_group_beside_controls_is_a_t_test_with_the_variance_of_all_groups() -> None:
    interventions = knocked(12, {1: [(0, -1)]})
    levels = planted(interventions).astype(float)
    weight, _ = mean_difference(levels, interventions, TFS)
    expected = stats.ttest_ind(levels[:12, 3], levels[12:, 3]).statistic
    assert weight is not None
    assert weight[0, 3] == pytest.approx(expected)


def test_a_knock_down_counts_by_its_dose() -> None:
    interventions = knocked(10, {1: [(0, -1)], 2: [(0, -0.5)]})
    levels = planted(interventions).astype(float)
    weight, _ = mean_difference(levels, interventions, TFS)
    control, out, down = levels[:10, 3], levels[10:20, 3], levels[20:, 3]
    sd = np.sqrt(np.mean([part.var(ddof=1) for part in (control, out, down)]))
    differences = np.array([out.mean(), down.mean()]) - control.mean()
    slope = (np.array([-1, -0.5]) @ differences) / 1.25
    assert weight is not None
    assert weight[0, 3] == pytest.approx(slope / (sd * np.sqrt(0.2) / np.sqrt(1.25)))


def test_an_activated_gene_moves_its_targets_the_other_way() -> None:
    interventions = knocked(10, {1: [(0, 1)]})
    levels = planted(interventions)
    levels[10:, 3] += 2
    weight, _ = mean_difference(levels, interventions, TFS)
    assert weight is not None
    assert weight[0, 3] > 5


def test_one_control_is_none_and_own_perturbations_are_no_reference() -> None:
    # One cell of every group: gene 3 is itself knocked out in the last of them.
    interventions = knocked(1, {k + 1: [(k, -1)] for k in range(4)})
    levels = np.full((5, 7), 2.0)
    levels[:, 3] = [2.1, 1.0, 1.9, 2.0, 0.0]
    weight, _ = mean_difference(levels, interventions, TFS)
    others = np.array([2.1, 1.9, 2.0])
    assert weight is not None
    assert weight[0, 3] == pytest.approx((2.0 - 1.0) / (others.std() * np.sqrt(1 + 1 / 3)))
    np.testing.assert_array_equal(weight[:, 4:], 0)  # constant genes


def test_a_pair_that_is_perturbed_together_says_nothing_of_one_another() -> None:
    interventions = knocked(10, {1: [(0, -1), (3, -1)]})
    levels = planted(interventions)
    levels[10:, 3] = 0
    weight, _ = mean_difference(levels, interventions, TFS)
    assert weight is not None
    assert weight[0, 3] == 0
    assert weight[0, 4] < 0


def test_cells_of_unknown_group_change_nothing() -> None:
    interventions = knocked(10, {1: [(0, -1)], 2: [(1, -1)]})
    levels = planted(interventions)
    expected = mean_difference(levels, interventions, TFS)
    more = Interventions(np.append(interventions.group, [-1, -1]), interventions.dose)
    stray = np.vstack([levels, np.full((2, 7), 50, dtype=np.float32)])
    found = mean_difference(stray, more, TFS)
    np.testing.assert_allclose(found.importance, expected.importance)


@pytest.mark.parametrize(("n_each", "repeats"), [(60, 1), (1, 20)])
def test_boosted_means_ranks_targets_before_others_and_repeats(n_each: int, repeats: int) -> None:
    rng = np.random.default_rng(0)
    tfs, n_genes = np.arange(12), 72
    dose = np.zeros((1 + 12 * repeats, n_genes), dtype=np.float32)
    dose[np.arange(1, len(dose)), np.repeat(tfs, repeats)] = -1
    interventions = Interventions(np.repeat(np.arange(len(dose)), n_each), dose)
    true = np.arange(n_genes) % 12 == tfs[:, None]
    true[:, :12] = False
    levels = rng.normal(2, 0.3, (len(interventions.group), n_genes))
    levels[:, :12] *= 1 + dose[interventions.group, :12]
    levels += levels[:, :12] @ true
    weight, importance = boosted_means(levels, interventions, tfs, seed=3)
    assert weight is None
    assert importance.shape == (12, n_genes)
    assert roc_auc_score(true[:, 12:].ravel(), importance[:, 12:].ravel()) > 0.85
    again = boosted_means(levels, interventions, tfs, seed=3).importance
    np.testing.assert_array_equal(again, importance)


def test_a_pair_is_described_by_four_means_and_labelled_by_correlation() -> None:
    interventions = knocked(40, {1: [(0, -1)]})
    levels = planted(interventions).astype(float)
    rng = np.random.default_rng(0)
    features, correlated = _describe(levels, interventions, np.int64(0), rng)
    means = levels[:40].mean(axis=0), levels[40:].mean(axis=0)
    columns = [np.full(7, means[0][0]), means[0], np.full(7, means[1][0]), means[1]]
    np.testing.assert_allclose(features, np.stack(columns, axis=1))
    expected = np.abs(np.corrcoef(levels.T)[0]) > 0.1  # as many controls as perturbed: all cells
    np.testing.assert_array_equal(correlated, expected)
    # Gene 1 is perturbed nowhere, so its correlations are those of the controls.
    features, correlated = _describe(levels, interventions, np.int64(1), rng)
    np.testing.assert_array_equal(features[:, 2], 0)
    assert np.isnan(features[:, 3]).all()
    np.testing.assert_array_equal(correlated, np.abs(np.corrcoef(levels[:40].T)[1]) > 0.1)


def test_boosted_means_ranks_nothing_where_nothing_is_correlated() -> None:
    interventions = knocked(20, {1: [(0, -1)]})
    _, importance = boosted_means(np.ones((40, 7)), interventions, TFS)
    np.testing.assert_array_equal(importance, 0)
