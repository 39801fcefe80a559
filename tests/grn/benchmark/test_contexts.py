"""Networks per group: what differs is judged as it would be by hand, from jobs to rows."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from sklearn.metrics import average_precision_score

from grn.benchmark import contexts as module
from grn.benchmark.contexts import differing_scores
from grn.benchmark.methods import CONTEXT_METHODS, Method
from grn.benchmark.run import COLUMNS, Outcome
from grn.data.preprocessing.preprocess import preprocess
from grn.evaluation.scores import Scores
from grn.simulation.contexts import simulate_contexts

Bench = Callable[..., Outcome]
BY_NAME = {method.name: method for method in CONTEXT_METHODS}
TINY = partial(simulate_contexts, sizes=(40, 30, 20), n_tfs=5, n_targets=12, dropout=0.0)

# A→b and B→a are shared; A→c is of x and y, B→c of z alone.
TRUTH = pd.DataFrame(
    [(g, *edge, 1) for g in "xyz" for edge in (("A", "b"), ("B", "a"))]
    + [("x", "A", "c", 1), ("y", "A", "c", -1), ("z", "B", "c", 1)],
    columns=["group", "source", "target", "sign"],
)


def judged_and_right(strength: float = 1.0) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Candidates of the three groups, and scores that are the truth."""
    judged = {group: module._candidates_of(TRUTH, group) for group in "xyz"}
    return judged, {group: strength * one.labels for group, one in judged.items()}


def test_every_group_has_the_same_candidates_and_its_own_edges() -> None:
    judged, _ = judged_and_right()
    for one in judged.values():
        assert (one.tfs, one.genes) == (["A", "B"], ["A", "B", "a", "b", "c"])
        assert one.pairs.sum() == 2 * 5 - 2
        assert one.labels.sum() == 3
    assert judged["x"].labels[0, 4]
    assert not judged["z"].labels[0, 4]
    assert (judged["x"].signs[0, 4], judged["y"].signs[0, 4]) == (1, -1)


def test_what_is_right_everywhere_has_the_most_there_is() -> None:
    judged, right = judged_and_right()
    found = differing_scores(judged, right)
    # Two pairs differ, one of them is an edge of the group; of all eight candidates one.
    for group in "xyz":
        assert found[group] == pytest.approx(
            {"differing_auprc_ratio": 2.0, "specific_auprc_ratio": 8.0}
        )


def test_what_is_wrong_about_the_difference_is_below_chance() -> None:
    judged, right = judged_and_right()
    # AUPRC when the one true pair of two comes last: 1/2, which is chance; of eight: 1/8.
    swapped = {"x": right["z"], "y": right["z"], "z": right["x"]}
    found = differing_scores(judged, swapped)
    assert found["z"] == pytest.approx({"differing_auprc_ratio": 1.0, "specific_auprc_ratio": 1.0})


def test_the_same_scores_for_all_groups_are_chance() -> None:
    judged, _ = judged_and_right()
    scores = np.random.default_rng(0).random((2, 5))
    found = differing_scores(judged, dict.fromkeys("xyz", scores))
    assert {value for by_metric in found.values() for value in by_metric.values()} == {1.0}


def test_the_scale_of_a_group_changes_nothing() -> None:
    judged, right = judged_and_right()
    noisy = {g: s + np.random.default_rng(1).random(s.shape) for g, s in right.items()}
    scaled = noisy | {"z": 7 * noisy["z"] + 3}
    assert differing_scores(judged, scaled) == differing_scores(judged, noisy)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """One set of three tiny groups for every seed, and two quick methods."""
    monkeypatch.setattr(module, "N_NETWORKS", 1)
    monkeypatch.setattr(module, "simulate_contexts", TINY)
    quick = (*(BY_NAME[name] for name in ("pooled", "pearson_alone")),)
    monkeypatch.setattr(module, "CONTEXT_METHODS", quick)


@pytest.mark.usefixtures("tiny")
def test_rows_of_every_method_group_seed_and_metric(bench: Bench) -> None:
    asked = {"datasets": ["not/there"], "regimes": ["contexts"], "seeds": (0, 3)}
    outcome = bench(["pearson"], **asked)
    results = outcome.results
    assert not outcome.failures
    assert outcome.n_run == 2 * (1 + 3)  # pooled once, alone in each group
    assert tuple(results) == COLUMNS
    keys = ["method", "dataset", "network", "seed", "metric"]
    assert not results.duplicated(keys).any()
    assert set(results["regime"]) == {"contexts"}
    assert set(results["method"]) == {"pooled", "pearson_alone", "random"}
    assert set(results["dataset"]) == {"contexts/0-1", "contexts/3-1"}
    assert results["network"].unique().tolist() == ["40 cells", "30 cells", "20 cells"]
    assert results.groupby("method")["metric"].nunique().nunique() == 1
    pooled = results[results["method"] == "pooled"].groupby("metric")["value"]
    for metric in ("differing_auprc_ratio", "specific_auprc_ratio"):
        assert pooled.get_group(metric).eq(1.0).all()
    # Within reach of chance, which is above 1 where few pairs are true.
    random = results[results["method"] == "random"].groupby("metric")["value"].mean()
    assert 1.0 < random["differing_auprc_ratio"] < 1.5
    again = bench(["pearson"], **asked)
    assert again.n_run == 0
    pd.testing.assert_frame_equal(again.results, results)


@pytest.mark.usefixtures("tiny")
def test_a_group_is_judged_by_its_own_cells_and_edges(bench: Bench) -> None:
    results = bench(["pearson"], regimes=["contexts"], seeds=(2,)).results
    adata = TINY(seed=module._FIRST_SEED + 2)
    truth, tfs = adata.uns["truth"], adata.var_names[adata.var["is_tf"]]
    cells = preprocess(adata)
    own = cells[(cells.obs["group"] == "group_2").to_numpy()]
    frame = pd.DataFrame(np.asarray(own.to_df()), columns=own.var_names)
    genes = sorted({*truth["source"], *truth["target"]})
    pairs = [(s, t) for s in tfs for t in genes if s in set(truth["source"]) and s != t]
    edges = {(e.source, e.target) for e in truth.itertuples() if e.group == "group_2"}
    scores = [abs(np.corrcoef(frame[s], frame[t])[0, 1]) for s, t in pairs]
    labels = [pair in edges for pair in pairs]
    found = results.set_index(["method", "network", "metric"])["value"]
    assert found["pearson_alone", "30 cells", "auprc"] == pytest.approx(
        average_precision_score(labels, np.float32(np.nan_to_num(scores))), rel=1e-3
    )


@pytest.mark.usefixtures("tiny")
def test_a_method_that_fails_in_one_group_leaves_the_rest(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = BY_NAME["pearson_alone"]

    def fails(adata: AnnData, tfs: list[str], *, seed: int, group: str) -> Scores:
        if group == "group_3":
            msg = "no luck"
            raise ZeroDivisionError(msg)
        return sound.function(adata, tfs, seed=seed, group=group)

    methods: tuple[Method, ...] = (replace(sound, name="fails", function=fails), sound)
    monkeypatch.setattr(module, "CONTEXT_METHODS", methods)
    monkeypatch.setattr("grn.benchmark.grid.CONTEXT_METHODS", methods)
    outcome = bench(["pearson"], regimes=["contexts"], seeds=(0,))
    assert [failure.what for failure in outcome.failures] == [
        "fails, seed 0 on contexts/0-1, group_3"
    ]
    of_method = outcome.results[outcome.results["method"] == "fails"]
    assert set(of_method["network"]) == {"40 cells", "30 cells"}
    assert not of_method["metric"].str.startswith("differing").any()
    whole = outcome.results[outcome.results["method"] == "pearson_alone"]
    assert set(whole["network"]) == {"40 cells", "30 cells", "20 cells"}


def test_the_benchmark_simulates_what_it_says(tmp_path: Path) -> None:
    groups = module._Groups.simulate("contexts/0-1", 5)
    assert groups.labels == {
        "group_1": "300 cells",
        "group_2": "150 cells",
        "group_3": "60 cells",
    }
    assert groups.truth.equals(simulate_contexts(seed=5).uns["truth"])
    assert len(groups.cells.tfs) == 20
