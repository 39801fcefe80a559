"""Restricts torch to one thread where the number of threads would change the last bits."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Restrict torch to one thread, so that results are the same bits with any number of them.

    Most operations do not need it: each element is computed by one thread, in the same order. It
    is needed for decompositions and inverses, and for `sigmoid` over many elements, which rounds
    otherwise where the share of a thread ends (`scripts/reliability/determinism.py`).

    Examples
    --------
    >>> import torch
    >>> from grn.model.threads import one_thread
    >>> with one_thread():
    ...     torch.get_num_threads()
    1
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
