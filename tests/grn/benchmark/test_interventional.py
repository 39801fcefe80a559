"""Screens with known perturbations, from jobs to rows."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from sklearn.metrics import average_precision_score

from grn.benchmark import interventional as module
from grn.benchmark.interventional_data import Screen, simulated_screens
from grn.benchmark.methods import INTERVENTIONAL_METHODS, Method
from grn.benchmark.peers.interventions import mean_difference
from grn.benchmark.run import COLUMNS, Outcome
from grn.evaluation.scores import Scores
from grn.interventions import Interventions

Bench = Callable[..., Outcome]
BY_NAME = {method.name: method for method in INTERVENTIONAL_METHODS}
ASKED = {"datasets": ["not/there"], "regimes": ["interventional"], "seeds": (0, 3)}
QUICK = ("mean_difference", "pearson")


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small screens of one Boolean model, no random network, no DREAM4 and quick methods."""
    monkeypatch.setattr(module, "N_NETWORKS", 0)
    monkeypatch.setattr(module, "model_names", lambda: ["dyn-CY"])
    monkeypatch.setattr(module, "OF_BOOLEAN", ((5, 50), (5, 100)))
    monkeypatch.setattr(module, "find_dream4", list)
    monkeypatch.setattr(module, "INTERVENTIONAL_METHODS", tuple(BY_NAME[name] for name in QUICK))


@pytest.mark.usefixtures("tiny")
def test_rows_of_every_method_screen_seed_and_metric(bench: Bench) -> None:
    outcome = bench(["pearson"], **ASKED)
    results = outcome.results
    assert not outcome.failures
    assert outcome.n_run == 2 * 2 * 2
    assert tuple(results) == COLUMNS
    assert not results.duplicated(["method", "dataset", "network", "seed", "metric"]).any()
    assert set(results["regime"]) == {"interventional"}
    assert set(results["dataset"]) == {"interventional/dyn-CY"}
    assert set(results["network"]) == {"5 cells, 50 %", "5 cells, 100 %"}
    assert set(results["method"]) == {*QUICK, "random"}
    assert set(results["seed"]) == {0, 3}
    assert set(results["n_candidates"]) == {6 * 5}
    rows = results.set_index(["method", "network", "seed", "metric"]).sort_index()
    for screen in simulated_screens("dyn-CY", 2**31 + 3, module.OF_BOOLEAN, "dyn-CY"):
        scores = _by_hand(screen)
        found = rows["value"]["mean_difference", screen.setting, 3]
        assert found["auprc"] == pytest.approx(scores)
        assert found["auprc_ratio"] == pytest.approx(scores * 30 / 6)
    again = bench(["pearson"], **ASKED)
    assert again.n_run == 0
    pd.testing.assert_frame_equal(again.results, results)


def _by_hand(screen: Screen) -> float:
    """Return the average precision of mean differences, genes in the order of the judge."""
    adata, genes = screen.cells.adata, screen.cells.genes
    _, importance = mean_difference(np.sqrt(adata.X), screen.interventions, np.arange(len(genes)))
    order = np.argsort(genes)
    scores = importance[np.ix_(order, order)].astype(np.float32)
    pairs = screen.judged.pairs
    return float(average_precision_score(screen.judged.labels[pairs], scores[pairs]))


@pytest.mark.usefixtures("tiny")
def test_methods_that_ask_are_told_the_interventions(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Interventions] = []

    def score(
        adata: AnnData, tfs: list[str], *, seed: int, interventions: Interventions
    ) -> Scores:
        told.append(interventions)
        assert len(interventions.group) == adata.n_obs
        return Scores(None, np.zeros((len(tfs), adata.n_vars)))

    asks = Method("asks", "method", score, frozenset(), True, "grn.expression")
    assert asks.knows_interventions
    monkeypatch.setattr(module, "INTERVENTIONAL_METHODS", (asks,))
    monkeypatch.setattr("grn.benchmark.grid.INTERVENTIONAL_METHODS", (asks,))
    outcome = bench(["pearson"], **ASKED | {"seeds": (0,)})
    assert not outcome.failures
    assert [len(one.perturbed_genes) for one in told] == [3, 6]


def test_ours_is_told_and_its_control_is_not() -> None:
    knows = {name for name, method in BY_NAME.items() if method.knows_interventions}
    assert knows == {"spherical", "boosted_means", "mean_difference"}
    assert {name for name, method in BY_NAME.items() if method.kind == "method"} == {
        "spherical",
        "boosted_means",
    }


def test_ours_hands_the_interventions_of_its_cells_to_the_network(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (screen,) = simulated_screens("dyn-CY", 0, ((5, 50),), "dyn-CY")
    seen: list[Interventions | None] = []

    def infer(config: object, cells: object, tfs: list[str]) -> None:
        seen.append(cells.interventions(np.arange(20)))  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    monkeypatch.setattr("grn.benchmark.ours.infer_network", infer)
    adata, tfs = screen.cells.adata, screen.cells.tfs
    with pytest.raises(KeyboardInterrupt):
        BY_NAME["spherical"].function(adata, tfs, seed=0, interventions=screen.interventions)
    (found,) = seen
    assert found is not None
    np.testing.assert_array_equal(found.group, screen.interventions.group)


@pytest.mark.usefixtures("tiny")
def test_a_network_that_fails_leaves_the_others(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(model: str, seed: int, *rest: object) -> Iterator[Screen]:
        if seed == 2**31:
            raise ValueError(model)
        return simulated_screens(model, seed, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "simulated_screens", partial(_lazily, simulate))
    outcome = bench(["pearson"], **ASKED)
    assert [one.what for one in outcome.failures] == ["interventional/dyn-CY"]
    assert set(outcome.results["seed"]) == {3}


def _lazily(simulate: Callable[..., Iterator[Screen]], *of: object) -> Iterator[Screen]:
    yield from simulate(*of)


@pytest.mark.usefixtures("tiny")
def test_random_networks_differ_within_and_between_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "N_NETWORKS", 2)
    monkeypatch.setattr(module, "SETTINGS", ((2, 100),))
    monkeypatch.setattr(module, "model_names", list)
    sources = list(module._sources((0, 1)))
    assert [one.name for one in sources] == [f"random/{s}-{n}" for s in (0, 1) for n in (1, 2)]
    labels = [next(one.screens).judged.labels for one in sources]
    assert len({found.tobytes() for found in labels}) == 4


@pytest.mark.usefixtures("tiny")
def test_the_regime_writes_its_tables(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    asked = ("regimes=[interventional]", "methods=[pearson]", "seeds=[0]", "logger=none")
    code, _, err = cli("benchmark", *asked, "output=out", "n_jobs=1")
    assert code == 0, err
    results = pd.read_csv(tmp_path / "out/results.csv")
    assert set(results["regime"]) == {"interventional"}
    said = (tmp_path / "out/summary.md").read_text(encoding="utf-8")
    assert "## Interventional" in said
    assert "| *mean difference* |" in said
