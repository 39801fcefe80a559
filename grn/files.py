"""Writes files completely or not at all, and checks before long work that they can be written."""

import glob
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grn.errors import InputError

# In names of temporary files: processes of other machines may share the folder.
_HERE = platform.node().replace("/", "-") or "here"
_OLD = 86_400.0  # seconds: a file that is being written is younger


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Provide a temporary path beside `path`, and move the file to `path` if the block succeeds.

    A process that is killed leaves the temporary file, a hidden one, which goes when the file is
    written again a day later or after that.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        _remove_leftovers(path)
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def exists(path: str | Path) -> bool:
    """Return whether there is such a file or folder; as `is_file`."""
    try:
        return Path(path).exists()
    except (OSError, ValueError):
        return False


def is_file(path: str | Path) -> bool:
    """Return whether there is such a file.

    Where `Path.is_file` raises there is none: a name that no file can have, as one that is too
    long, or a folder that may not be read.
    """
    return exists(path) and Path(path).is_file()


def check_path(path: str | Path) -> None:
    """Make sure that a file can be written at a path, and leave an existing file unchanged.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written to, or the path is a folder.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(path)
        temporary.touch()
        temporary.unlink()
    except OSError as error:
        raise _not_writable(path, error) from error


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{_HERE}-{os.getpid()}.tmp")


def _remove_leftovers(path: Path) -> None:
    """Remove what processes of this machine left that were killed while they wrote the file.

    Containers may share a folder and the name of their machine, and have numbers of processes of
    their own: only what is a day old is taken for left. What cannot be removed stays.
    """
    if os.name != "posix":
        return  # elsewhere, asking for a process may end it
    for left in path.parent.glob(f".{glob.escape(path.name)}.{glob.escape(_HERE)}-*.tmp"):
        number = left.name.removesuffix(".tmp").rpartition("-")[2]
        with suppress(OSError):
            is_old = time.time() - left.stat().st_mtime > _OLD
            if is_old and number.isdecimal() and not _is_running(int(number)):
                left.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OverflowError, PermissionError):  # no such number; another user's
        return True
    return True


def _not_writable(path: Path, error: OSError) -> InputError:
    msg = f"{path}: cannot be written ({error}). Give a path in a folder you may write to."
    return InputError(msg)
