"""Shows how far a benchmark is: a bar where there is a terminal, a line per job everywhere."""

import logging
import sys
from typing import Any

logger = logging.getLogger(__name__)


class Progress:
    """Counts jobs; while it is open, the rest of grn says no more than its warnings.

    Parameters
    ----------
    n_jobs
        Jobs of the whole grid. Those that need not be run are dropped, so the time left is that of
        jobs that are.
    """

    def __init__(self, n_jobs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=n_jobs)
        self._n_jobs, self.n_run = n_jobs, 0
        self._streams: list[tuple[logging.StreamHandler[Any], Any]] = []
        self._levels: dict[str, int] = {}

    def __enter__(self) -> "Progress":
        self._bar.start()
        self._levels = {name: logging.getLogger(name).level for name in ("grn", "grn.benchmark")}
        logging.getLogger("grn").setLevel(logging.WARNING)
        logging.getLogger("grn.benchmark").setLevel(logging.INFO)
        # While it is shown, the bar stands in for stderr, and lines are printed above it.
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is self._bar_under():
                self._streams.append((handler, handler.setStream(sys.stderr)))
        return self

    def _bar_under(self) -> Any:
        """Return what was stderr before the bar was shown."""
        return getattr(sys.stderr, "rich_proxied_file", None)

    def __exit__(self, *_: object) -> None:
        for handler, stream in self._streams:
            handler.setStream(stream)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        self._bar.stop()

    def drop(self, n_jobs: int) -> None:
        """Take jobs out of the count."""
        self._n_jobs -= n_jobs
        self._bar.update(self._task, total=self._n_jobs)

    def show(self, name: str) -> None:
        """Say beside the bar what is under way."""
        self._bar.update(self._task, description=name)

    def done(self, name: str, seconds: float | None) -> None:
        """Count a job that has ended, and say its time; None where it failed."""
        self.n_run += 1
        self._bar.advance(self._task)
        if seconds is not None:
            logger.info("%s: %.1f s (job %d of %d)", name, seconds, self.n_run, self._n_jobs)
