"""Errors for files that cannot be read, in one form for all libraries."""

from pathlib import Path
from typing import Any

from grn.errors import InputError


def cannot_read(path: Path, kind: str, error: Exception) -> InputError:
    """Return the error to raise for a file whose own library fails on it.

    Parameters
    ----------
    path
        The file.
    kind
        Format as which it was read, such as `h5ad`.
    error
        Error of the library, whose first line is part of the message.
    """
    lines = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
    return InputError(
        f"cannot read {path} as {kind}: {what}. The file may be truncated, corrupt or of another "
        "format; write or download it again."
    )


def check_numbers(matrix: Any, path: Path) -> None:
    """Raise unless a matrix of any library holds real numbers or booleans."""
    dtype = getattr(matrix, "dtype", None)
    if dtype is not None and dtype.kind not in "biuf":
        msg = (
            f"{path}: the matrix holds values of type {dtype}, not numbers; store "
            "expression as integers or floats."
        )
        raise InputError(msg)
