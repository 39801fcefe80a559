"""Writes a file whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grn.errors import InputError


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`, and move it there once the block has ended well.

    Raises
    ------
    InputError
        The folder does not exist or cannot be written to.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        msg = f"{path}: cannot be written ({error}). Give a path in a folder you may write to."
        raise InputError(msg) from error
    finally:
        temporary.unlink(missing_ok=True)
