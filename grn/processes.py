"""Runs function calls in several processes at once, each on one core."""

import pickle
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from joblib import Parallel, delayed, effective_n_jobs, parallel_config

from grn.errors import InputError, causes
from grn.progress import track

Key = TypeVar("Key")
Result = TypeVar("Result")


def count_processes(n_jobs: int) -> int:
    """Return how many processes a setting of `n_jobs` means.

    Parameters
    ----------
    n_jobs
        Number of processes, or −1 for one per core that this process may use.

    Raises
    ------
    InputError
        `n_jobs` is neither −1 nor at least 1.
    """
    if n_jobs != -1 and n_jobs < 1:
        msg = f"n_jobs={n_jobs}; expected the number of jobs at once, or -1 for one per core."
        raise InputError(msg)
    return int(effective_n_jobs(n_jobs))


def side_by_side(
    calls: Mapping[Key, Callable[[], Result]], n_processes: int
) -> Iterator[tuple[Key, Result | Exception]]:
    """Run calls in parallel, and yield the result or the error of each one when it ends.

    Calls start in the given order. Each call has one thread of torch, BLAS and OpenMP, and joblib
    runs sequentially inside of it. The processes are kept for the next calls; they are ended if
    the caller stops early. An error carries the traceback of its process as a note.

    Parameters
    ----------
    calls
        Functions without arguments, by the key under which the result is returned. They are
        pickled.
    n_processes
        Number of processes, at least 2.

    Raises
    ------
    InputError
        A process was killed from outside, which happens if memory runs out.
    """
    # joblib replaces a process whose memory has grown. The user need not act on that.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    with parallel_config("loky", inner_max_num_threads=1):
        pool = Parallel(
            n_processes,
            return_as="generator_unordered",
            pre_dispatch="n_jobs",  # at most one copy of the data per process
            batch_size=1,
            max_nbytes=None,  # otherwise large arrays become read-only memory maps
        )
    try:
        with closing(pool(delayed(_work)(key, call) for key, call in calls.items())) as ended:
            for key, result in ended:
                yield key, result.error() if isinstance(result, _Raised) else result
    except BrokenProcessPool as error:
        msg = (
            "a process was killed from outside, most likely because memory ran out. What was "
            "written until then is kept: run the same command again with fewer than "
            f"n_jobs={n_processes}; n_jobs=1 needs the least memory."
        )
        raise InputError(msg) from error


def in_order(calls: Sequence[Callable[[], Result]], n_processes: int, what: str) -> list[Result]:
    """Run calls in parallel and return their results in order; the first error ends all.

    Parameters
    ----------
    calls, n_processes
        As in `side_by_side`. If `n_processes` is 1, the calls run in this process.
    what
        What they do, in words for the bar that shows how far they are.

    Raises
    ------
    Exception
        The error of a call, or that of `side_by_side`.
    """
    if n_processes == 1:
        return [call() for call in track(calls, what)]
    results: dict[int, Result] = {}
    ended = side_by_side(dict(enumerate(calls)), n_processes)
    for number, result in track(ended, what, total=len(calls)):
        if isinstance(result, Exception):
            raise result
        results[number] = result
    return [results[number] for number in range(len(calls))]


@dataclass(frozen=True)
class _Raised:
    """An error that is sent between processes; pickling drops its causes and its traceback."""

    chain: list[Exception]
    """The error, its cause, the cause of the cause, and so on."""

    def error(self) -> Exception:
        for error, cause in pairwise(self.chain):
            error.__cause__ = cause
        return self.chain[0]


def _work(key: Key, call: Callable[[], Result]) -> tuple[Key, Result | _Raised]:
    """Run one call in a worker process, without warnings of libraries."""
    with parallel_config("sequential"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return key, call()
        except Exception as error:  # noqa: BLE001 - the caller decides what to do with it
            error.add_note(f"In its own process:\n{traceback.format_exc()}")
            return key, _Raised(
                [_portable(one) for one in causes(error) if isinstance(one, Exception)]
            )


def _portable(error: Exception) -> Exception:
    """Return the error, or a RuntimeError with its message if it cannot be pickled."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - the class of the error decides which one
        said = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            said.add_note(note)
        return said
    return error
