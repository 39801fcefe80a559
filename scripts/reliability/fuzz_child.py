"""Feed many inputs to one target, in a process of its own with limits of time and memory.

    python fuzz_child.py TARGET changed|made FIRST LAST FOLDER

Each input is written to FOLDER before it is read, so that one that ends the process is there to
look at. The last line printed is a summary as JSON.
"""

import json
import logging
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from fuzz_mutate import Case, changed
from fuzz_targets import TARGETS, Target

SECONDS = 60  # of one input, on a machine that may be busy; then the process is killed
FLOOR, TIMES = 96 << 20, 200  # bytes of memory for any input, and for each byte of it
_ADDRESSES = 3 << 30  # bytes that may be reserved beyond those of the loaded libraries
_LONGEST = 3000  # characters of a message


class Watch:
    """Reads one input at a time, and keeps what went wrong."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        self.n = self.n_results = self.n_refused = 0
        self.seconds = self.memory = self.times = 0.0
        self.failed: dict[str, int] = {}
        self._names: set[str] = set()
        self._count = os.open(folder / "n", os.O_WRONLY | os.O_CREAT)
        self._highest = _forget_highest()

    def feed(self, case: Any) -> None:
        """Write and read one input."""
        given, size = self._given(case)
        os.pwrite(self._count, f"{self.n:9d}".encode(), 0)
        before, started = _in_use(), time.perf_counter()
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        wrong = self._outcome(given)
        signal.setitimer(signal.ITIMER_REAL, 0)
        grown = self._grown(given, size, before)
        self.n += 1
        self.seconds = max(self.seconds, time.perf_counter() - started)
        self.memory = max(self.memory, grown)
        if wrong is None and grown > self._most(size):
            wrong = f"memory: {grown >> 20} MB for {size} bytes"
        if wrong is not None:
            self._keep(case, wrong)

    def _most(self, size: int) -> int:
        """Return the bytes by which an input of this size may raise the memory."""
        if not self.target.is_hdf5:
            return FLOOR + TIMES * size
        from grn.data.reading.bounded import allowance

        # The bound is one of addresses: those that were reserved before count beside it.
        return FLOOR + allowance(size)

    def _grown(self, given: Any, size: int, before: int) -> int:
        """Return how far an input raised the memory; 0 where as much was in use before.

        What seems too much is measured again, since the first input of a kind may load a library.
        """
        highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        if highest <= self._highest:
            return 0
        grown, self._highest = highest - before, highest
        if grown > self._most(size):
            counted = self.n_results, self.n_refused
            before = _forget_highest()
            self._outcome(given)
            self._highest = _memory("VmHWM")
            grown = self._highest - before
            self.n_results, self.n_refused = counted
        return grown

    def _given(self, case: Any) -> tuple[Any, int]:
        place = self.folder / "input"
        if isinstance(case, Case) and set(case.files) != self._names:
            shutil.rmtree(place, ignore_errors=True)
            self._names = set(case.files)
        if not isinstance(case, Case):
            (self.folder / "input.json").write_text(json.dumps(case))
            return case, len(str(case))
        return write(case, place), sum(map(len, case.files.values()))

    def _outcome(self, given: Any) -> str | None:
        """Return what is wrong with the outcome; None: nothing."""
        from grn.errors import InputError

        try:
            self.target.call(given)
        except InputError as error:
            self.n_refused += 1
            chain: list[BaseException] = []
            following: BaseException | None = error
            while following is not None and following not in chain:
                chain.append(following)
                following = following.__cause__ or following.__context__
            ran_out = any(isinstance(one, MemoryError) for one in chain)
            if ran_out and not self.target.is_hdf5:
                return f"memory: {chain[-1]}"
            if len(str(error)) > _LONGEST:
                return f"message of {len(str(error))} characters: {str(error)[:60]}"
            return None
        except Exception as error:  # noqa: BLE001 - this is what the fuzzer looks for
            frames = traceback.extract_tb(error.__traceback__)
            ours = [frame for frame in frames if "/grn/" in frame.filename] or frames
            last = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}"
            return f"{type(error).__name__} at {last}: {str(error)[:100]}"
        self.n_results += 1
        return None

    def _keep(self, case: Any, wrong: str) -> None:
        kind = wrong.partition(": ")[0]
        self.failed[kind] = self.failed.get(kind, 0) + 1
        print(f"FAILED {wrong}", flush=True)
        if self.failed[kind] > 2 or not isinstance(case, Case):
            print(f"  {case!r}"[:400], flush=True)
            return
        place = self.folder / f"failed-{os.getpid()}-{self.n}"
        write(case, place)
        print(f"  {place}", flush=True)


def write(case: Case, folder: Path) -> Path:
    """Write the files of a case into a folder, and return the path to pass."""
    for name, data in case.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / case.main if case.main else folder


def _in_use() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * resource.getpagesize()


def _forget_highest() -> int:
    """Let the highest memory so far be the one in use now, and return it."""
    Path("/proc/self/clear_refs").write_text("5")
    return _memory("VmRSS")


def _memory(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) << 10
    raise KeyError(field)


def _changed_cases(valid: list[Case], name: str, first: int, last: int) -> Iterator[Case]:
    for number in range(first, last):
        rng = Random(f"{name} {number}")
        yield changed(valid[number % len(valid)], valid, rng)


def _made(feed: Callable[[Any], None], strategy: Any, n: int, seed_number: int) -> None:
    """Let hypothesis make some inputs."""
    from hypothesis import HealthCheck, Phase, given, seed, settings

    @seed(seed_number)
    @settings(
        max_examples=n,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def feed_one(case: Any) -> None:
        feed(case)

    feed_one()


def main() -> None:
    """Read the arguments, check that valid inputs are accepted, and feed the others."""
    name, kind, first, last, place = sys.argv[1:]
    target, folder = TARGETS[name], Path(place)
    logging.disable(logging.CRITICAL)
    os.chdir(folder)
    valid = target.valid()
    for case in valid:
        shutil.rmtree(folder / "valid", ignore_errors=True)
        target.call(write(case, folder / "valid"))
    if not valid:
        target.call([])  # loads the libraries
    # Made before memory is watched, since hypothesis and torch are loaded for it.
    strategy = target.made(valid) if kind == "made" and target.made is not None else None
    if strategy is not None:
        _made(lambda _: None, strategy, 5, 0)
    reserved = _memory("VmSize")
    resource.setrlimit(resource.RLIMIT_AS, (reserved + _ADDRESSES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    watch = Watch(target, folder)
    if strategy is None:
        for case in _changed_cases(valid, name, int(first), int(last)):
            watch.feed(case)
    else:
        _made(watch.feed, strategy, int(last) - int(first), int(first))
    if (folder / "executed").exists():
        watch.failed["a pickle was executed"] = 1
    left = {key: vars(watch)[key] for key in ("n", "n_results", "n_refused", "seconds", "memory")}
    print(json.dumps({**left, "failed": watch.failed}))


if __name__ == "__main__":
    main()
