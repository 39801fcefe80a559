"""Shows how far a long step is and how long the rest will take: on a terminal or in a notebook."""

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import Any, TypeVar

from grn.launched import launched

Item = TypeVar("Item")

# No bar for a step that is over sooner. It does not depend on measurements.
_SECONDS_TO_WAIT = 5.0
_FORMAT = "{desc}: {percentage:3.0f} % |{bar}| {n_fmt} of {total_fmt}, {remaining} left"


def track(items: Iterable[Item], what: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items, and show how many are done if they take more than five seconds.

    Files, pipes and the logs of a cluster get no bar, nor do processes that this one started.

    Parameters
    ----------
    items
        What is gone through.
    what
        The step, in words that stand before the bar.
    total
        Number of items; None where they have a length.
    """
    total = len(items) if total is None and isinstance(items, Sized) else total
    with ticking(what, total) as tick:
        for item in items:
            yield item
            tick()


@contextmanager
def ticking(what: str, total: int | None) -> Iterator[Callable[[], Any]]:
    """Give a function to call whenever one of `total` equal parts of a step is done.

    Parameters
    ----------
    what, total
        As in `track`.
    """
    if not _is_watched():
        yield lambda: None
        return
    from tqdm.contrib.logging import logging_redirect_tqdm

    with warnings.catch_warnings():
        # In a notebook without ipywidgets the bar is text, which needs no remark.
        warnings.simplefilter("ignore")
        from tqdm.auto import tqdm
    bar = tqdm(
        total=total,
        desc=what,
        delay=_SECONDS_TO_WAIT,
        leave=False,
        dynamic_ncols=True,
        file=sys.stderr,
        bar_format=_FORMAT if total else None,
    )
    with bar, logging_redirect_tqdm():
        yield bar.update


def _is_watched() -> bool:
    """Return whether somebody sees a bar, and no other one is shown already."""
    # Lightning starts further processes of a training as commands of their own.
    if multiprocessing.current_process().name != "MainProcess" or not launched().is_first:
        return False
    if hasattr(sys.stderr, "rich_proxied_file"):  # rich shows the progress of a benchmark
        return False
    terminal = getattr(sys.stderr, "isatty", lambda: False)()
    return terminal or in_notebook()


def in_notebook() -> bool:
    """Return whether the code runs in a notebook: of Jupyter, Colab or Databricks."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    if shell is None:
        return False
    kind = type(shell)
    of_colab = kind.__module__.startswith("google.colab")
    known = of_colab or "DATABRICKS_RUNTIME_VERSION" in os.environ
    return known or kind.__name__ == "ZMQInteractiveShell"
