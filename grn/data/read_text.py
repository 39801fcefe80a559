"""Read a matrix from CSV or TSV, plain or gzipped, and name the first field that is wrong."""

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from grn.errors import InputError

_SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon"}


class TextMatrix(NamedTuple):
    """A numeric table as it lies in the file.

    `values` has shape (n_rows, n_columns), float32; `row_names` is None where the file has none.
    """

    values: np.ndarray[Any, np.dtype[np.float32]]
    corner: str
    row_names: list[str] | None
    column_names: list[str]


def read_text_matrix(path: Path) -> TextMatrix:
    """Read numbers and names of a text matrix.

    The first line is the header. The separator is the one of tab, comma and semicolon that is
    most frequent in it. Row names are the first column; a header one field shorter than the rows
    (R's `write.table`) is understood, and so is a matrix without row names.

    Raises
    ------
    InputError
        The file is empty, truncated (gzip) or not text; has one column; has text where numbers
        belong (the message names row, column and value); has rows longer than the header.
    """
    header_line, first_line = _first_lines(path)
    separator = max(_SEPARATORS, key=header_line.count)
    if separator not in header_line:
        msg = (
            f"{path} is not an expression matrix: its first line has a single field "
            f"({header_line[:40]!r}). Expected a header of names and numbers below, separated by "
            "comma, tab or semicolon."
        )
        raise InputError(msg)
    header = _split(header_line, separator)
    n_fields = len(_split(first_line, separator))
    if n_fields == len(header) + 1:
        header = ["", *header]
    if n_fields != len(header):
        msg = (
            f"{path}: the header has {len(header)} fields, the first row {n_fields}; every row "
            "needs one name and one number per column."
        )
        raise InputError(msg)
    body = _read_body(path, separator, n_fields)
    corner, columns = header[0], header[1:]
    if corner and _are_values(body[0]):
        return TextMatrix(_to_float32(path, body, None, header), "", None, header)
    row_names = _row_names(path, body[0])
    values = _to_float32(path, body.drop(columns=0), row_names, columns)
    return TextMatrix(values, corner, row_names, columns)


def _first_lines(path: Path) -> tuple[str, str]:
    """Return the header and the first row, without line ends."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig") as lines:
        header = lines.readline().rstrip("\r\n")
        first = lines.readline().rstrip("\r\n")
    if not header.strip() or not first.strip():
        what = "is empty" if not header.strip() else "has a header and no rows"
        msg = f"{path} {what}; expected a header line of names and rows of numbers."
        raise InputError(msg)
    return header, first


def _split(line: str, separator: str) -> list[str]:
    """Split one line into fields, minding quotes."""
    import csv

    return [field.strip() for field in next(csv.reader([line], delimiter=separator))]


def _read_body(path: Path, separator: str, n_fields: int) -> pd.DataFrame:
    """Read the rows below the header; the first column stays text, the others become numbers."""
    return pd.read_csv(
        path,
        sep=separator,
        header=None,
        skiprows=1,
        names=list(range(n_fields)),
        dtype={0: str},
        skipinitialspace=True,
        encoding="utf-8-sig",
        low_memory=False,
        on_bad_lines="error",
    )


def _are_values(first_column: "pd.Series[Any]") -> bool:
    """Tell a first column of expression from one of names, which may be numbers but are unique."""
    numbers = pd.to_numeric(first_column, errors="coerce")
    return bool(numbers.notna().all()) and not first_column.is_unique


def _row_names(path: Path, column: "pd.Series[Any]") -> list[str]:
    """Return the names of the rows; every row needs one."""
    missing = np.flatnonzero(column.isna())
    if missing.size:
        msg = (
            f"{path}: line {int(missing[0]) + 2} has no name in its first field; every row needs "
            "one (a gene called NA must be renamed)."
        )
        raise InputError(msg)
    return [name.strip() for name in column]


def _to_float32(
    path: Path, body: pd.DataFrame, row_names: list[str] | None, column_names: list[str]
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Turn the table into numbers, or name the first field that is none."""
    for position, key in enumerate(body.columns):
        column = body[key]
        if pd.api.types.is_numeric_dtype(column) and column.dtype != bool:
            continue
        numbers = pd.to_numeric(column, errors="coerce")
        wrong = np.flatnonzero(numbers.isna() & column.notna())
        if wrong.size or column.dtype == bool:
            row = int(wrong[0]) if wrong.size else 0
            name = row_names[row] if row_names else str(row + 1)
            value = str(column.iloc[row])
            hint = " (write decimals with a point)" if value.replace(",", "").isdigit() else ""
            msg = (
                f"{path}: text where a number belongs: {value!r} in row {name!r}, column "
                f"{column_names[position]!r}{hint}. Keep names in the first row and column only "
                "and take annotation columns out."
            )
            raise InputError(msg)
        body[key] = numbers
    return np.ascontiguousarray(body.to_numpy(dtype=np.float32))
