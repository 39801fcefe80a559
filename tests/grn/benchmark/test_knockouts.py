from collections.abc import Callable
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.benchmark import knockouts
from grn.benchmark.failures import Failures
from grn.benchmark.knockout_data import Experiment
from grn.benchmark.knockouts import Trained, judge, knockout_rows, score
from grn.evaluation.scores import Scores
from grn.tools.knock_out import knock_out

GENES = [f"g{k}" for k in range(8)]


@pytest.fixture
def experiment(monkeypatch: pytest.MonkeyPatch) -> Experiment:
    """Genes 0 and 1 act on 2 to 4 and 5 to 7; the network is known."""
    rng = np.random.default_rng(0)
    n = 40
    roots = rng.uniform(0.8, 1.2, (3 * n, 8))
    knocked = np.repeat([-1, 0, 1], n)
    for gene in (0, 1):
        roots[knocked == gene, gene] = 0
        for k, effect in enumerate((0.5, -0.4, 0.3)):
            roots[:, 2 + 3 * gene + k] += effect * roots[:, gene]
    adata = anndata.AnnData(
        X=np.square(roots).astype(np.float32),
        obs=pd.DataFrame(
            {"group": np.where(knocked < 0, "control", "knocked")}, index=map(str, range(3 * n))
        ),
        var=pd.DataFrame(index=GENES),
    )
    weight = np.zeros((2, 8))
    weight[0, 2:5], weight[1, 5:] = np.sign([0.5, -0.4, 0.3]), np.sign([0.5, -0.4, 0.3])
    monkeypatch.setattr(knockouts, "spherical", lambda *_, **__: Scores(weight, np.abs(weight)))
    baseline = roots[knocked < 0].mean(axis=0)
    responds = {0: np.isin(np.arange(8), [2, 3, 4]), 1: np.isin(np.arange(8), [5, 6, 7])}
    return Experiment(
        "made", adata, GENES[:2], roots, knocked, dict.fromkeys((0, 1), baseline), responds
    )


@pytest.mark.parametrize("others", [False, True])
def test_the_true_network_gets_signs_right_and_controls_do_not(
    experiment: Experiment, others: bool
) -> None:
    rows = pd.DataFrame(judge(experiment, 0, others=others))
    assert set(rows["regime"]) == {"knock_outs"}
    assert set(rows["n_candidates"]) == {2}
    signs = rows[rows["metric"] == "response_sign_accuracy"].set_index("method")["value"]
    assert signs["knock_out"] == 1
    assert signs["shuffled_targets"] < 1
    assert signs["mean_response"] < 1
    controls = rows.loc[rows["kind"] == "control", "method"]
    assert set(controls) == {"correlation", "mean_response", "no_network", "shuffled_targets"}


def test_fewer_knockouts_are_left_out_where_asked(experiment: Experiment) -> None:
    rows = judge(experiment, 0, others=True, most=1)
    assert {row["n_candidates"] for row in rows} == {1}


def test_what_is_judged_is_what_the_tool_predicts(experiment: Experiment) -> None:
    trained = Trained.fit(experiment, np.ones(120, dtype=bool), 0)
    network = experiment.adata.copy()
    weights = np.zeros((8, 8), dtype=np.float32)
    weights[:2] = knockouts.spherical().weight  # type: ignore[call-arg]
    network.varp["grn"] = sp.csr_matrix(weights)
    found = knock_out(network, "g0", groupby="group", group="control").set_index("gene")
    expected = trained.predict(0)["knock_out"]
    np.testing.assert_allclose(found.loc[GENES, "response"], expected, atol=1e-3)


def test_score_counts_zeros_half_and_constants_as_no_order() -> None:
    true = np.array([1.0, -2.0, 3.0, 0.5])
    assert score(true, true) == {"response_sign_accuracy": 1, "response_rank_correlation": 1}
    found = score(np.zeros(4), true)
    assert found == {"response_sign_accuracy": 0.5, "response_rank_correlation": 0}
    assert score(np.array([-1.0, -2, 3, 0]), true)["response_sign_accuracy"] == 2.5 / 4


def test_all_experiments_are_judged_and_failures_noted(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulate(model: str, seed: int) -> Experiment:
        if model == "HSC":
            raise ValueError(model)
        return experiment

    monkeypatch.setattr(knockouts, "simulate_knockouts", simulate)
    monkeypatch.setattr(knockouts, "find_dream4", list)
    failures = Failures()
    rows = pd.DataFrame(knockout_rows([3, 4], failures))
    assert [one.what for one in failures.found] == [f"knock_outs/HSC, seed {s}" for s in (3, 4)]
    assert set(rows["network"]) == {knockouts.ALONE, knockouts.BESIDE_OTHERS}
    assert set(rows["seed"]) == {3, 4}


def test_the_regime_needs_no_data_set_and_writes_its_tables(
    experiment: Experiment,
    cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(knockouts, "simulate_knockouts", lambda *_: experiment)
    monkeypatch.setattr(knockouts, "find_dream4", list)
    asked = ("regimes=[knock_outs]", "methods=[pearson]", "seeds=[0]", "logger=none")
    code, _, err = cli("benchmark", *asked, "output=out")
    assert code == 0, err
    results = pd.read_csv(tmp_path / "out/results.csv")
    assert set(results["regime"]) == {"knock_outs"}
    assert "| knock out | 1.00 |" in (tmp_path / "out/summary.md").read_text(encoding="utf-8")
