"""Another process that keeps a core busy while something is timed, as on a shared machine."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def busy_cores(n_processes: int) -> Iterator[None]:
    """Let some processes compute without end, each on one thread.

    Parameters
    ----------
    n_processes
        Number of processes; 0: the machine is left as it is.
    """
    others = [
        multiprocessing.get_context("spawn").Process(target=_compute, daemon=True)
        for _ in range(n_processes)
    ]
    for process in others:
        process.start()
    try:
        yield
    finally:
        for process in others:
            process.kill()
            process.join()


def _compute() -> None:
    number = 1
    while True:
        number = number * 48271 % 2147483647
