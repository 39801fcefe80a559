"""Bounds the memory that the library of a format can take for a damaged file."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from grn.data.reading.declared import MOST_EXPANDED

LIBRARIES = 2**29
"""Bytes that a process may grow by for a file of no size: libraries that are loaded on the way."""


@contextmanager
def bounded_memory(path: Path) -> Iterator[None]:
    """Let the process grow by 512 MB and 1100 times the file at most, where it has one thread.

    In one of some hundred files with a few changed bytes, HDF5 itself asks for memory without
    end while it looks for a name. With the bound it fails, and the file is refused. The bound
    is one of the whole process: other threads of a notebook or a server might meet it, so there
    is none beside them, nor on systems other than Linux.

    Parameters
    ----------
    path
        File that is read meanwhile. For a folder there is no bound.
    """
    alone = threading.active_count() == 1
    if not (alone and path.is_file() and Path("/proc/self/statm").exists()):
        yield
        return
    import resource

    lowest, highest = resource.getrlimit(resource.RLIMIT_AS)
    bound = psutil.Process().memory_info().vms + LIBRARIES + MOST_EXPANDED * path.stat().st_size
    if lowest != resource.RLIM_INFINITY and lowest <= bound:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (bound, highest))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (lowest, highest))
