"""The timing of attention on a CPU: what counts, and what computes beside it."""

import importlib
import multiprocessing
from types import ModuleType

import pytest
import torch


@pytest.fixture
def script() -> ModuleType:
    return importlib.import_module("flashsign_cpu")


def test_the_chosen_one_of_the_times_counts(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 1.0, 1.5, 1.6, 2.0, 2.2, 3.0, 4.0, 9.0])
    monkeypatch.setattr(script.time, "perf_counter", lambda: next(clock))
    leaf = torch.ones(3, requires_grad=True)
    runs = script.Runs(2.5, lambda times: sorted(times)[1])
    # Runs of 0.5, 0.2 and 5 s: the budget is looked at before the third, and ends after it.
    assert script.milliseconds(lambda: leaf * 2, [leaf], runs) == pytest.approx(500)


def test_other_processes_compute_until_the_end() -> None:
    busy = importlib.import_module("busy")
    before = {*multiprocessing.active_children()}  # of tests before this one in the same process
    with busy.busy_cores(1):
        (other,) = {*multiprocessing.active_children()} - before
        assert other.is_alive()
    assert not other.is_alive()
    with busy.busy_cores(0):
        assert {*multiprocessing.active_children()} <= before
