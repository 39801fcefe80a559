import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from grn.evaluation.scores import Scores
from tests.helpers import refuses, written
from tests.toy_library import write_library

if TYPE_CHECKING:
    from anndata import AnnData

Cli = Callable[..., tuple[int, str, str]]
QUICK = (
    *("methods=[pearson,closed_form]", "datasets=[beeline/toy/all]", "seeds=[0]", "output=out"),
    "n_jobs=1",  # processes take seconds to start
)


@pytest.fixture
def benchmark(cli: Cli, tmp_path: Path, small: "AnnData", monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run `grn benchmark` on small data sets, into the folder `out`."""
    monkeypatch.setenv("GRN_DATA", str(write_library(tmp_path / "data", small)))
    return lambda *overrides: cli("benchmark", "logger=none", *QUICK, *overrides)


def test_the_result_is_where_it_was_asked_for_and_a_rerun_runs_nothing(
    benchmark: Cli, tmp_path: Path
) -> None:
    argv = sys.argv[:]
    code, _, err = benchmark()
    assert code == 0, err
    found = written(tmp_path / "out")
    assert {"results.csv", "summary.md", "heatmap.png", "predictions"} <= found
    assert sys.argv == argv
    results = pd.read_csv(tmp_path / "out/results.csv")
    assert set(results["method"]) == {
        *("pearson", "closed_form", "untrained"),
        *("target_mean", "tf_variance", "random"),
    }
    assert set(results["network"]) == {"all"}
    assert "closed_form on beeline/toy: " in err
    assert "5 jobs run" in err
    summary = (tmp_path / "out/summary.md").read_text()
    assert "grn benchmark logger=none 'methods=[pearson,closed_form]'" in summary
    code, _, err = benchmark()
    assert code == 0, err
    assert "0 jobs run" in err
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "out/results.csv"), results)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("methods=[person]", "closed_form"),
        ("datasets=[beeline/mDC]", "beeline/toy"),
        ("seeds=[one]", "seeds"),
        ("method=[pearson]", "method"),
        ("n_jobs=0", "-1 for one per core"),
        ("regimes=[supervised/unseen]", "supervised/unseen_tf"),
        ("regimes=[prior_guided/all]", "no other network"),
        ("+settings.pearson.power=2", "'power'"),
    ],
)
def test_what_does_not_fit_is_refused(
    override: str, message: str, benchmark: Cli, tmp_path: Path
) -> None:
    refuses(benchmark(override), message)
    assert not (tmp_path / "out").exists()


def test_a_job_that_fails_decides_the_exit_code(
    benchmark: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from grn.benchmark import grid
    from grn.errors import InputError

    def breaks(error: Exception) -> None:
        def function(*_: object, **__: object) -> Scores:
            raise error

        broken = replace(grid.METHODS["pearson"], function=function)
        monkeypatch.setitem(grid.METHODS, "pearson", broken)

    breaks(ZeroDivisionError("by nought"))
    code, _, err = benchmark()
    assert code == 1
    assert "by nought" in err
    assert "Traceback" not in err
    log = (tmp_path / "out/run.jsonl").read_text().splitlines()
    assert "in function" in "".join(json.loads(log[-1])["traceback"])
    assert "by nought" in (tmp_path / "out/summary.md").read_text()
    assert "closed_form" in set(pd.read_csv(tmp_path / "out/results.csv")["method"])
    breaks(InputError("pearson was told something it cannot do with these cells"))
    refuses(benchmark(), "with these cells")


def test_settings_reach_the_method(benchmark: Cli, tmp_path: Path) -> None:
    steps = ("trainer.max_steps=4", "trainer.val_check_interval=2", "trainer.accelerator=cpu")
    short = ",".join(f"'{step}'" for step in steps)
    code, _, err = benchmark("methods=[spherical]", f"+settings.spherical.overrides=[{short}]")
    assert code == 0, err
    results = pd.read_csv(tmp_path / "out/results.csv")
    ours = results[results["method"] == "spherical"].set_index("metric")
    assert 0 < ours.loc["auprc", "seconds"] < 60
    assert ours.loc["auprc", "kind"] == "method"


def test_a_regime_with_known_edges_is_asked_for_by_name(benchmark: Cli, tmp_path: Path) -> None:
    code, _, err = benchmark("regimes=[supervised/both_seen,prior_guided/half]")
    assert code == 0, err
    assert "## Known edges" in (tmp_path / "out/summary.md").read_text()
    results = pd.read_csv(tmp_path / "out/results.csv")
    assert set(results["regime"]) == {
        *("supervised/both_seen", "supervised/both_seen/matched", "prior_guided/half"),
    }


def test_a_folder_that_cannot_be_made_is_refused(benchmark: Cli, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    refuses(benchmark(), "out")


def test_one_run_of_the_group_holds_table_and_pictures(
    benchmark: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("WANDB_SILENT", "WANDB__DISABLE_STATS"):
        monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    code, _, err = benchmark("logger=wandb")
    assert code == 0, err
    (log,) = (tmp_path / "out").glob("wandb/offline-run-*/*.wandb")
    wandb = Path(sys.executable).with_name("wandb")
    printed = subprocess.run(
        [wandb, "leet", "inspect", "--json", log], capture_output=True, text=True, check=True
    )
    records = [json.loads(line) for line in printed.stdout.splitlines()]
    # A run is recorded anew when it changes, and such a record may leave the group out.
    groups = {record["run"].get("run_group") for record in records if record["type"] == "run"}
    assert groups - {None} == {"benchmark"}
    logged: dict[str, object] = {}
    for record in records:
        if record["type"] == "history":
            logged |= record["history"]["item"]
    assert logged["results.nrows"] == len(pd.read_csv(tmp_path / "out/results.csv"))
    for picture in ("heatmap", "precision_recall", "accuracy_time"):
        assert logged[f"{picture}.format"] == "png"
