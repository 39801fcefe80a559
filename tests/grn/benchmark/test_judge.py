import numpy as np
import pandas as pd
import pytest

import grn
from grn.benchmark.cache import Prediction
from grn.benchmark.grid import Grid, Job
from grn.benchmark.judge import Judge, random_scores
from grn.benchmark.methods import METHODS
from grn.errors import InputError
from grn.evaluation import candidates
from grn.network import adjacency, edge_table

TFS, GENES = list("ABCD"), list("ABCDEFGH")
TRUTH = pd.DataFrame(
    [("A", "B", 1), ("A", "E", -1), ("B", "A", 1), ("B", "F", -1), ("C", "A", -1), ("D", "H", 1)],
    columns=["source", "target", "sign"],
)


def grid(*names: str, seeds: tuple[int, ...] = (0,)) -> Grid:
    return Grid(tuple(METHODS[name] for name in names), {}, seeds, {}, (), {})


def judged(truth: pd.DataFrame, weight: np.ndarray, genes: list[str] = GENES) -> pd.Series:
    """Metrics of one prediction by their names."""
    prediction = Prediction(weight, np.abs(weight), 2.0)
    rows = Judge("c/d", "n", truth, TFS, genes).rows(
        grid("pearson"), {Job(METHODS["pearson"], None): prediction}
    )
    table = pd.DataFrame(rows)
    return table[table["method"] == "pearson"].set_index("metric")["value"]


@pytest.fixture
def weight() -> np.ndarray:
    """Scores with ties among them."""
    return np.random.default_rng(0).integers(-3, 4, (4, 8)).astype(np.float32)


def test_the_metrics_are_those_of_evaluate(weight: np.ndarray) -> None:
    found = judged(TRUTH, weight)
    expected = grn.evaluate(edge_table(weight, np.abs(weight), TFS, GENES), TRUTH).loc["edges"]
    for metric in set(found.index) - {"direction_accuracy", "top_k_jaccard"}:
        assert found[metric] == pytest.approx(expected[metric], abs=1e-12), metric


def test_direction_is_judged_where_one_way_is_true() -> None:
    # C→A is the only pair of TFs that is true one way; A⇄B is true both ways.
    weight = np.zeros((4, 8), np.float32)
    weight[2, 0], weight[0, 2] = -2, 1
    assert judged(TRUTH, weight)["direction_accuracy"] == 1
    weight[0, 2] = 3
    assert judged(TRUTH, weight)["direction_accuracy"] == 0


def test_the_truth_itself_reaches_every_maximum() -> None:
    found = judged(TRUTH, adjacency(TRUTH, TFS, GENES, "sign").astype(np.float32))
    # 4 TFs × (A, B, C, D, E, F, H) without self-pairs.
    assert found.pop("auprc_ratio") == found.pop("early_precision_ratio") == 24 / 6
    assert (found == 1).all(), found


def test_the_order_and_names_of_genes_and_repeated_truth_rows_change_nothing(
    weight: np.ndarray,
) -> None:
    expected = judged(TRUTH, weight)
    order = np.random.default_rng(1).permutation(8)
    shuffled = judged(TRUTH, weight[:, order], [GENES[i] for i in order])
    pd.testing.assert_series_equal(shuffled, expected)
    repeated = grn.read_truth(pd.concat([TRUTH, TRUTH.iloc[[3, 0, 3]]]))
    pd.testing.assert_series_equal(judged(repeated, weight), expected)


def test_what_draws_nothing_counts_for_every_seed(weight: np.ndarray) -> None:
    predicted = {Job(METHODS["pearson"], None): Prediction(weight, np.abs(weight), 2.0)}
    for seed, change in ((0, 0), (1, 0), (2, 9)):
        other = weight.copy()
        other[0, 4] += change  # A→E, a true edge, comes into the top k
        predicted[Job(METHODS["genie3"], seed)] = Prediction(other, np.abs(other), 1.0)
    rows = Judge("c/d", "n", TRUTH, TFS, GENES).rows(
        grid("pearson", "genie3", seeds=(0, 1, 2)), predicted
    )
    table = pd.DataFrame(rows).set_index(["method", "metric", "seed"]).sort_index()
    assert table.loc["pearson", "auprc"]["value"].nunique() == 1
    assert (table.loc["pearson", "top_k_jaccard"]["value"] == 1).all()
    overlap = table.loc["genie3", "top_k_jaccard"]["value"]
    assert 0 < overlap[2] < overlap[0] < 1
    assert overlap[0] == overlap[1] == pytest.approx((1 + overlap[2]) / 2)
    assert set(table.loc["random"].index.get_level_values("seed")) == {0, 1, 2}
    assert (table.loc["genie3"]["seconds"] == 1).all()
    assert (table["density"] == 6 / 24).all()
    assert (table["n_candidates"] == 24).all()


def test_the_overlap_of_one_seed_is_undefined(weight: np.ndarray) -> None:
    predicted = {Job(METHODS["genie3"], 0): Prediction(weight, np.abs(weight), 1.0)}
    rows = Judge("c/d", "n", TRUTH, TFS, GENES).rows(grid("genie3"), predicted)
    overlap = [
        r["value"] for r in rows if r["metric"] == "top_k_jaccard" and r["method"] != "random"
    ]
    assert np.isnan(overlap).tolist() == [True]


def test_random_is_that_of_evaluate() -> None:
    found = random_scores(candidates(TRUTH))
    edges = edge_table(np.ones((4, 8)), np.ones((4, 8)), TFS, GENES)
    expected = grn.evaluate(edges, TRUTH).loc["random"]
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value), metric
    assert found["direction_accuracy"] == 0.5


def test_curves_start_at_the_first_true_edge(weight: np.ndarray) -> None:
    signs = adjacency(TRUTH, TFS, GENES, "sign").astype(np.float32)
    predicted = {
        Job(METHODS["pearson"], None): Prediction(signs, np.abs(signs), 0.0),
        Job(METHODS["genie3"], 0): Prediction(None, np.ones((4, 8), np.float32), 0.0),
        Job(METHODS["genie3"], 1): Prediction(weight, np.abs(weight), 0.0),
    }
    judge = Judge("c/d", "n", TRUTH, TFS, GENES)
    curves = pd.concat(judge.curves(predicted, 0)).set_index("method")
    assert curves.loc["pearson", "recall"].iloc[[0, -1]].tolist() == pytest.approx([1 / 6, 1])
    assert (curves.loc["pearson", "precision"] == 1).all()
    # All tied: one threshold, at the density; the other seed is not drawn.
    assert (curves.loc["genie3", "precision"] == 0.25).all()
    assert (curves.loc["random", "precision"] == 0.25).all()
    assert len(curves) == 3 * 200


def test_a_truth_of_other_genes_is_refused() -> None:
    with pytest.raises(InputError, match="c/d/n"):
        Judge("c/d", "n", TRUTH, ["X", "Y"], GENES)
