"""Writes files completely or not at all, and checks before long work that they can be written."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grn.errors import InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Provide a temporary path beside `path`, and move the file to `path` if the block succeeds.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        raise _not_writable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


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
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _not_writable(path: Path, error: OSError) -> InputError:
    msg = f"{path}: cannot be written ({error}). Give a path in a folder you may write to."
    return InputError(msg)
