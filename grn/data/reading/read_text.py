"""Read a matrix from CSV or TSV, plain or gzipped, and name the first field that is wrong."""

import csv
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from grn.data.reading.orientation import says_what_rows_are
from grn.errors import InputError

_SEPARATORS = {"\t": "tab", ",": "comma", ";": "semicolon"}
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT = "write decimals with a point"
_MISSING = {"", "na", "nan", "null", "none", "n/a", "<na>"}


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

    The first line is the header. The separator is the one of tab, comma and semicolon that splits
    the first row into a name and numbers. Row names are the first column; a header one field
    shorter than the rows (R's `write.table`) is understood, and so is a matrix without row names:
    under a header that does not say what the rows are, numbers that repeat or have decimals are
    no names. Names are text whatever they look like (`001`, `NA`), without the spaces around them.

    Raises
    ------
    InputError
        The file is empty, truncated (gzip) or not text; has one column; has text where numbers
        belong (the message names row, column and value); has rows longer or shorter than the
        first.
    """
    header_line, first_line = _first_lines(path)
    separator = _separator(path, header_line, first_line)
    header = _split(header_line, separator)
    n_fields = len(_split(first_line, separator))
    if n_fields == len(header) + 1:
        header = ["", *header]
    if n_fields != len(header):
        hint = f"; {_POINT}" if n_fields == 2 * len(header) - 1 and separator == "," else ""
        msg = (
            f"{path}: the header has {len(header)} fields, the first row {n_fields}; every row "
            f"needs one name and one number per column{hint}."
        )
        raise InputError(msg)
    body = _read_body(path, separator, n_fields)
    corner, columns = header[0], header[1:]
    if corner and not says_what_rows_are(corner) and _are_values(body[0]):
        body[0] = pd.to_numeric(body[0])
        return TextMatrix(_to_float32(path, body, None, header), "", None, header)
    row_names = _row_names(path, body[0])
    values = _to_float32(path, body.drop(columns=0), row_names, columns)
    return TextMatrix(values, corner, row_names, columns)


def _open(path: Path) -> IO[str]:
    opener = gzip.open if path.suffix.lower() == ".gz" else open
    return opener(path, "rt", encoding="utf-8-sig", newline="")


def _first_lines(path: Path) -> tuple[str, str]:
    """Return the header and the first row, without line ends."""
    with _open(path) as file:
        lines = (line.rstrip("\r\n") for line in file)
        header = next(lines, "")
        first = next((line for line in lines if line.strip()), "")
    if not header.strip() or not first:
        what = "is empty" if not header.strip() else "has a header and no rows"
        msg = f"{path} {what}; expected a header line of names and rows of numbers."
        raise InputError(msg)
    return header, first


def _separator(path: Path, header_line: str, first_line: str) -> str:
    """Return what separates the fields: names may hold any of the three, numbers may not."""
    present = [separator for separator in _SEPARATORS if separator in header_line]
    if not present:
        msg = (
            f"{path} is not an expression matrix: its first line has a single field "
            f"({header_line[:40]!r}). Expected a header of names and numbers below, separated by "
            "comma, tab or semicolon."
        )
        raise InputError(msg)
    for separator in present:
        first, n_columns = _split(first_line, separator), len(_split(header_line, separator))
        fits = len(first) in (n_columns, n_columns + 1) and len(first) > 1
        if fits and all(map(_is_number, first[1:])):
            return separator
    # Something is wrong with the first row: the message will speak of the likeliest reading.
    return max(present, key=header_line.count)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return field.lower() in _MISSING
    return True


def _split(line: str, separator: str) -> list[str]:
    """Split one line into fields, minding quotes."""
    reader = csv.reader([line], delimiter=separator, skipinitialspace=True)
    return [field.strip() for field in next(reader)]


def _read_body(path: Path, separator: str, n_fields: int) -> pd.DataFrame:
    """Read the rows below the header; the first column stays text, the others become numbers."""
    try:
        with _open(path) as file:
            file.readline()  # pandas' skiprows trips over quoted separators
            body = pd.read_csv(
                file,
                sep=separator,
                header=None,
                names=list(range(n_fields)),
                converters={0: str.strip},  # as text: 001 is no number, NA is a name
                skipinitialspace=True,
                low_memory=False,
                on_bad_lines="error",
            )
    except pd.errors.ParserError:
        _check_lengths(path, separator, n_fields)
        raise
    if body[n_fields - 1].isna().any():
        # pandas fills rows that are too short.
        _check_lengths(path, separator, n_fields)
    return body


def _check_lengths(path: Path, separator: str, n_fields: int) -> None:
    """Raise for the first row that has more or fewer fields than the others."""
    with _open(path) as file:
        for number, fields in _numbered_rows(file, separator):
            if len(fields) != n_fields:
                msg = (
                    f"{path}: line {number} has {len(fields)} fields, the first row {n_fields}; "
                    "every row needs one name and one number per column. The file may be "
                    f"truncated; {_POINT}."
                )
                raise InputError(msg)


def _numbered_rows(file: IO[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line, fields) of every row below the header."""
    reader = csv.reader(file, delimiter=separator, skipinitialspace=True)
    next(reader)
    for fields in reader:
        if fields:
            yield reader.line_num, fields


def _are_values(first_column: "pd.Series[Any]") -> bool:
    """Tell a first column of expression from one of names, which may be whole, unique numbers."""
    numbers = pd.to_numeric(first_column, errors="coerce")
    if numbers.isna().any():
        return False
    return not first_column.is_unique or bool((numbers % 1 != 0).any())


def _row_names(path: Path, column: "pd.Series[Any]") -> list[str]:
    """Return the names of the rows; every row needs one."""
    missing = np.flatnonzero(column == "")
    if missing.size:
        msg = (
            f"{path}: line {int(missing[0]) + 2} has no name in its first field; every row needs "
            "one."
        )
        raise InputError(msg)
    return list(column)


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
            hint = f" ({_POINT})" if _DECIMAL_COMMA.fullmatch(value) else ""
            msg = (
                f"{path}: text where a number belongs: {value!r} in row {name!r}, column "
                f"{column_names[position]!r}{hint}. Keep names in the first row and column only "
                "and take annotation columns out."
            )
            raise InputError(msg)
        body[key] = numbers
    return np.ascontiguousarray(body.to_numpy(dtype=np.float32))
