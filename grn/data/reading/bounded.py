"""Bounds the memory that the library of HDF5 can take for a damaged file."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from grn.data.reading.declared import MOST_EXPANDED

_HDF5 = b"\x89HDF\r\n\x1a\n"
# Addresses, most of which are never used: of libraries that are loaded on the way, and of the
# stack and the heap of a thread for every core, which some of them start.
_LIBRARIES, _THREAD = 2**29, 2**27 + 2**23


def allowance(n_bytes: int) -> int:
    """Return the bytes by which reading an HDF5 file of some bytes may let the process grow."""
    return _LIBRARIES + _THREAD * (os.cpu_count() or 1) + MOST_EXPANDED * n_bytes


@contextmanager
def bounded_memory(path: Path) -> Iterator[None]:
    """Let the process grow by 512 MB, 136 MB a core and 1100 times an HDF5 file at most.

    In one of some hundred files with a few changed bytes, HDF5 itself asks for memory without
    end while it looks for a name. With the bound it fails, and the file is refused. The bound
    is one of the whole process: other threads of a notebook or a server might meet it, so there
    is none beside them, nor on systems other than Linux.

    Parameters
    ----------
    path
        What is read meanwhile. Where it is no HDF5 file, there is no bound.
    """
    alone = threading.active_count() == 1 and Path("/proc/self/statm").exists()
    if not (alone and _is_hdf5(path)):
        yield
        return
    import resource

    lowest, highest = resource.getrlimit(resource.RLIMIT_AS)
    bound = psutil.Process().memory_info().vms + allowance(path.stat().st_size)
    if lowest != resource.RLIM_INFINITY and lowest <= bound:
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (bound, highest))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (lowest, highest))


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(_HDF5)) == _HDF5
    except OSError:  # a folder, or what the reader will say
        return False
