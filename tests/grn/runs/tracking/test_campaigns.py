from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
import pytest

from grn.runs.tracking import (
    Tracker,
    log_benchmark,
    log_pretraining,
    name_pretraining,
    wandb_logger,
)

SETTINGS = {"n_networks": {"bulk": 3, "boolean": 4}, "seed": 1}


@pytest.fixture
def tracker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    for name in ("MODE", "DISABLED", "NAME", "RUN_GROUP", "JOB_TYPE", "RUN_ID"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)
    made = wandb_logger(save_dir=str(tmp_path / "wandb"), project="grn")
    assert isinstance(made, Tracker)
    return made


def given(tracker: Tracker) -> dict[str, Any]:
    return tracker._wandb_init


def test_a_pretraining_has_a_name_and_its_settings(tracker: Tracker, tmp_path: Path) -> None:
    name_pretraining(tracker, SETTINGS, tmp_path)
    assert given(tracker)["name"] == "pretraining on 7 networks, seed 1"
    assert given(tracker)["group"] == given(tracker)["job_type"] == "pretrain"
    assert given(tracker)["config"] == SETTINGS
    assert tracker._experiment is None  # it starts where the training does


def test_a_pretraining_that_resumes_goes_on_with_its_identity(
    tracker: Tracker, tmp_path: Path
) -> None:
    name_pretraining(tracker, SETTINGS, tmp_path)
    first = given(tracker)["id"]

    def again() -> str:
        other = wandb_logger(save_dir=str(tmp_path / "wandb"))
        name_pretraining(other, SETTINGS, tmp_path)
        assert isinstance(other, Tracker)
        return str(given(other)["id"])

    (tmp_path / "last.ckpt").touch()
    assert again() == first
    (tmp_path / "last.ckpt").unlink()  # as a complete pretraining leaves the folder
    assert again() != first


def test_a_benchmark_is_named_by_its_size(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: dict[str, Any] = {}

    class Run:
        config: ClassVar[dict[str, Any]] = {}
        log = staticmethod(logged.update)

    monkeypatch.setattr("wandb.init", lambda **_: Run())
    settings = {"methods": ["pearson"], "datasets": ["a", "b"], "seeds": [0, 1, 2]}
    log_benchmark(tracker, pd.DataFrame({"auprc": [0.5]}), {}, settings)
    assert given(tracker)["name"] == "benchmark of 1 methods, 2 datasets, 3 seeds"
    assert given(tracker)["job_type"] == "benchmark"
    assert set(logged) == {"results"}
    assert Run.config == settings


def test_other_loggers_are_left_alone(tmp_path: Path) -> None:
    log_benchmark(False, pd.DataFrame(), {}, {})
    name_pretraining(False, SETTINGS, tmp_path)
    log_pretraining(False, {})
    assert not list(tmp_path.iterdir())
