"""The log of a run as JSON lines: stages with seconds, memory, warnings, versions, the end."""

import json
import logging
import os
import platform
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

from grn.errors import DONE, exit_code
from grn.version import VERSION

JOURNAL = "run.jsonl"
"""Name of the file in the folder of a run."""

_PACKAGES = ("torch", "lightning", "numpy", "scipy", "pandas", "anndata", "scanpy", "triton")
_current: ContextVar["Journal | None"] = ContextVar("journal", default=None)


class Journal:
    """Lines that wait until the folder of the run is known, and are then written at once.

    Parameters
    ----------
    command
        Which command the run belongs to, such as `train`.
    """

    def __init__(self, command: str) -> None:
        self._command = command
        self._started = time.perf_counter()
        self._waiting: list[str] = []
        self._file: Path | None = None

    def write(self, event: str, **fields: Any) -> None:
        """Add one line: time, seconds since the start, the event and its fields."""
        line = {
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "seconds": round(time.perf_counter() - self._started, 3),
            "event": event,
            **fields,
        }
        text = json.dumps(line, default=str, ensure_ascii=False) + "\n"
        if self._file is None:
            self._waiting.append(text)
            return
        # A full disk must not end a run whose result may still fit, nor hide why it ended.
        with suppress(OSError), self._appended() as file:
            file.write(text)

    def open(self, folder: Path, *, anew: bool) -> None:
        """Write into a folder from now on, also what was said before.

        Parameters
        ----------
        folder
            Folder of the run, which exists.
        anew
            Whether the log of an earlier run in it is discarded. Otherwise that of an interrupted
            run is continued.
        """
        self._file = folder / JOURNAL
        with suppress(OSError):
            if anew:
                self._file.unlink(missing_ok=True)
            with self._appended() as file:
                file.writelines(self._waiting)
        self._waiting = []

    def _appended(self) -> TextIO:
        assert self._file is not None
        # A path may hold what is no character: it is escaped, which JSON reads again.
        return self._file.open("a", encoding="utf-8", errors="backslashreplace")

    def begin(self) -> None:
        """Write what the run started with: command, versions and machine."""
        self.write(
            "start",
            command=self._command,
            grn=VERSION,
            python=platform.python_version(),
            system=platform.platform(),
            versions={name: found for name in _PACKAGES if (found := _version(name))},
            n_cores=len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
            pid=os.getpid(),
        )

    def end(self, error: BaseException | None) -> None:
        """Write how the run ended: exit code, error, seconds and memory."""
        code = DONE if error is None else exit_code(error)
        fields: dict[str, Any] = {"exit": code, "peak_memory_mb": peak_memory()}
        if error is not None:
            fields |= {"error": type(error).__name__, "message": str(error)}
        if code == 1:
            fields["traceback"] = traceback.format_exception(error)
        self.write("end", **fields)


@contextmanager
def recorded(command: str) -> Iterator[Journal]:
    """Record a run until the block ends, with the warnings and messages of everything below.

    Nothing is written before the folder of the run is given (`open_journal`). A run inside of
    another one, as in a sweep, has a log of its own.

    Parameters
    ----------
    command
        As in `Journal`.
    """
    journal = Journal(command)
    token = _current.set(journal)
    listener, showed = _Listener(journal), warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        journal.write("message", level="warning", logger=category.__name__, text=str(message))
        showed(message, category, *where, **more)

    warnings.showwarning = show
    logging.getLogger().addHandler(listener)
    journal.begin()
    try:
        yield journal
    except BaseException as error:
        journal.end(error)
        raise
    else:
        journal.end(None)
    finally:
        logging.getLogger().removeHandler(listener)
        if warnings.showwarning is show:
            warnings.showwarning = showed
        _current.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """Record how long a stage of the run takes and the largest memory so far, in MB (10⁶ bytes).

    Outside of `recorded` it does nothing.
    """
    journal, started = _current.get(), time.perf_counter()
    try:
        yield
    finally:
        if journal is not None:
            took = round(time.perf_counter() - started, 3)
            journal.write("stage", stage=name, took=took, peak_memory_mb=peak_memory())


def note(event: str, **fields: Any) -> None:
    """Add a line to the log of the current run, if there is one."""
    journal = _current.get()
    if journal is not None:
        journal.write(event, **fields)


def open_journal(folder: Path, *, anew: bool) -> None:
    """Give the current run its folder (`Journal.open`), if there is a run."""
    journal = _current.get()
    if journal is not None:
        journal.open(folder, anew=anew)


def peak_memory() -> int | None:
    """Return the largest memory of this process so far, in MB; None where no system call says it.

    Memory of worker processes is not counted.
    """
    status = Path("/proc/self/status")
    # Not `getrusage` there: it starts from the memory of the process that started this one.
    if status.exists():
        lines = status.read_text().splitlines()
        kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
        return None if kilobytes is None else round(int(kilobytes) * 1024 / 1e6)
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


class _Listener(logging.Handler):
    """Adds every message of the log to the journal."""

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname.lower()
        try:
            text = record.getMessage()
            self._journal.write("message", level=level, logger=record.name, text=text)
        except Exception:  # noqa: BLE001 - a malformed message of a library must not end the run
            self.handleError(record)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
