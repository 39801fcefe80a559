import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grn.config import compose_config
from grn.errors import InputError
from grn.runs.run import run
from grn.runs.tracking import Tracker, log_benchmark, log_result, wandb_logger
from tests.helpers import FAST

SIZE = ("+data.source.n_tfs=4", "+data.source.n_targets=12", "+data.source.n_cells=60")


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What an offline run on a small demo left, as wandb's own reader prints it."""
    folder = tmp_path_factory.mktemp("tracked")
    steps = (
        "trainer.max_steps=24", "trainer.val_check_interval=4", "trainer.log_every_n_steps=1",
        "optimizer.lr=1e-4",
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.setenv("WANDB_SILENT", "true")
        patch.setenv("WANDB__DISABLE_STATS", "true")
        patch.setenv("WANDB_CONSOLE", "off")
        run(
            compose_config(["paths=folder", f"paths.run='{folder / 'run'}'", *FAST, *SIZE, *steps])
        )
    log = next(folder.glob("run/wandb/offline-run-*/*.wandb"))
    wandb = Path(sys.executable).with_name("wandb")
    printed = subprocess.run(
        [wandb, "leet", "inspect", "--json", log], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in printed.stdout.splitlines()]


@pytest.fixture(scope="module")
def history(records: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame([r["history"]["item"] for r in records if r["type"] == "history"])


def test_losses_are_in_the_history(history: pd.DataFrame) -> None:
    losses = history.dropna(subset="train/loss")
    assert len(losses) >= 20
    assert losses["trainer/global_step"].is_monotonic_increasing
    assert (losses["train/loss"] > 0).all()
    assert history["val/loss"].notna().sum() >= 5


def test_r2_is_in_the_history_over_steps(history: pd.DataFrame) -> None:
    judged = history.dropna(subset="val/r2")
    assert judged["trainer/global_step"].nunique() >= 5


def test_r2_and_its_baselines_are_in_the_summary(records: list[dict[str, Any]]) -> None:
    summary = json.dumps([r for r in records if r["type"] == "summary"])
    config = json.dumps([r for r in records if r["type"] in ("config", "run")])
    for name in ("r2", "mean", "ridge", "start"):
        assert f"prediction/{name}" in summary
        assert name == "r2" or f"prediction/{name}" in config


def test_config_and_final_tables_are_kept(records: list[dict[str, Any]]) -> None:
    text = json.dumps([r for r in records if r["type"] in ("config", "run")])
    assert "val_check_interval" in text
    assert "least_noise" in text
    logged: dict[str, Any] = {}
    for record in records:
        if record["type"] == "history":
            logged |= record["history"]["item"]
    assert logged["edges.nrows"] == 4 * 16 - 4
    assert logged["edges.ncols"] >= 4
    assert logged["evaluation.nrows"] > 5
    artifacts = [r for r in records if r["type"] == "artifact"]
    assert any("edge-list" in json.dumps(r) for r in artifacts)
    assert "final/auprc_ratio" in json.dumps([r for r in records if r["type"] == "summary"])


def test_other_loggers_are_left_alone(tmp_path: Path) -> None:
    log_result(object(), pd.DataFrame(), None, tmp_path, {})
    log_result(False, pd.DataFrame(), None, tmp_path, {})
    log_benchmark(False, pd.DataFrame(), {}, {})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")]
)
def test_the_switches_of_wandb_are_heeded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert wandb_logger(project="grn", save_dir=str(tmp_path)) is False
    assert not list(tmp_path.iterdir())


def test_nothing_is_uploaded_unless_the_settings_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    with caplog.at_level("INFO"):
        assert isinstance(wandb_logger(save_dir=str(tmp_path)), Tracker)
    assert "stays offline" in caplog.text


def test_settings_that_wandb_does_not_take(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"logger\.projet is no setting of wandb"):
        wandb_logger(save_dir=str(tmp_path), projet="grn")


@pytest.mark.parametrize("error", [OSError("read-only"), RuntimeError("no service"), KeyError(1)])
def test_what_fails_in_wandb_is_a_warning_once(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    tries = []

    def fail(**_: Any) -> None:
        tries.append(1)
        raise error

    monkeypatch.setattr("wandb.init", fail)
    tracker = wandb_logger(save_dir=str(tmp_path), project="grn")
    assert isinstance(tracker, Tracker)
    tracker.log_hyperparams({"seed": 0})
    tracker.log_metrics({"val/loss": 1.0}, 3)
    tracker.finalize("success")
    log_result(tracker, pd.DataFrame(), None, tmp_path, {})
    assert len(tries) == 1
    (warning,) = caplog.records
    assert "wandb failed to keep the settings" in warning.getMessage()
    assert "its result is not affected" in warning.getMessage()
