from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from grn.benchmark import grid, guided
from grn.benchmark.guided import _digest_of_lessons
from grn.benchmark.methods import METHODS
from grn.benchmark.run import Outcome
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation.scores import Scores
from grn.runs.run import run
from grn.supervised.splits import Split, both_seen_split, restrict
from tests.helpers import QUIET, fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

pytestmark = pytest.mark.usefixtures("library")
Bench = Callable[..., Outcome]

STEPS = ("trainer.max_steps=8", "trainer.val_check_interval=4", *QUIET)
SHORT = {"overrides": STEPS}
SEEN = "supervised/both_seen"
KEYS = ["method", "dataset", "network", "regime", "seed", "metric"]
BLIND = {*("pearson", "closed_form", "untrained", "target_mean", "tf_variance", "random")}


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Let our method draw its scores; the list grows by what it is told, and the seed."""
    calls: list[tuple[str, int]] = []

    def draw(
        adata: "AnnData", tfs: list[str], *, seed: int, overrides: object = (), **told: object
    ) -> Scores:
        calls.append(("".join(told), seed))
        return Scores(None, np.random.default_rng(seed).random((len(tfs), adata.n_vars)))

    for name in ("TRAINED_ON_EDGES", "GUIDED_BY_PRIOR"):
        fake = replace(getattr(guided, name), function=draw)
        for module in (grid, guided):
            monkeypatch.setattr(module, name, fake)
    ours = replace(METHODS["spherical"], function=draw)
    monkeypatch.setattr(grid, "METHODS", {**METHODS, "spherical": ours})
    return calls


def kinds(results: pd.DataFrame) -> dict[str, str]:
    return dict(results[["method", "kind"]].drop_duplicates().itertuples(index=False))


def test_a_supervised_regime_has_its_controls_and_judges_test_pairs_alone(
    bench: Bench, fits: list[tuple[str, int]], library: Path
) -> None:
    outcome = bench(["spherical", "pearson", "closed_form"], ["beeline/toy"], regimes=[SEEN])
    assert not outcome.failures
    # Without the unsupervised regime ours is trained with edges only: two networks, two seeds.
    assert fits == [("split", 0), ("split", 1)] * 2
    # Ours on two networks, and untrained; pearson, closed_form, means, variances.
    assert outcome.n_run == 2 * (2 + 1) + 4
    for regime in (SEEN, f"{SEEN}/matched"):
        rows = outcome.results[outcome.results["regime"] == regime]
        assert kinds(rows) == {
            "spherical": "method",
            **dict.fromkeys((*BLIND, "degree", "walk"), "control"),
        }
        assert not rows.duplicated(KEYS).any()
        assert rows.groupby(["network", "seed"]).ngroups == 4
        assert "top_k_jaccard" not in set(rows["metric"])
    assert set(outcome.results["regime"]) == {SEEN, f"{SEEN}/matched"}
    assert outcome.curves.empty
    truth = read_truth(library / "beeline/toy/edges_all.csv")
    for seed in (0, 1):
        test = both_seen_split(truth, seed=seed).test
        rows = outcome.results.set_index(["regime", "network", "seed"]).sort_index()
        assert set(rows.loc[SEEN, "all", seed]["n_candidates"]) == {test.pairs.sum()}
        assert set(rows.loc[f"{SEEN}/matched", "all", seed]["density"]) == {0.5}


def test_regimes_with_known_edges_leave_the_other_one_as_it_was(
    bench: Bench, fits: list[tuple[str, int]]
) -> None:
    asked = (["spherical", "pearson"], ["beeline/toy"])
    alone = bench(*asked)
    fits.clear()
    both = bench(*asked, regimes=[SEEN, "prior_guided/half", "unsupervised"])
    assert fits == [("split", 0), ("split", 1)] * 2 + [("prior", 0), ("prior", 1)]
    of_one = both.results["regime"] == "unsupervised"
    pd.testing.assert_frame_equal(both.results[of_one].reset_index(drop=True), alone.results)
    pd.testing.assert_frame_equal(both.curves, alone.curves)
    assert set(both.results["regime"]) == {
        *("unsupervised", SEEN, f"{SEEN}/matched", "prior_guided/half"),
    }
    # Trained without edges it is not judged where edges are known.
    assert both.results.groupby(KEYS).size().max() == 1


def test_a_prior_guides_and_the_other_networks_judge(
    bench: Bench, fits: list[tuple[str, int]]
) -> None:
    regime = "prior_guided/half"
    outcome = bench(["spherical", "pearson", "closed_form"], ["beeline/toy"], regimes=[regime])
    assert not outcome.failures
    assert fits == [("prior", 0), ("prior", 1)]
    rows = outcome.results
    assert set(rows["network"]) == {"all"}
    assert set(rows["regime"]) == {regime}
    assert kinds(rows) == {"spherical": "method", **dict.fromkeys((*BLIND, "prior"), "control")}
    unsupervised = bench(["pearson"], ["beeline/toy/all"]).results
    assert set(rows["n_candidates"]) == set(unsupervised["n_candidates"])
    found = rows[(rows["metric"] == "auprc") & (rows["seed"] == 0)].set_index("method")["value"]
    expected = unsupervised[unsupervised["metric"] == "auprc"].set_index("method")["value"]
    assert found["pearson"] == expected["pearson"].iloc[0]
    # Half of the true edges first, all tied; then the other half among all others.
    assert found["prior"] > 0.5 + expected["random"].iloc[0] / 4
    # A prior that is not asked for as a judge guides all the same.
    again = bench(["spherical"], ["beeline/toy/all"], regimes=[regime])
    assert again.n_run == 0
    assert set(again.results["network"]) == {"all"}


def test_a_prior_that_holds_much_of_the_truth_is_a_warning(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = bench(["pearson"], ["beeline/toy/all"], [0], regimes=["prior_guided/half"])
    assert "prior" in set(outcome.results["method"])
    assert "the prior holds 16 of the 31 edges of the truth (52 %)" in caplog.text


def test_without_ours_the_controls_stand_alone(bench: Bench) -> None:
    outcome = bench(["pearson"], ["beeline/toy"], [0], regimes=[SEEN, "prior_guided/all"])
    assert "spherical" not in set(outcome.results["method"])
    assert set(outcome.results["kind"]) == {"control"}
    assert {"degree", "walk", "prior", "pearson"} <= set(outcome.results["method"])
    assert outcome.n_run == 4


def test_a_rerun_runs_nothing_and_one_more_regime_only_itself(
    bench: Bench, fits: list[tuple[str, int]]
) -> None:
    asked = (["spherical", "pearson"], ["beeline/toy"])
    first = bench(*asked, regimes=[SEEN])
    assert len(fits) == 4
    second = bench(*asked, regimes=[SEEN])
    assert second.n_run == 0
    pd.testing.assert_frame_equal(first.results, second.results)
    more = [SEEN, "supervised/unseen_target", "prior_guided/all"]
    grown = bench(*asked, regimes=more)
    assert grown.n_run == 4 + 2
    fresh = bench(*asked, regimes=more, cache="new")
    pd.testing.assert_frame_equal(
        grown.results.drop(columns="seconds"), fresh.results.drop(columns="seconds")
    )
    bench(*asked, regimes=more, spherical={"overrides": ["trainer.max_steps=9"]})
    assert len(fits) == 4 + 6 + 10 + 10


def rewrite(library: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    for file in (library / "beeline/toy").glob("edges_*.csv"):
        change(pd.read_csv(file)).to_csv(file, index=False)


def test_order_and_repetition_of_truth_rows_change_nothing(
    bench: Bench, fits: list[tuple[str, int]], library: Path
) -> None:
    asked = (["spherical"], ["beeline/toy"])
    regimes = [SEEN, "supervised/genelink", "prior_guided/all"]
    before = bench(*asked, regimes=regimes)
    rewrite(
        library, lambda truth: pd.concat([truth, truth.iloc[::3]]).sample(frac=1, random_state=0)
    )
    after = bench(*asked, regimes=regimes)
    assert after.n_run == 0
    pd.testing.assert_frame_equal(after.results, before.results)
    rewrite(library, lambda truth: truth.drop_duplicates().iloc[1:])
    fits.clear()
    assert bench(*asked, regimes=regimes).n_run == len(fits) == 4 + 4 + 2


def test_what_is_kept_depends_on_training_and_validation_alone(small: "AnnData") -> None:
    split = both_seen_split(read_truth(small.uns["truth"]), seed=0)
    names = tfs_of(small), list(small.var_names)

    def changed(part: str) -> Split:
        """Make the first true edge of a part a false one."""
        judged = getattr(split, part)
        labels = judged.labels.copy()
        labels.flat[np.flatnonzero(labels)[0]] = False
        return replace(split, **{part: restrict(judged, judged.pairs, labels)})

    first = _digest_of_lessons(split, *names)
    assert _digest_of_lessons(changed("test"), *names) == first
    none = restrict(split.test, split.test.pairs & False, split.test.labels & False)
    assert _digest_of_lessons(replace(split, test=none), *names) == first
    others = {_digest_of_lessons(changed(part), *names) for part in ("training", "validation")}
    fewer = restrict(split.training, split.training.labels, split.training.labels)
    others.add(_digest_of_lessons(replace(split, training=fewer), *names))
    assert len({first, *others}) == 4


def test_a_network_too_small_for_a_split_fails_alone(
    bench: Bench, fits: list[tuple[str, int]], caplog: pytest.LogCaptureFixture
) -> None:
    unseen = "supervised/both_unseen"
    outcome = bench(["spherical"], ["beeline/toy/all"], (0, 1, 2), regimes=[unseen, SEEN])
    (failure,) = outcome.failures
    assert failure.what == f"{unseen} of beeline/toy/all, seed 1"
    assert isinstance(failure.error, InputError)
    assert len(fits) == 2 + 3
    seeds = outcome.results.groupby("regime")["seed"].unique().map(set)
    assert seeds[unseen] == {0, 2}
    assert seeds[SEEN] == {0, 1, 2}
    # What is not run is not counted.
    assert caplog.messages[-1].endswith("(job 10 of 10)")


def test_a_fit_that_fails_leaves_the_controls(
    bench: Bench, fits: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ZeroDivisionError("ours")

    def fails(*_: object, **__: object) -> Scores:
        raise error

    broken = replace(guided.TRAINED_ON_EDGES, function=fails)
    for module in (grid, guided):
        monkeypatch.setattr(module, "TRAINED_ON_EDGES", broken)
    outcome = bench(["spherical"], ["beeline/toy/all"], [0], regimes=[SEEN, "prior_guided/half"])
    assert [(one.what, one.error) for one in outcome.failures] == [
        (f"spherical, seed 0 on beeline/toy/all, {SEEN}", error)
    ]
    found = outcome.results.groupby("regime")["method"].unique().map(set)
    assert found[SEEN] == BLIND - {"pearson", "closed_form"} | {"degree", "walk"}
    assert "spherical" in found["prior_guided/half"]


def test_where_no_false_pair_matches_only_that_table_is_absent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        guided,
        "degree_matched_negatives",
        lambda split, seed: restrict(
            split.test, split.test.pairs & False, split.test.pairs & False
        ),
    )
    outcome = bench(["pearson"], ["beeline/toy/all"], [0], regimes=[SEEN])
    (failure,) = outcome.failures
    assert failure.what == f"{SEEN}/matched of beeline/toy/all, seed 0"
    assert "equal degrees" in str(failure.error)
    assert set(outcome.results["regime"]) == {SEEN}


def of_a_run(tmp_path: Path, *overrides: str) -> pd.DataFrame:
    """Metrics of `python train.py` on the same data."""
    data = ("data=beeline", "data.dataset=toy", "data.network=all", "seed=1")
    metrics = run(fast_config(tmp_path / "run", *data, *STEPS, *overrides)).metrics
    assert metrics is not None
    return metrics


def assert_same(results: pd.DataFrame, metrics: pd.DataFrame, names: dict[str, str]) -> None:
    found = results.pivot_table("value", "method", "metric")
    for ours, theirs in names.items():
        for metric in ("auprc", "auprc_ratio", "auroc", "early_precision_ratio", "per_tf_auroc"):
            expected = metrics.loc[theirs, metric]
            assert found.loc[ours, metric] == pytest.approx(expected, abs=1e-9), (ours, metric)
    assert set(results["n_candidates"]) == {metrics["n_candidates"].iloc[0]}


@pytest.mark.parametrize("split", ["both_seen", "genelink", "unseen_tf"])
def test_a_supervised_row_is_that_of_a_run(split: str, bench: Bench, tmp_path: Path) -> None:
    asked = (["spherical"], ["beeline/toy/all"], [1])
    outcome = bench(*asked, regimes=[f"supervised/{split}"], spherical=SHORT)
    assert not outcome.failures
    rows = outcome.results[outcome.results["regime"] == f"supervised/{split}"]
    metrics = of_a_run(tmp_path, "objective=supervised", f"split={split}")
    assert_same(rows, metrics, {"spherical": "edges", "degree": "degree", "walk": "walk"})


def test_a_prior_guided_row_is_that_of_a_run(bench: Bench, tmp_path: Path, library: Path) -> None:
    asked = (["spherical"], ["beeline/toy/all"], [1])
    outcome = bench(*asked, regimes=["prior_guided/half"], spherical=SHORT)
    assert not outcome.failures
    metrics = of_a_run(tmp_path, f"prior='{library / 'beeline/toy/edges_half.csv'}'")
    assert_same(outcome.results, metrics, {"spherical": "edges", "prior": "prior"})
