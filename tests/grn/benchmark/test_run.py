import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

import grn
from grn.benchmark import grid
from grn.benchmark.grid import make_grid
from grn.benchmark.methods import METHODS
from grn.benchmark.regimes import SPLITS
from grn.benchmark.run import COLUMNS, Outcome, run_benchmark
from grn.errors import InputError
from grn.evaluation.scores import Scores
from tests.toy_library import TOY

pytestmark = pytest.mark.usefixtures("library")
Bench = Callable[..., Outcome]

KEYS = ["method", "dataset", "network", "regime", "seed", "metric"]


def table(outcome: Outcome) -> pd.DataFrame:
    """What is found, without the time it took."""
    return outcome.results.drop(columns="seconds").sort_values(KEYS, ignore_index=True)


def test_one_row_per_method_network_seed_and_metric(bench: Bench) -> None:
    outcome = bench()
    results = outcome.results
    assert tuple(results) == COLUMNS
    assert not results.duplicated(KEYS).any()
    n_metrics = results["metric"].nunique()
    assert n_metrics == 9
    methods = {
        *("pearson", "spearman", "closed_form", "closed_form_max"),
        *("untrained", "target_mean", "tf_variance", "random"),
    }
    assert set(results["method"]) == methods
    # The random ranking has no overlap across seeds.
    assert len(results) == len(TOY) * 2 * (8 * n_metrics - 1)
    assert set(results["dataset"] + "/" + results["network"]) == set(TOY)
    assert set(results["regime"]) == {"unsupervised"}
    assert set(results.loc[results["kind"] == "control", "method"]) == {
        *("untrained", "target_mean", "tf_variance", "random"),
    }
    assert outcome.n_run == 2 * (6 + 2)  # two data sets, each six methods once, one for two seeds
    assert not outcome.failures


def test_the_numbers_are_those_of_evaluate(bench: Bench, library: Path) -> None:
    results = bench(["closed_form"], ["beeline/toy/half"], [0]).results
    folder = library / "beeline/toy"
    adata = grn.preprocess(anndata.read_h5ad(folder / "expression.h5ad"))
    truth = grn.read_truth(folder / "edges_half.csv")
    # The controls of evaluate take the TFs of the truth; here all of them have an edge.
    assert set(truth["source"]) == set((folder / "tfs.txt").read_text().split())
    expected = grn.evaluate(truth.assign(weight=1.0), truth, adata)
    found = results.set_index(["method", "metric"])["value"]
    for method in ("closed_form", "target_mean", "tf_variance", "random"):
        for metric in ("auprc", "auprc_ratio", "auroc", "per_tf_auroc", "sign_accuracy"):
            assert found[method, metric] == pytest.approx(
                expected.loc[method, metric], nan_ok=True
            ), (method, metric)


def test_a_rerun_does_no_job_and_finds_the_same(bench: Bench, noise: list[int]) -> None:
    first = bench(["noise", "pearson"])
    assert noise == [0, 1, 0, 1]
    second = bench(["noise", "pearson"])
    assert len(noise) == 4
    assert second.n_run == 0
    pd.testing.assert_frame_equal(first.results, second.results)


def test_only_gaps_are_filled(bench: Bench, noise: list[int]) -> None:
    bench(["noise"], ["dream4/other"], [0])
    grown = bench(["pearson", "noise"], seeds=[0, 2])
    assert noise == [0, 0, 2, 2]
    pd.testing.assert_frame_equal(
        table(grown), table(bench(["pearson", "noise"], seeds=[0, 2], cache="new"))
    )
    bench(["noise"], ["dream4/other"], [0], noise={"shift": 2.0})
    assert noise[8:] == [0]


def test_code_that_is_edited_meanwhile_is_not_taken_for_what_ran(
    bench: Bench, noise: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (["noise"], ["dream4/other"], [0])
    code = ["as loaded"]
    watched = replace(grid.METHODS["noise"], configured=lambda: code[0])
    monkeypatch.setattr(grid, "METHODS", {**grid.METHODS, "noise": watched})
    begun = make_grid(*asked, ["unsupervised"], {})
    code[0] = "edited"
    run_benchmark(begun, tmp_path / "cache")
    assert bench(*asked).n_run == 1
    assert len(noise) == 2


@pytest.mark.parametrize("k", [1, 3])
def test_interrupted_at_a_job_it_goes_on_from_there(
    k: int, bench: Bench, noise: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bench(["noise", "closed_form"], cache="whole")
    noise.clear()
    sound = grid.METHODS["noise"]

    def interrupted(*arguments: object, **named: object) -> Scores:
        if len(noise) == k:
            raise KeyboardInterrupt
        return sound.function(*arguments, **named)

    with monkeypatch.context() as patch:
        broken = {**grid.METHODS, "noise": replace(sound, function=interrupted)}
        patch.setattr(grid, "METHODS", broken)
        with pytest.raises(KeyboardInterrupt):
            bench(["noise", "closed_form"])
    resumed = bench(["noise", "closed_form"])
    assert sorted(noise) == [0, 0, 1, 1]  # none was lost, none run twice
    pd.testing.assert_frame_equal(table(resumed), table(whole))


def test_killed_at_a_job_it_goes_on_from_there(bench: Bench, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from grn.benchmark import predict, run\n"
        "from grn.benchmark.grid import make_grid\n"
        "sound, calls = predict._run, []\n"
        "def killed(job, *rest):\n"
        "    calls.append(job)\n"
        "    if len(calls) == 4: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return sound(job, *rest)\n"
        "predict._run = killed\n"
        "asked = ['pearson', 'closed_form'], ['beeline/toy', 'dream4/other'], [0]\n"
        "run.run_benchmark(make_grid(*asked, ['unsupervised'], {}), Path(sys.argv[1]))\n"
    )
    root = Path(__file__).resolve().parents[3]
    paths = os.pathsep.join([str(root), str(root / "kernels")])
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "cache"],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 3
    asked = (["pearson", "closed_form"], ["beeline/toy", "dream4/other"], [0])
    resumed = bench(*asked)
    assert resumed.n_run == 2 * 5 - 3
    pd.testing.assert_frame_equal(table(resumed), table(bench(*asked, cache="new")))


@pytest.mark.parametrize("error", [InputError("the user's"), ZeroDivisionError("ours")])
def test_a_job_that_fails_leaves_the_others(
    error: Exception, bench: Bench, noise: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(adata: anndata.AnnData, tfs: list[str], *, seed: int) -> Scores:
        if seed == 1 and adata.n_obs < 60:
            raise error
        return METHODS["pearson"].function(adata, tfs, seed=seed)

    broken = replace(grid.METHODS["noise"], function=fails)
    monkeypatch.setattr(grid, "METHODS", {**grid.METHODS, "noise": broken})
    outcome = bench(["noise", "closed_form"])
    assert [failure.what for failure in outcome.failures] == ["noise, seed 1 on dream4/other"]
    assert outcome.failures[0].error is error
    rows = outcome.results[outcome.results["method"] == "noise"]
    assert set(zip(rows["dataset"], rows["seed"], strict=True)) == {
        *(("beeline/toy", 0), ("beeline/toy", 1), ("dream4/other", 0)),
    }
    assert len(bench(["noise", "closed_form"]).failures) == 1  # and is tried again


def test_a_data_set_that_cannot_be_read_leaves_the_others(bench: Bench, library: Path) -> None:
    (library / "dream4/other/tfs.txt").write_text("nobody\n")
    outcome = bench()
    assert [failure.what for failure in outcome.failures] == ["dream4/other"]
    assert isinstance(outcome.failures[0].error, InputError)
    assert set(outcome.results["dataset"]) == {"beeline/toy"}


def test_a_truth_that_cannot_be_read_is_reported(bench: Bench, library: Path) -> None:
    (library / "beeline/toy/edges_half.csv").write_text("source,target\nX,Y\n")
    outcome = bench()
    assert [failure.what for failure in outcome.failures] == ["beeline/toy/half"]
    assert set(outcome.results["network"]) == {"all", "gold"}


@pytest.mark.parametrize("bad", [np.full((4, 16), np.nan), np.ones((16, 4))])
def test_what_is_no_score_of_every_pair_is_a_failure(
    bad: np.ndarray, bench: Bench, noise: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = replace(grid.METHODS["noise"], function=lambda *_, **__: Scores(None, bad))
    monkeypatch.setattr(grid, "METHODS", {**grid.METHODS, "noise": broken})
    outcome = bench(["noise"], ["dream4/other"], [0])
    assert "importance" in str(outcome.failures[0].error)
    assert "noise" not in set(outcome.results["method"])


def deterministic(outcome: Outcome) -> pd.Series:
    rows = outcome.results[~outcome.results["method"].isin(["untrained", "random"])]
    return rows.set_index(KEYS)["value"].sort_index()


def rewrite(library: Path, adata: anndata.AnnData, names: dict[str, str]) -> None:
    """Write other cells, and TFs and networks under other names."""
    folder = library / "beeline/toy"
    adata.write_h5ad(folder / "expression.h5ad")
    tfs = (folder / "tfs.txt").read_text().split()
    (folder / "tfs.txt").write_text("\n".join(names.get(tf, tf) for tf in reversed(tfs)) + "\n")
    for file in folder.glob("edges_*.csv"):
        truth = pd.read_csv(file).replace({"source": names, "target": names})
        truth.to_csv(file, index=False)


def test_the_order_of_genes_changes_no_metric(bench: Bench, library: Path) -> None:
    before = deterministic(bench())
    adata = anndata.read_h5ad(library / "beeline/toy/expression.h5ad")
    order = np.random.default_rng(0).permutation(adata.n_vars)
    rewrite(library, adata[:, order].copy(), {})
    after = bench()
    assert after.n_run == 6 + 2  # other cells: nothing is taken from the cache
    pd.testing.assert_series_equal(deterministic(after), before, rtol=1e-6)


def test_the_names_of_genes_change_no_metric(bench: Bench, library: Path) -> None:
    before = deterministic(bench())
    adata = anndata.read_h5ad(library / "beeline/toy/expression.h5ad")
    shuffled = np.random.default_rng(1).permutation(adata.n_vars)
    names = {gene: f"Gene{i}" for gene, i in zip(adata.var_names, shuffled, strict=True)}
    adata.var_names = [names[gene] for gene in adata.var_names]
    rewrite(library, adata, names)
    pd.testing.assert_series_equal(deterministic(bench()), before, rtol=1e-6)


def test_order_and_names_of_genes_change_no_control_of_a_network(
    bench: Bench, library: Path
) -> None:
    def controls(cache: str) -> pd.Series:
        regimes = [f"supervised/{split}" for split in SPLITS]
        results = bench(["pearson"], ["beeline/toy"], cache=cache, regimes=regimes).results
        rows = results[results["method"].isin(["degree", "walk", "random"])]
        return rows.set_index(KEYS)["value"].sort_index()

    before = controls("before")
    assert before.index.get_level_values("regime").nunique() == 2 * len(SPLITS)
    adata = anndata.read_h5ad(library / "beeline/toy/expression.h5ad")
    generator = np.random.default_rng(0)
    adata = adata[:, generator.permutation(adata.n_vars)].copy()
    shuffled = generator.permutation(adata.n_vars)
    names = {gene: f"Gene{i}" for gene, i in zip(adata.var_names, shuffled, strict=True)}
    adata.var_names = [names[gene] for gene in adata.var_names]
    rewrite(library, adata, names)
    pd.testing.assert_series_equal(controls("after"), before, rtol=1e-6)


def test_repeated_rows_of_the_truth_change_no_metric(bench: Bench, library: Path) -> None:
    before = bench()
    for file in (library / "beeline/toy").glob("edges_*.csv"):
        truth = pd.read_csv(file)
        pd.concat([truth, truth.iloc[::3], truth.iloc[:5]]).to_csv(file, index=False)
    after = bench()
    assert after.n_run == 0  # the truth has no part in a prediction
    pd.testing.assert_frame_equal(after.results, before.results)
