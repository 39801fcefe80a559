from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import grn
from grn.benchmark.cache import Prediction
from grn.benchmark.judge import Entry, Judge, random_scores
from grn.edges.matrix import adjacency, edge_table
from grn.errors import InputError
from grn.evaluation import candidates

TFS, GENES = list("ABCD"), list("ABCDEFGH")
TRUTH = pd.DataFrame(
    [("A", "B", 1), ("A", "E", -1), ("B", "A", 1), ("B", "F", -1), ("C", "A", -1), ("D", "H", 1)],
    columns=["source", "target", "sign"],
)


def entry(
    name: str, seed: int | None, weight: np.ndarray, seconds: float = 0.0, kind: str = "method"
) -> Entry:
    return Entry(name, kind, seed, Prediction(weight, np.abs(weight), seconds))


def judge(truth: pd.DataFrame, tfs: list[str] = TFS, genes: list[str] = GENES) -> Judge:
    return Judge("c/d", "n", "unsupervised", candidates(truth), tfs, genes)


def judged(truth: pd.DataFrame, weight: np.ndarray, genes: list[str] = GENES) -> pd.Series:
    """Metrics of one prediction by their names."""
    rows = judge(truth, genes=genes).rows([entry("pearson", None, weight)], [0])
    return pd.DataFrame(rows).set_index("metric")["value"]


@pytest.fixture
def weight() -> np.ndarray:
    """Scores with ties among them."""
    return np.random.default_rng(0).integers(-3, 4, (4, 8)).astype(np.float32)


def test_the_metrics_are_those_of_evaluate(weight: np.ndarray) -> None:
    found = judged(TRUTH, weight)
    expected = grn.evaluate(edge_table(weight, np.abs(weight), TFS, GENES), TRUTH).loc["edges"]
    for metric in set(found.index) - {
        *("direction_accuracy", "top_k_jaccard", "signed_early_precision_ratio")
    }:
        assert found[metric] == pytest.approx(expected[metric], abs=1e-12), metric


def test_an_early_edge_of_the_wrong_sign_counts_for_nothing() -> None:
    weight = adjacency(TRUTH, TFS, GENES, "sign").astype(np.float32)
    metric = "signed_early_precision_ratio"
    right, wrong = judged(TRUTH, weight), judged(TRUTH, -weight)
    assert right[metric] == pytest.approx(2 * right["early_precision_ratio"])
    assert wrong[metric] == 0
    assert wrong["early_precision_ratio"] == right["early_precision_ratio"]
    assert np.isnan(judged(TRUTH.assign(sign=0), weight)[metric])


def test_direction_is_judged_where_one_way_is_true() -> None:
    # C→A is the only pair of TFs that is true one way; A⇄B is true both ways.
    weight = np.zeros((4, 8), np.float32)
    weight[2, 0], weight[0, 2] = -2, 1
    assert judged(TRUTH, weight)["direction_accuracy"] == 1
    weight[0, 2] = 3
    assert judged(TRUTH, weight)["direction_accuracy"] == 0


def test_rows_count_the_pairs_that_are_true_one_way(weight: np.ndarray) -> None:
    def counted(truth: pd.DataFrame) -> set[int]:
        rows = judge(truth).rows([entry("one", None, weight)], [0]) + judge(truth).random_rows([0])
        return {row["n_one_way"] for row in rows}

    assert counted(TRUTH) == {1}
    # Without B→A, A→B is true one way as well.
    assert counted(TRUTH[(TRUTH["source"] != "B") | (TRUTH["target"] != "A")]) == {2}
    assert counted(TRUTH[TRUTH["source"] != "C"]) == {0}


def test_the_truth_itself_reaches_every_maximum() -> None:
    found = judged(TRUTH, adjacency(TRUTH, TFS, GENES, "sign").astype(np.float32))
    # 4 TFs × (A, B, C, D, E, F, H) without self-pairs.
    assert found.pop("auprc_ratio") == found.pop("early_precision_ratio") == 24 / 6
    assert found.pop("signed_early_precision_ratio") == 2 * 24 / 6
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
    entries = [entry("pearson", None, weight, 2.0)]
    for seed, change in ((0, 0), (1, 0), (2, 9)):
        other = weight.copy()
        other[0, 4] += change  # A→E, a true edge, comes into the top k
        entries.append(entry("genie3", seed, other, 1.0))
    rows = judge(TRUTH).rows(entries, [0, 1, 2]) + judge(TRUTH).random_rows([0, 1, 2])
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
    rows = judge(TRUTH).rows([entry("genie3", 0, weight)], [0])
    overlap = [row["value"] for row in rows if row["metric"] == "top_k_jaccard"]
    assert np.isnan(overlap).tolist() == [True]
    rows = judge(TRUTH).rows([entry("genie3", 0, weight)], [0], overlap=False)
    assert len(rows) == 8
    assert "top_k_jaccard" not in {row["metric"] for row in rows}


def test_rows_say_what_was_judged_how(weight: np.ndarray) -> None:
    entries = [entry("genie3", 1, weight, kind="control")]
    one = Judge("c/d", "n", "supervised/x", candidates(TRUTH), TFS, GENES)
    (row, *_) = one.rows(entries, [0, 1])
    expected = {"method": "genie3", "kind": "control", "dataset": "c/d", "network": "n"}
    assert expected.items() <= row.items()
    assert (row["regime"], row["seed"]) == ("supervised/x", 1)


def test_only_the_pairs_of_a_part_are_judged(weight: np.ndarray) -> None:
    whole = candidates(TRUTH)
    pairs = whole.pairs & (np.arange(4) < 2)[:, None]  # rows of A and B
    part = replace(whole, pairs=pairs, labels=whole.labels & pairs)
    rows = Judge("c/d", "n", "r", part, TFS, GENES).rows([entry("one", None, weight)], [0])
    assert {(row["n_candidates"], row["density"]) for row in rows} == {(12, 4 / 12)}
    other = weight.copy()
    other[2:] = 7
    again = Judge("c/d", "n", "r", part, TFS, GENES).rows([entry("one", None, other)], [0])
    assert [row["value"] for row in again] == pytest.approx(
        [row["value"] for row in rows], nan_ok=True
    )


def test_random_is_that_of_evaluate() -> None:
    found = random_scores(candidates(TRUTH))
    edges = edge_table(np.ones((4, 8)), np.ones((4, 8)), TFS, GENES)
    expected = grn.evaluate(edges, TRUTH).loc["random"]
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value), metric
    assert found["direction_accuracy"] == 0.5


def test_curves_start_at_the_first_true_edge(weight: np.ndarray) -> None:
    signs = adjacency(TRUTH, TFS, GENES, "sign").astype(np.float32)
    entries = [
        entry("pearson", None, signs),
        entry("genie3", 0, np.ones((4, 8), np.float32)),
        entry("genie3", 1, weight),
    ]
    curves = pd.concat(judge(TRUTH).curves(entries, 0)).set_index("method")
    assert curves.loc["pearson", "recall"].iloc[[0, -1]].tolist() == pytest.approx([1 / 6, 1])
    assert (curves.loc["pearson", "precision"] == 1).all()
    # All tied: one threshold, at the density; the other seed is not drawn.
    assert (curves.loc["genie3", "precision"] == 0.25).all()
    assert (curves.loc["random", "precision"] == 0.25).all()
    assert len(curves) == 3 * 200


def test_a_truth_of_other_genes_is_refused() -> None:
    with pytest.raises(InputError, match="c/d/n"):
        judge(TRUTH, tfs=["X", "Y"])
