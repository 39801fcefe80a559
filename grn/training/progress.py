"""Shows the progress of training: a bar on a terminal, else occasional lines in the log."""

import logging
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import lightning as L
from lightning.pytorch.callbacks import ProgressBar
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from grn.progress import in_notebook, ticking

logger = logging.getLogger(__name__)


class TrainingProgress(ProgressBar):
    """Shows the steps on stderr, since stdout holds the result.

    A terminal and a notebook show a bar. In a file or a pipe it would leave clutter, so a long
    training writes lines to the log there. `callbacks.progress_bar=null` turns both off.

    Parameters
    ----------
    seconds_between
        Least number of seconds between two lines of the log.
    """

    def __init__(self, *, seconds_between: float = 30.0) -> None:
        super().__init__()
        self._seconds_between = seconds_between
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._in_notebook = ExitStack()
        self._tick: Callable[[], Any] | None = None
        self._started = self._said = 0.0
        self._first_step = 0
        self._shown = True

    def disable(self) -> None:
        """Show nothing from now on; Lightning calls this in all processes but the first."""
        self._shown = False

    def enable(self) -> None:
        """Show again."""
        self._shown = True

    def on_train_start(self, trainer: L.Trainer, *_: Any) -> None:
        """Start the bar or the clock."""
        self._started = self._said = time.monotonic()
        self._first_step = trainer.global_step
        console, notebook = Console(stderr=True), in_notebook()
        if self._shown and console.is_terminal and not notebook:
            remaining = TextColumn("{task.fields[loss]}")
            columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), remaining)
            self._bar = Progress(TextColumn("training"), *columns, console=console)
            self._task = self._bar.add_task("", total=trainer.max_steps, loss="")
            self._bar.start()
        elif self._shown and notebook:
            left = trainer.max_steps - trainer.global_step
            self._tick = self._in_notebook.enter_context(ticking("training", left))

    def on_train_batch_end(self, trainer: L.Trainer, *_: Any) -> None:
        """Update the bar, or write a line of the log when one is due."""
        if self._bar is not None and self._task is not None:
            loss = trainer.callback_metrics.get("val/loss")
            said = "" if loss is None else f"val/loss {float(loss):.4f}"
            self._bar.update(self._task, completed=trainer.global_step, loss=said)
        elif self._tick is not None:
            self._tick()
        elif self._shown and time.monotonic() - self._said >= self._seconds_between:
            self._said = time.monotonic()
            n_done = max(1, trainer.global_step - self._first_step)
            to_go = (
                (self._said - self._started) / n_done * (trainer.max_steps - trainer.global_step)
            )
            logger.info(
                "training: step %d of at most %d, about %.0f s to go",
                *(trainer.global_step, trainer.max_steps, to_go),
            )

    def teardown(self, *_: Any, **__: Any) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        self._in_notebook.close()
        self._tick = None

    def on_exception(self, *_: Any) -> None:
        """Remove the bar from the terminal, so that the error can be read."""
        self.teardown()
