import numpy as np
import pandas as pd
import pytest

from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation.candidates import TruthScorer, candidates, score_candidates

TRUTH = read_truth(
    pd.DataFrame(
        {"source": ["B", "A", "A"], "target": ["C", "B", "D"], "sign": [-1, 1, 0]},
    )
)


def test_candidates_are_tfs_with_an_edge_times_genes_of_the_truth():
    judged = candidates(TRUTH)
    assert judged.tfs == ["A", "B"]
    assert judged.genes == ["A", "B", "C", "D"]
    assert judged.pairs.astype(int).tolist() == [[0, 1, 1, 1], [1, 0, 1, 1]]
    assert judged.labels.astype(int).tolist() == [[0, 1, 0, 1], [0, 0, 1, 0]]
    assert judged.signs.tolist() == [[0, 1, 0, 0], [0, 0, -1, 0]]


def test_training_edges_are_no_candidates():
    judged = candidates(
        TRUTH, pd.DataFrame({"source": ["A", "B", "X"], "target": ["B", "D", "A"]})
    )
    assert judged.tfs == ["A", "B"]
    assert judged.genes == ["A", "B", "C", "D"]
    assert judged.pairs.astype(int).tolist() == [[0, 0, 1, 1], [1, 0, 1, 0]]
    assert judged.labels.astype(int).tolist() == [[0, 0, 0, 1], [0, 0, 1, 0]]
    with pytest.raises(InputError, match="nothing is left to test"):
        candidates(TRUTH, TRUTH)


def test_metrics_by_hand_with_an_unlisted_true_pair_last():
    judged = candidates(TRUTH)
    importance = np.array([[9, 3, 2, -np.inf], [1, 9, 4, -np.inf]])
    weight = np.array([[9, -3, 2, 0], [1, 9, -4, 0.0]])
    found = score_candidates(judged, weight, importance)
    # Ranking: B→C true, A→B true, A→C, B→A, then A→D true and B→D tied.
    assert found["auprc"] == pytest.approx((1 + 1 + 3 / 6) / 3)
    assert found["density"] == 0.5
    assert found["auprc_ratio"] == pytest.approx(2 * found["auprc"])
    assert found["auroc"] == pytest.approx((3 + 3 + 0.5) / 9)
    assert found["early_precision_ratio"] == pytest.approx(2 / 3 / 0.5)
    assert found["per_tf_auroc"] == pytest.approx((0.5 + 1) / 2)
    assert found["sign_accuracy"] == 0.5
    assert found["n_candidates"] == 6
    assert np.isnan(score_candidates(judged, None, importance)["sign_accuracy"])


def test_a_score_that_lists_nothing_is_random():
    found = score_candidates(candidates(TRUTH), None, np.full((2, 4), -np.inf))
    assert found["auprc_ratio"] == found["early_precision_ratio"] == 1
    assert found["auroc"] == found["per_tf_auroc"] == 0.5


def test_truth_scorer_finds_its_names_in_any_matrix():
    judged = candidates(TRUTH)
    tfs, genes = ["Z", "B", "A"], ["C", "Y", "B", "A"]
    weight = np.array([[1, 2, 3, 4], [-5, 6, 7, 8], [9, 1, 2, 3.0]])
    inside = np.array([[3, 2, 9, 0], [8, 7, -5, 0.0]])
    listed = np.where([[1, 1, 1, 0], [1, 1, 1, 0]], np.abs(inside), -np.inf)
    expected = score_candidates(judged, inside, listed)
    assert TruthScorer(judged, tfs, genes).score(weight, np.abs(weight)) == expected
    unsigned = TruthScorer(judged, tfs, genes).score(np.abs(weight), np.abs(weight))
    assert np.isnan(unsigned.pop("sign_accuracy"))
    assert unsigned == {key: expected[key] for key in unsigned}
