import os
from pathlib import Path
from typing import Any

import pytest

from grn.errors import InputError
from grn.runs.tracking import Tracker, wandb_logger


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MODE", "DISABLED", "NAME", "RUN_GROUP", "JOB_TYPE", "RUN_ID"):
        monkeypatch.delenv(f"WANDB_{name}", raising=False)


@pytest.mark.parametrize(
    ("name", "value"), [("WANDB_MODE", "disabled"), ("WANDB_DISABLED", "true")]
)
def test_the_switches_of_wandb_are_heeded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert wandb_logger(project="grn", save_dir=str(tmp_path)) is False
    assert not list(tmp_path.iterdir())


def test_a_disabled_logger_writes_nothing(tmp_path: Path) -> None:
    assert wandb_logger(project="grn", save_dir=str(tmp_path), mode="disabled") is False
    assert not list(tmp_path.iterdir())


def test_nothing_is_uploaded_unless_the_settings_say_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    with caplog.at_level("INFO"):
        assert isinstance(wandb_logger(save_dir=str(tmp_path)), Tracker)
    assert "stays offline" in caplog.text


class Started:
    """What wandb.init returns, as far as a logger needs it."""

    id = "abc"


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "dryrun"),
        ({"mode": "offline", "offline": False}, "dryrun"),
        ({"offline": False}, None),
    ],
)
def test_a_run_starts_offline_or_online_as_the_settings_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: dict[str, Any], mode: str | None
) -> None:
    seen: list[Any] = []

    def init(**given: Any) -> Started:
        seen.append((given, os.environ.get("WANDB_MODE")))
        return Started()

    monkeypatch.setenv("WANDB_MODE", "")  # what Lightning sets is taken back
    monkeypatch.delenv("WANDB_MODE")
    tracker = wandb_logger(save_dir=str(tmp_path), project="grn", **settings)
    assert isinstance(tracker, Tracker)
    monkeypatch.setattr("wandb.init", init)
    tracker.name_run("mDC seed 1", job_type="train", group="sweep", run_id="earlier1")
    assert tracker.experiment.id == "abc"
    ((given, found),) = seen
    assert found == mode
    assert given["resume"] == "allow"
    named = {key: given[key] for key in ("name", "job_type", "group", "id", "project")}
    assert named == {
        "name": "mDC seed 1",
        "job_type": "train",
        "group": "sweep",
        "id": "earlier1",
        "project": "grn",
    }


def test_names_of_the_user_win(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANDB_RUN_GROUP", "theirs")
    tracker = wandb_logger(save_dir=str(tmp_path), name="mine")
    assert isinstance(tracker, Tracker)
    tracker.name_run("ours", job_type="train", group="ours")
    assert tracker._wandb_init["name"] == "mine"
    assert "group" not in tracker._wandb_init  # wandb reads its variable itself
    assert tracker._wandb_init["job_type"] == "train"


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
    monkeypatch.setenv("WANDB_MODE", "offline")
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
    tracker.finish()
    assert len(tries) == 1
    (warning,) = caplog.records
    assert "wandb failed to keep the settings" in warning.getMessage()
    assert "its result is not affected" in warning.getMessage()
