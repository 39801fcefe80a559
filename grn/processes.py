"""Runs calls in several processes at once, each on one core."""

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

Key = TypeVar("Key")
Result = TypeVar("Result")


def count_processes(n_jobs: int) -> int:
    """Return how many calls run at once.

    Parameters
    ----------
    n_jobs
        −1: one per core that this process may use.

    Raises
    ------
    InputError
        It is neither −1 nor at least 1.
    """
    if n_jobs != -1 and n_jobs < 1:
        msg = f"n_jobs={n_jobs}; expected how many jobs to run at once, or -1 for one per core."
        raise InputError(msg)
    return int(effective_n_jobs(n_jobs))


def side_by_side(
    calls: Mapping[Key, Callable[[], Result]], n_processes: int
) -> Iterator[tuple[Key, Result | Exception]]:
    """Yield what every call returns or raises, as they end; they start in the order given.

    Each has one thread of torch, BLAS and OpenMP, and what it would run in processes or threads
    of joblib it runs itself. The processes are kept for the next calls. Where the caller stops
    early, all are ended. An error carries the traceback of its process as a note.

    Parameters
    ----------
    calls
        By the name under which the result is returned; they are pickled.
    n_processes
        At least 2.

    Raises
    ------
    InputError
        A process was ended from outside, which is what happens when memory runs out.
    """
    # A process that has grown is replaced between two calls: nothing that the user should act on.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    with parallel_config("loky", inner_max_num_threads=1):
        pool = Parallel(
            n_processes,
            return_as="generator_unordered",
            pre_dispatch="n_jobs",  # no more copies of the data than there are processes
            batch_size=1,
            max_nbytes=None,  # larger arrays would be read-only
        )
    try:
        with closing(pool(delayed(_work)(key, call) for key, call in calls.items())) as ended:
            for key, result in ended:
                yield key, result.error() if isinstance(result, _Raised) else result
    except BrokenProcessPool as error:
        msg = (
            "a process was ended from outside, most likely because memory ran out. What was "
            "written by then is kept: run the same command again with fewer than "
            f"n_jobs={n_processes}; n_jobs=1 needs the least memory."
        )
        raise InputError(msg) from error


def in_order(calls: Sequence[Callable[[], Result]], n_processes: int) -> list[Result]:
    """Return what every call returns, in the order of the calls; the first error ends all.

    Parameters
    ----------
    calls, n_processes
        As `side_by_side` takes them; of one process the calls are made in this one.

    Raises
    ------
    Exception
        That of a call, or as `side_by_side`.
    """
    if n_processes == 1:
        return [call() for call in calls]
    results: dict[int, Result] = {}
    for number, result in side_by_side(dict(enumerate(calls)), n_processes):
        if isinstance(result, Exception):
            raise result
        results[number] = result
    return [results[number] for number in range(len(calls))]


@dataclass(frozen=True)
class _Raised:
    """An error on its way between processes: pickling drops its causes and its traceback."""

    chain: list[Exception]
    """The error, its cause, the cause of that."""

    def error(self) -> Exception:
        for error, cause in pairwise(self.chain):
            error.__cause__ = cause
        return self.chain[0]


def _work(key: Key, call: Callable[[], Result]) -> tuple[Key, Result | _Raised]:
    """Call in this process, which has the others beside it; libraries' warnings are not shown."""
    with parallel_config("sequential"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return key, call()
        except Exception as error:  # noqa: BLE001 - the caller says what becomes of it
            error.add_note(f"In its own process:\n{traceback.format_exc()}")
            return key, _Raised(
                [_portable(one) for one in causes(error) if isinstance(one, Exception)]
            )


def _portable(error: Exception) -> Exception:
    """Return the error, or one that says the same where it cannot be pickled there and back."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001 - its class decides what is raised
        said = RuntimeError(f"{type(error).__name__}: {error}")
        for note in getattr(error, "__notes__", ()):
            said.add_note(note)
        return said
    return error
