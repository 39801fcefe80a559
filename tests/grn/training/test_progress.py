import io
import sys
from contextlib import redirect_stderr
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from grn import progress
from grn.training.progress import TrainingProgress


@pytest.fixture
def trainer() -> Any:
    return SimpleNamespace(global_step=0, max_steps=10, callback_metrics={"val/loss": 0.25})


def count(progress: TrainingProgress, trainer: Any, steps: int) -> None:
    progress.on_train_start(trainer)
    for _ in range(steps):
        trainer.global_step += 1
        progress.on_train_batch_end(trainer)
    progress.teardown(trainer, None, stage="fit")


def test_without_a_terminal_nothing_is_drawn(
    trainer: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        count(TrainingProgress(), trainer, 10)
    assert capsys.readouterr() == ("", "")
    assert not caplog.records  # it is over before a line is due


def test_a_long_training_writes_to_the_log(trainer: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        count(TrainingProgress(seconds_between=0), trainer, 3)
    assert "training: step 3 of at most 10, about 0 s to go" in caplog.text
    caplog.clear()
    silent = TrainingProgress(seconds_between=0)
    silent.disable()
    with caplog.at_level("INFO"):
        count(silent, trainer, 3)
    assert not caplog.records


def test_a_terminal_gets_a_bar_on_stderr(
    trainer: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    screen, asked = io.StringIO(), []

    def console(**settings: Any) -> Console:
        asked.append(settings)
        return Console(file=screen, force_terminal=True, width=100)

    monkeypatch.setattr("grn.training.progress.Console", console)
    count(TrainingProgress(), trainer, 10)
    assert asked == [{"stderr": True}]
    assert "10/10" in screen.getvalue()
    assert "val/loss 0.2500" in screen.getvalue()
    assert "Epoch" not in screen.getvalue()
    assert capsys.readouterr().out == ""


def test_a_notebook_gets_a_bar_that_goes_away(
    trainer: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Shell:
        """A kernel of Colab."""

    monkeypatch.setattr(Shell, "__module__", "google.colab._shell")
    monkeypatch.setitem(
        sys.modules, "IPython", SimpleNamespace(get_ipython=Shell)  # type: ignore[arg-type]
    )  # fmt: skip
    monkeypatch.setattr(progress, "_SECONDS_TO_WAIT", 0.0)
    cell = io.StringIO()
    with redirect_stderr(cell), caplog.at_level("INFO"):
        count(TrainingProgress(seconds_between=0), trainer, 10)
    assert "training:   0 % |" in cell.getvalue()
    assert cell.getvalue().endswith("\r")
    assert not caplog.records
