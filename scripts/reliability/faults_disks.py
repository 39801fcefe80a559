"""Disks that are small, full or read-only: mounted where this user may, imitated elsewhere."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def can_mount() -> bool:
    """Return whether this user may mount a disk in memory."""
    return os.name == "posix" and os.geteuid() == 0 and not _call("unshare", "-m", "true")


@contextmanager
def disk(folder: Path, options: str) -> Iterator[None]:
    """Mount a disk in memory at a folder, such as of `size=300k` or `ro`.

    Where this user may not mount, `ro` takes the right to write from the folder, and sizes have no
    effect: `grn` is given a largest size of a file instead.
    """
    folder.mkdir(parents=True)
    mounted = can_mount()
    if mounted:
        problem = _call("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
        if problem:
            raise OSError(problem)
    elif options == "ro":
        folder.chmod(0o555)
    try:
        yield
    finally:
        if mounted:
            _call("umount", "-l", str(folder))
        else:
            folder.chmod(0o755)


def grow(folder: Path) -> None:
    """Give a disk that was mounted more room than any command needs."""
    if can_mount():
        _call("mount", "-o", "remount,size=200m", str(folder))


def fill(folder: Path) -> None:
    """Write a file until a mounted disk is full."""
    with suppress(OSError), (folder / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _call(*command: str) -> str:
    """Return what a command complains of, empty if it succeeded."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr or "failed"
