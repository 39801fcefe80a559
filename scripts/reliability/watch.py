"""Runs a command and watches its memory: the peak, and how it goes over time."""

import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

_SECONDS_BETWEEN = 0.2


class Watched(NamedTuple):
    """What a command used."""

    seconds: float
    memory: list[tuple[float, int]]
    """Seconds since the start, and resident bytes of the command with all its children then."""

    @property
    def peak(self) -> int:
        """Most bytes at any time."""
        return max(used for _, used in self.memory)

    def between(self, first: float, last: float) -> int:
        """Return the most bytes between two shares of the time, from 0 to 1."""
        return max(
            (used for at, used in self.memory if first <= at / self.seconds <= last), default=0
        )


def watched(command: Sequence[str], log: Path) -> Watched:
    """Run a command to its end.

    Parameters
    ----------
    command
        The command and its arguments.
    log
        File for what it says.

    Raises
    ------
    RuntimeError
        It failed; the message ends with what it said last.
    """
    started = time.perf_counter()
    memory: list[tuple[float, int]] = []
    with log.open("w", encoding="utf-8") as said:
        process = psutil.Popen(list(command), stdout=said, stderr=subprocess.STDOUT)
        over = threading.Event()

        def watch() -> None:
            while not over.wait(_SECONDS_BETWEEN):
                memory.append((time.perf_counter() - started, _resident(process)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        failed = process.wait()
        seconds = time.perf_counter() - started
        over.set()
        watcher.join()
    if failed:
        end = log.read_text(encoding="utf-8")[-2000:]
        msg = f"{' '.join(command)} ended with {failed}: {end}"
        raise RuntimeError(msg)
    return Watched(seconds, memory or [(seconds, 0)])


def _resident(process: psutil.Process) -> int:
    """Return the resident bytes of a process and all its children; 0 for those that have ended."""
    total = 0
    try:
        for one in (process, *process.children(recursive=True)):
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
    except psutil.NoSuchProcess:
        return total
    return total
