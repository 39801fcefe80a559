import os
import re
import time
from concurrent.futures.process import BrokenProcessPool
from functools import partial

import joblib
import numpy as np
import pytest

from grn.errors import InputError
from grn.processes import count_processes, in_order, side_by_side


class TwoArguments(Exception):
    """Cannot be unpickled: its arguments are not those of its constructor."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


@pytest.mark.parametrize("n_jobs", [0, -2])
def test_how_many_is_checked(n_jobs: int) -> None:
    with pytest.raises(InputError, match=rf"n_jobs={n_jobs}.*-1 for one per core"):
        count_processes(n_jobs)


def test_one_per_core_is_what_joblib_counts() -> None:
    assert count_processes(-1) == joblib.cpu_count()
    assert count_processes(3) == 3


def threads() -> tuple[int, int, set[int]]:
    """Threads of torch, of nested joblib, and processes of that, ours left out."""
    import torch

    nested = joblib.Parallel(-1)(joblib.delayed(os.getpid)() for _ in range(4))
    return torch.get_num_threads(), joblib.effective_n_jobs(-1), {*nested} - {os.getpid()}


def test_each_call_has_one_thread_and_errors_come_back_as_they_were() -> None:
    def wraps() -> None:
        try:
            int("no number")
        except ValueError as error:
            message = "the user's"
            raise InputError(message) from error

    def cannot_be_sent() -> None:
        parts = ("said", "it all")
        raise TwoArguments(*parts)

    def is_its_own_cause() -> None:
        error = KeyError("x")
        raise error from error

    calls: dict[str, Callable[[], object]] = {
        "threads": threads,
        "array": partial(np.arange, 3),
        "wraps": wraps,
        "cannot be sent": cannot_be_sent,
        "own cause": is_its_own_cause,
        "read-only": partial(np.ndarray.sort, np.ones(10**6)),  # an array of 8 MB
    }
    found = dict(side_by_side(calls, 2))
    assert found.keys() == calls.keys()
    assert found["threads"] == (1, 1, set())
    np.testing.assert_array_equal(found["array"], [0, 1, 2])
    assert found["read-only"] is None
    error = found["wraps"]
    assert isinstance(error, InputError)
    assert isinstance(error.__cause__, ValueError)
    assert str(error) == "the user's"
    (note,) = error.__notes__
    assert re.search(r"int\(.no number.\)", note)
    assert "in wraps" in note
    assert str(found["cannot be sent"]) == "TwoArguments: saidit all"
    assert "in cannot_be_sent" in found["cannot be sent"].__notes__[0]
    assert isinstance(found["own cause"], KeyError)


def test_a_process_that_dies_says_how_to_go_on() -> None:
    calls = {"sound": partial(int, 7), "dies": partial(os._exit, 1)}
    ended = side_by_side(calls, 2)
    with pytest.raises(InputError, match="n_jobs=1") as caught:
        list(ended)
    assert isinstance(caught.value.__cause__, BrokenProcessPool)
    assert dict(side_by_side({"after": partial(int, 8)}, 2)) == {"after": 8}


def test_results_come_in_the_order_of_the_calls() -> None:
    def slow(number: int) -> int:
        time.sleep(0.3 if number == 0 else 0)
        return number

    calls = [partial(slow, number) for number in range(4)]
    assert in_order(calls, 2, "counting") == in_order(calls, 1, "counting") == [0, 1, 2, 3]
    for n_processes in (1, 2):
        with pytest.raises(ValueError, match="no number"):
            in_order([partial(int, 7), partial(int, "no number")], n_processes, "counting")
