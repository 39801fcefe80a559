import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from grn.cli.sweep import SweepTable, numbers_of, read_rows
from grn.errors import InputError, ReaderGone
from tests.helpers import broken

Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make R² of a run its seed, and let seed 2 fail."""

    def run(config: Any) -> Any:
        if config.seed == 2:
            msg = "no such cells"
            raise InputError(msg)
        folder = Path(config.paths.run)
        record = {"prediction": {"r2": config.seed / 10}, "seconds": 4.0}
        (folder / "metrics.json").write_text(json.dumps(record))
        return SimpleNamespace(metrics=None, folder=folder)

    monkeypatch.setattr("grn.runs.run.run", run)


@pytest.mark.usefixtures("no_work")
def test_a_sweep_ends_with_a_table_of_overrides_and_metrics(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("train", "-m", "seed=0,3,1", "+trainer.precision=32", "hydra.sweep.dir=s")
    assert code == 0, err
    table = pd.read_csv(tmp_path / "s" / "sweep.tsv", sep="\t")
    assert table["seed"].tolist() == [3, 1, 0]
    assert table["job"].tolist() == [1, 2, 0]
    assert table["trainer.precision"].tolist() == [32, 32, 32]
    assert table["prediction/r2"].tolist() == [0.3, 0.1, 0.0]
    assert table["run/seconds"].tolist() == [4.0] * 3
    assert [Path(folder).name for folder in table["folder"]] == ["1", "2", "0"]
    assert "3 runs" in out
    assert "seed" in out
    assert "precision" not in out  # all of them have the same


@pytest.mark.usefixtures("no_work")
def test_a_job_that_fails_leaves_the_results_of_the_others(cli: Cli, tmp_path: Path) -> None:
    code, out, err = cli("train", "-m", "seed=0,2,1", "hydra.sweep.dir=s")
    assert code == 2
    assert "grn: no such cells" in err
    assert "failed" in out
    table = pd.read_csv(tmp_path / "s" / "sweep.tsv", sep="\t")
    assert table["seed"].tolist() == [1, 0, 2]
    assert table["error"].tolist()[2] == "no such cells"
    assert not (tmp_path / "s" / "1").exists()


@pytest.mark.usefixtures("no_work")
def test_a_single_run_has_no_table(cli: Cli, tmp_path: Path) -> None:
    code, out, _ = cli("train", "seed=1", "hydra.run.dir=one")
    assert code == 0
    assert "runs" not in out
    assert not list(tmp_path.rglob("sweep*"))


def test_numbers_are_those_of_the_run_and_absent_without_it(tmp_path: Path) -> None:
    assert numbers_of(tmp_path) == {}
    record = {"prediction": None, "evaluation": {"auprc_ratio": 2.0, "auroc": 0.7}, "seconds": 3}
    (tmp_path / "metrics.json").write_text(json.dumps(record))
    assert numbers_of(tmp_path) == {"run/seconds": 3, "final/auprc_ratio": 2.0}


def test_without_any_metric_jobs_keep_their_order(tmp_path: Path) -> None:
    lines = [{"job": 1, "overrides": ["+a=b=c"], "error": ""}, {"job": 0, "overrides": []}]
    (tmp_path / "rows").write_text("\n".join(map(json.dumps, lines)))
    table = read_rows(tmp_path / "rows")
    assert table["job"].tolist() == [0, 1]
    assert table["a"].tolist()[1] == "b=c"


def test_a_line_that_was_cut_short_leaves_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = json.dumps({"job": 0, "overrides": ["a=1"], "error": "", "folder": "0"})
    (tmp_path / "rows").write_text(f"{whole}\n{whole[:30]}")
    assert read_rows(tmp_path / "rows")["job"].tolist() == [0]
    assert "was cut short" in caplog.text
    (tmp_path / "rows").write_text(whole[:30])
    assert read_rows(tmp_path / "rows").empty


@pytest.mark.usefixtures("no_work")
def test_the_real_error_is_told_though_a_line_was_cut_short(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(_: SweepTable, config: Any, **_others: Any) -> None:
        (Path(config.hydra.sweep.dir) / "sweep.jsonl").write_text("{")

    monkeypatch.setattr(SweepTable, "on_job_end", cut)
    code, _, err = cli("train", "-m", "seed=2,3", "hydra.sweep.dir=s")
    assert code == 2
    assert "grn: no such cells" in err


@pytest.mark.usefixtures("no_work")
def test_an_error_without_a_text_has_its_row(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.runs.run.run", broken(AssertionError()))
    assert cli("train", "-m", "seed=0", "hydra.sweep.dir=s")[0] == 1
    assert read_rows(tmp_path / "s" / "sweep.jsonl")["error"].tolist() == ["AssertionError()"]


@pytest.mark.usefixtures("no_work")
def test_a_table_that_nobody_reads_is_no_bug(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grn.cli.output.Output.print", broken(ReaderGone()))
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert cli("train", "-m", "seed=0,1", "hydra.sweep.dir=s")[0] == 141
