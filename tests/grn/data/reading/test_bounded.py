"""The bound of memory: there while a file is read by one thread, and gone after it."""

import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from grn.data.reading.bounded import allowance, bounded_memory

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the bound is one of Linux")

HDF5 = b"\x89HDF\r\n\x1a\n"
# In a process of its own: pytest may have several threads, and a bound on tests is none of ours.
_ALLOCATE = """
import sys
from pathlib import Path
from grn.data.reading.bounded import bounded_memory
code = 0
with bounded_memory(Path(sys.argv[1])):
    try:
        bytearray(int(sys.argv[2]))
    except MemoryError:
        code = 7
bytearray(int(sys.argv[2]))  # without the bound there is enough
sys.exit(code)
"""


@pytest.mark.parametrize(("share", "size", "code"), [(0.4, 0, 0), (1.2, 0, 7), (1.2, 2**20, 0)])
def test_more_than_a_file_can_hold_is_not_given(
    tmp_path: Path, share: float, size: int, code: int
) -> None:
    file = tmp_path / "cells.h5ad"
    file.write_bytes(HDF5 + bytes(size))
    n_bytes = int(share * allowance(len(HDF5)))
    command = [sys.executable, "-c", _ALLOCATE, str(file), str(n_bytes)]
    assert subprocess.run(command, check=False).returncode == code


def test_the_bound_ends_with_the_reading_and_spares_other_threads(tmp_path: Path) -> None:
    file = tmp_path / "cells.h5ad"
    file.write_bytes(HDF5)
    before = resource.getrlimit(resource.RLIMIT_AS)
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    with bounded_memory(file):
        assert resource.getrlimit(resource.RLIMIT_AS) == before
    ended.set()
    other.join()
    with pytest.raises(KeyError), bounded_memory(file):
        raise KeyError
    assert resource.getrlimit(resource.RLIMIT_AS) == before
    table = tmp_path / "cells.csv"
    table.write_text("a,b\n1,2\n")
    for other in (tmp_path, table, tmp_path / "absent.h5ad"):
        with bounded_memory(other):
            assert resource.getrlimit(resource.RLIMIT_AS) == before
