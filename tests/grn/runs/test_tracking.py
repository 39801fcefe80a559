import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grn.config import compose_config
from grn.runs.run import run
from grn.runs.tracking import log_benchmark, log_result
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
