"""Shows the progress of a benchmark: a bar on a terminal, and a line per job."""

import logging
import sys
from typing import Any

logger = logging.getLogger(__name__)


class Progress:
    """Counts jobs; while it is open, other modules of grn log warnings only.

    Parameters
    ----------
    n_jobs
        Number of jobs of the whole grid. Cached jobs are dropped, so that the remaining time is
        that of jobs that run.
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
        # While the bar is shown it replaces stderr, so that lines are printed above it.
        for handler in logging.root.handlers:
            if isinstance(handler, logging.StreamHandler) and handler.stream is self._bar_under():
                self._streams.append((handler, handler.setStream(sys.stderr)))
        return self

    def _bar_under(self) -> Any:
        """Return the stderr from before the bar was shown."""
        return getattr(sys.stderr, "rich_proxied_file", None)

    def __exit__(self, *_: object) -> None:
        for handler, stream in self._streams:
            handler.setStream(stream)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)
        self._bar.stop()

    def drop(self, n_jobs: int) -> None:
        """Remove jobs from the count."""
        self._n_jobs -= n_jobs
        self._bar.update(self._task, total=self._n_jobs)

    def show(self, name: str) -> None:
        """Show the present job beside the bar."""
        self._bar.update(self._task, description=name)

    def done(self, name: str, seconds: float | None) -> None:
        """Count a finished job, and log its time, which is None if it failed."""
        self.n_run += 1
        self._bar.advance(self._task)
        if seconds is not None:
            logger.info("%s: %.1f s (job %d of %d)", name, seconds, self.n_run, self._n_jobs)
