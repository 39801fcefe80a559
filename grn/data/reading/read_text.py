"""Reads a matrix from CSV or TSV, plain or gzipped; errors name the first wrong field."""

import csv
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
import pandas as pd

from grn.data.reading.axis_names import are_alike, is_gene_like
from grn.data.reading.orientation import layout_by_word
from grn.data.reading.text_lines import (
    BLANK,
    FirstLines,
    read_first_lines,
    without_empty_end,
)
from grn.errors import InputError
from grn.text import open_text

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_POINT = "write decimals with a point"
# Uninformative headers of a column of row names; V1 and X are those of R.
_INDEX_WORDS = {"", "id", "ids", "index", "name", "names", "rowname", "rownames", "row", "no"}
_INDEX_WORDS |= {"x", "v1", "unnamed0", "number", "nr", "key", "label"}
_N_NUMBERS = 5


class TextMatrix(NamedTuple):
    """A numeric table as it lies in the file.

    `values` has shape (n_rows, n_columns), float32; `row_names` is None where the file has none.
    """

    values: np.ndarray[Any, np.dtype[np.float32]]
    corner: str
    row_names: list[str] | None
    column_names: list[str]


def read_text_matrix(path: Path, tfs: Collection[str] = ()) -> TextMatrix:
    """Read numbers and names of a text matrix.

    The first line that is no comment (`#`) is the header. The separator is the one of tab, comma
    and semicolon that splits the first row into a name and numbers; one at the end of lines is no
    column. Without any of them, a run of blanks is the separator. Row names are the first column;
    a header one field shorter than the rows (R's `write.table`) is understood, and so is a matrix
    without row names: numbers that repeat or have decimals are no names, nor are those under the
    name of a gene. Names are text whatever they look like (`001`, `NA`), without the spaces
    around them.

    Parameters
    ----------
    path
        UTF-8 or UTF-16.
    tfs
        Names of genes that are known, such as the regulators.

    Raises
    ------
    InputError
        The file is empty, truncated (gzip) or not text; has one column, no header or text where
        numbers belong (the message names row, column and value); has rows longer or shorter than
        the first; nothing says whether its first column holds names or values.
    """
    lines = read_first_lines(path)
    header, n_fields = lines.header, len(lines.first)
    if len(header) > n_fields:
        header = without_empty_end(header)
    n_names = max(len(header), len(without_empty_end(lines.first)))
    if n_names - len(header) not in (0, 1) or len(header) > n_fields:
        hint = f"; {_POINT}" if _has_twice(header, lines) else ""
        msg = (
            f"{path}: the header has {len(header)} fields, the first row {n_fields}; every row "
            f"needs one name and one number per column{hint}."
        )
        raise InputError(msg)
    body = _without_empty_end(_read_body(path, lines, n_fields), header)
    if body.shape[1] == len(header) + 1:
        header = ["", *header]
    corner, columns = header[0], header[1:]
    _check_header(path, corner, columns, body[0])
    if not _has_row_names(path, corner, columns, body[0], tfs):
        body[0] = pd.to_numeric(body[0])
        return TextMatrix(_to_float32(path, body, None, header), "", None, header)
    row_names = _row_names(path, body[0], lines.skipped)
    values = _to_float32(path, body.drop(columns=0), row_names, columns)
    return TextMatrix(values, corner, row_names, columns)


def _has_twice(header: list[str], lines: FirstLines) -> bool:
    return len(lines.first) == 2 * len(header) - 1 and lines.separator == ","


def _without_empty_end(body: pd.DataFrame, header: list[str]) -> pd.DataFrame:
    """Drop empty columns and rows, which separators at the end of lines cause.

    The header is cut in place to the columns that stay.
    """
    last = body.shape[1] - 1
    while last > 0 and (last >= len(header) or not header[last]) and body[last].isna().all():
        body = body.drop(columns=last)
        del header[last:]
        last -= 1
    empty = body[0] == ""
    if empty.any():
        empty &= body.drop(columns=0).isna().all(axis=1)
        body = body[~empty].reset_index(drop=True)
    return body


def _check_header(path: Path, corner: str, columns: list[str], rows: "pd.Series[Any]") -> None:
    """Raise if the first line holds values, so that the table has no header."""
    numbers = pd.to_numeric(pd.Series(columns, dtype=object), errors="coerce")
    if numbers.isna().any() or len(columns) < 2:
        return
    repeated = len(set(columns)) < len(columns) or (numbers % 1 != 0).any()
    counted = bool((numbers.diff().dropna() == 1).all())
    like_a_row = _is_number(corner) or is_gene_like(corner) or are_alike(corner, list(rows))
    if (repeated and len(columns) >= _N_NUMBERS) or (corner and not counted and like_a_row):
        msg = (
            f"{path} has no header: its first line holds numbers ({', '.join(columns[:3])}, …) "
            "as the rows do. Write the names of the columns into a line above."
        )
        raise InputError(msg)


def _is_number(text: str) -> bool:
    return bool(pd.notna(pd.to_numeric(text, errors="coerce")))


def _read_body(path: Path, lines: FirstLines, n_fields: int) -> pd.DataFrame:
    """Read the rows below the header; the first column stays text, the others become numbers."""
    try:
        with open_text(path) as file:
            for _ in range(lines.skipped + 1):
                file.readline()  # pandas' skiprows trips over quoted separators
            body = pd.read_csv(
                file,
                sep=r"\s+" if lines.separator == BLANK else lines.separator,
                header=None,
                names=list(range(n_fields)),
                converters={0: str.strip},  # as text: 001 is no number, NA is a name
                skipinitialspace=True,
                low_memory=False,
                on_bad_lines="error",
            )
    except pd.errors.ParserError:
        _check_lengths(path, lines, n_fields)
        raise
    if body[n_fields - 1].isna().any():
        # pandas fills rows that are too short.
        _check_lengths(path, lines, n_fields)
    return body


def _check_lengths(path: Path, lines: FirstLines, n_fields: int) -> None:
    """Raise for the first row that has more or fewer fields than the others."""
    with open_text(path) as file:
        for number, fields in _numbered_rows(file, lines):
            if len(fields) != n_fields:
                msg = (
                    f"{path}: line {number} has {len(fields)} fields, the first row {n_fields}; "
                    "every row needs one name and one number per column. The file may be "
                    f"truncated; {_POINT}."
                )
                raise InputError(msg)


def _numbered_rows(file: IO[str], lines: FirstLines) -> Iterator[tuple[int, list[str]]]:
    """Yield (number of the line, fields) of every row below the header."""
    for _ in range(lines.skipped + 1):
        file.readline()
    rows = map(str.strip, file) if lines.separator == BLANK else file
    reader = csv.reader(rows, delimiter=lines.separator, skipinitialspace=True)
    for fields in reader:
        if fields:
            yield lines.skipped + 1 + reader.line_num, fields


def _has_row_names(
    path: Path,
    corner: str,
    columns: list[str],
    first_column: "pd.Series[Any]",
    tfs: Collection[str],
) -> bool:
    """Return whether the first column holds names, such as unique whole numbers, or expression."""
    word = "".join(letter for letter in corner.lower() if letter.isalnum())
    if not corner or layout_by_word(corner) is not None:
        return True
    numbers = pd.to_numeric(first_column, errors="coerce")
    if numbers.isna().any():
        return True
    if not first_column.is_unique or bool((numbers % 1 != 0).any()):
        return False
    if corner in tfs or is_gene_like(corner) or are_alike(corner, columns):
        return False
    counted = bool((numbers.sort_values().diff().dropna() == 1).all())
    padded = bool(first_column.str.match(r"0\d").any())
    if word in _INDEX_WORDS or counted or padded:
        return True
    msg = (
        f"{path}: cannot tell whether the first column, {corner!r}, holds the names of the rows "
        "or values: whole numbers that are all different. Write `cell` or `gene` over names; in "
        "front of values, add a column with the names of the cells."
    )
    raise InputError(msg)


def _row_names(path: Path, column: "pd.Series[Any]", skipped: int) -> list[str]:
    """Return the names of the rows; every row needs one."""
    missing = np.flatnonzero(column == "")
    if missing.size:
        number = int(missing[0]) + 2 + skipped
        msg = f"{path}: line {number} has no name in its first field; every row needs one."
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
