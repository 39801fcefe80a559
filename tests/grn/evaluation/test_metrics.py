import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from grn.evaluation import metrics


def labels_of(text):
    return np.array([character == "1" for character in text])


def test_auprc_and_auroc_by_hand():
    scores, labels = np.array([4.0, 3.0, 2.0, 1.0]), labels_of("1010")
    assert metrics.auprc(scores, labels) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.auroc(scores, labels) == pytest.approx(3 / 4)
    # All tied: one threshold, so the precision is the density.
    assert metrics.auprc(np.ones(4), labels_of("1000")) == pytest.approx(0.25)
    assert metrics.auroc(np.ones(4), labels_of("1000")) == pytest.approx(0.5)


def test_undefined_scores_are_nan():
    scores = np.arange(3.0)
    assert np.isnan(metrics.auprc(scores, labels_of("000")))
    assert np.isnan(metrics.auroc(scores, labels_of("000")))
    assert np.isnan(metrics.auroc(scores, labels_of("111")))
    assert np.isnan(metrics.early_precision(scores, labels_of("000")))
    assert np.isnan(metrics.ratio(0.5, 0.0))
    assert np.isnan(metrics.sign_accuracy(scores, np.zeros(3, int)))
    one_class = np.array([[True, True], [False, False]])
    assert np.isnan(metrics.per_tf_auroc(np.ones((2, 2)), one_class, np.ones((2, 2), bool)))


def test_early_precision_averages_the_ties_at_the_last_place():
    scores = np.array([5.0, 4.0, 3.0, 3.0, 3.0, 1.0])
    # k = 3: two places by score (one hit), the third is any of three tied, two of them hits.
    assert metrics.early_precision(scores, labels_of("100110")) == pytest.approx((1 + 2 / 3) / 3)
    assert metrics.early_precision(scores, labels_of("111000")) == pytest.approx((2 + 1 / 3) / 3)
    assert metrics.early_precision(scores, labels_of("111111")) == 1


def test_early_precision_is_the_mean_over_orders_of_ties():
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 4, 60).astype(float), rng.random(60) < 0.3
    k = labels.sum()
    orders = (np.lexsort((rng.random(60), -scores)) for _ in range(4000))
    mean = np.mean([labels[order[:k]].mean() for order in orders])
    assert metrics.early_precision(scores, labels) == pytest.approx(mean, abs=0.01)


def test_per_tf_auroc_is_the_macro_mean_over_candidates():
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 6, (7, 23)).astype(float)
    labels = rng.random((7, 23)) < 0.3
    candidates = rng.random((7, 23)) < 0.8
    labels[3] = False
    labels[5] = True
    rows = [i for i in range(7) if len(set(labels[i][candidates[i]])) == 2]
    assert not {3, 5} & set(rows)
    expected = [roc_auc_score(labels[i][candidates[i]], scores[i][candidates[i]]) for i in rows]
    assert metrics.per_tf_auroc(scores, labels, candidates) == pytest.approx(np.mean(expected))


def test_per_tf_auroc_of_a_score_that_knows_only_the_tf_is_one_half():
    labels = np.random.default_rng(2).random((5, 11)) < 0.4
    scores = np.repeat(np.arange(5.0)[:, None], 11, axis=1)
    assert metrics.per_tf_auroc(scores, labels, np.ones((5, 11), bool)) == 0.5


def test_sign_accuracy_counts_zero_as_wrong_and_unknown_signs_not_at_all():
    weights = np.array([0.5, -0.1, -3.0, 0.0, 2.0, 7.0])
    assert metrics.sign_accuracy(weights, np.array([1, -1, -1, 1, -1, 0])) == 3 / 5


def test_top_k_shares_the_last_places_among_ties():
    scores = np.array([5.0, 4.0, 3.0, 3.0, 3.0, 1.0])
    third = 1 / 3
    assert metrics.top_k(scores, 3) == pytest.approx([1, 1, third, third, third, 0])
    assert metrics.top_k(scores, 5).tolist() == [1, 1, 1, 1, 1, 0]
    assert metrics.top_k(scores, 6).tolist() == [1] * 6


def test_signed_early_precision_by_hand():
    scores = np.array([5.0, 4.0, 3.0, 2.0, 1.0, 0.0])
    labels = np.array([True, True, False, True, False, False])
    signs = np.array([1, -1, 0, 1, 0, 0])
    weights = np.array([2.0, 3.0, -1.0, 1.0, 1.0, 1.0])
    # Of the three best, the first is right, the second has the wrong sign, the third is none;
    # chance has half of 1/2.
    found = metrics.signed_early_precision_ratio(scores, weights, signs, labels)
    assert found == pytest.approx((1 / 3) / (1 / 4))
    right = metrics.signed_early_precision_ratio(
        scores, np.abs(weights) * np.array([1, -1] * 3), signs, labels
    )
    signs[3] = 0
    unknown = metrics.signed_early_precision_ratio(scores, weights, signs, labels)
    assert np.isnan(unknown)
    none = metrics.signed_early_precision_ratio(scores, weights, signs, np.zeros(6, bool))
    assert np.isnan(none)
    assert right == pytest.approx((2 / 3) / (1 / 4))


def test_jaccard_is_that_of_sets_where_nothing_ties():
    def best(ranking):
        return metrics.top_k(np.array(ranking, float), 3)

    # {0, 1, 2} and {1, 2, 3}: two of four.
    assert metrics.jaccard(best([9, 8, 7, 1, 0]), best([1, 8, 7, 9, 0])) == 2 / 4
    assert metrics.jaccard(best([9, 8, 7, 1, 0]), best([7, 9, 8, 0, 1])) == 1
    assert metrics.jaccard(np.array([1.0, 0.5, 0.5]), np.array([1.0, 1.0, 0.0])) == 1.5 / 2.5
    assert np.isnan(metrics.jaccard(np.zeros(3), np.zeros(3)))


def test_direction_accuracy_by_hand():
    # True one way: 0→1, 2→0 and 3→1; 1↔2 is true both ways and 0, 3 not at all.
    labels = np.zeros((4, 4), bool)
    labels[[0, 2, 3, 1, 2], [1, 0, 1, 2, 1]] = True
    scores = np.zeros((4, 4))
    scores[0, 1], scores[1, 0] = 2, 1  # right
    scores[2, 0], scores[0, 2] = 1, 2  # wrong
    scores[3, 1] = scores[1, 3] = 1  # tied
    candidates = ~np.eye(4, dtype=bool)
    assert metrics.direction_accuracy(scores, labels, candidates) == pytest.approx(1.5 / 3)
    assert np.argwhere(metrics.one_way(labels, candidates)).tolist() == [[0, 1], [2, 0], [3, 1]]
    candidates[0, 2] = False  # 2→0 cannot be compared with its reverse
    assert metrics.direction_accuracy(scores, labels, candidates) == pytest.approx(1.5 / 2)
    assert metrics.direction_accuracy(scores + scores.T, labels, candidates) == 0.5
    assert np.isnan(metrics.direction_accuracy(scores, labels | labels.T, candidates))


def test_the_truth_as_prediction_has_exactly_the_maximum_of_every_metric():
    rng = np.random.default_rng(3)
    labels, candidates = rng.random((11, 29)) < 0.2, np.ones((11, 29), bool)
    candidates[np.arange(11), np.arange(11)] = False
    labels &= candidates
    signs = np.where(labels, rng.choice([-1, 1], labels.shape), 0)
    scores, positive = labels[candidates].astype(float), labels[candidates]
    assert metrics.auprc(scores, positive) == 1
    assert metrics.auroc(scores, positive) == 1
    assert metrics.early_precision(scores, positive) == 1
    assert metrics.per_tf_auroc(labels.astype(float), labels, candidates) == 1
    assert metrics.sign_accuracy(signs[labels].astype(float), signs[labels]) == 1
    between = labels[:, :11], candidates[:, :11]
    assert (between[0] != between[0].T).any()
    assert metrics.direction_accuracy(between[0].astype(float), *between) == 1
    best = metrics.top_k(scores, int(positive.sum()))
    assert (best == positive).all()
    assert metrics.jaccard(best, best) == 1
    density = positive.mean()
    assert metrics.ratio(1.0, density) == 1 / density
