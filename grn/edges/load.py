"""Loads a table of edges from a file, whatever stands around and above its rows."""

import csv
import logging
import re
import warnings
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from grn.edges.words import SOURCE, TARGET, THIRD, is_value, name_columns, plain
from grn.errors import InputError
from grn.files import is_file
from grn.text import open_text

logger = logging.getLogger(__name__)

PARQUET = b"PAR1"  # first bytes of such a file
_N_SEEN = 200  # lines from which header and separator are told
_UNNAMED = "Unnamed:"  # as pandas calls columns without a name
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
_QUOTED = re.compile(r"'.*'|`.*`", re.DOTALL)


@dataclass(frozen=True)
class _Layout:
    """How the lines of a text file are to be read."""

    names: list[str]
    separator: str
    n_skipped: int
    """Lines above the first row of data."""
    decimal: str


def load(table: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Read a table of edges, or copy one; and say what to call it in messages.

    A file is CSV, TSV or text with blanks or semicolons between the fields, gzip or not, in UTF-8
    or UTF-16, or Parquet. Lines above the header, written-out row indices, blanks and quotes
    around names and separators at the end of lines are passed over. A file without a header is
    one of source, target and what follows.

    Raises
    ------
    InputError
        There is no such file, or it cannot be read as a table.
    """
    if isinstance(table, pd.DataFrame):
        return _cleaned(table.reset_index(drop=True)), "table"
    path = Path(table)
    if not is_file(path):
        msg = f"{path}: no such file. Give the path of a CSV or TSV file."
        raise InputError(msg)
    try:
        with path.open("rb") as stream:
            magic = stream.read(4)
        if magic[:2] == b"PK" or magic == b"\xd0\xcf\x11\xe0":
            raise _unreadable(path, "it is a workbook or an archive; save the sheet as CSV")
        frame = read_parquet(path) if magic == PARQUET else _read_text(path)
    except InputError:
        raise
    except pd.errors.ParserWarning as error:
        raise _unreadable(path, "some rows have more fields than there are columns") from error
    except (OSError, EOFError, zlib.error, ValueError, csv.Error) as error:
        raise _unreadable(path, error) from error
    return _cleaned(frame), str(path)


def read_parquet(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet file, or some columns of it without what pandas noted of them.

    Raises
    ------
    InputError
        It is damaged: what pandas noted of columns may be wrong in any way.
    """
    import pyarrow.parquet as pq

    try:
        if columns is None:
            return pd.read_parquet(path).reset_index(drop=True)
        return pq.read_table(path, columns=columns).to_pandas(ignore_metadata=True)
    except Exception as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def columns_of_parquet(path: Path) -> list[str]:
    """Return the names of the columns without reading their values; errors as `read_parquet`."""
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(path).names)
    except Exception as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def _unreadable(path: Path, why: object) -> InputError:
    return InputError(
        f"{path}: cannot be read as a table ({why}). Expected a CSV or TSV file, gzip or not, "
        "with a header line; a download may have been cut short."
    )


def _read_text(path: Path) -> pd.DataFrame:
    with open_text(path) as text:
        layout = _layout(list(islice(text, _N_SEEN)), path)
    names = [name for name in layout.names if plain(name) in SOURCE + TARGET]
    with open_text(path) as text, warnings.catch_warnings():
        # Of rows with more fields than names, pandas would drop the last ones and warn.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            text,
            sep=r"\s+" if layout.separator == " " else layout.separator,
            header=None,
            names=layout.names,
            index_col=False,
            skiprows=layout.n_skipped,
            decimal=layout.decimal,
            dtype=dict.fromkeys(names, str),
            keep_default_na=False,
            skipinitialspace=True,
        )


def _layout(lines: Sequence[str], path: Path) -> _Layout:
    """Tell header, separator and the names of the columns from the first lines of a file."""
    start, separator, fields = _first_record(lines)
    rows = [row for row in _split(lines[start + 1 :], separator) if row]
    headless = not name_columns(fields) and _is_row(fields, rows)
    if headless:
        rows = [fields, *rows]
        logger.info("%s: no header; the columns are read as source, target and further ones", path)
        fields = ["source", "target", THIRD, *(f"column {i}" for i in range(4, len(fields) + 1))]
        fields = fields[: len(rows[0])]
        if _are_numbered(rows):
            fields = ["", *fields[:-1]]
    elif start:
        logger.info("%s: %d line(s) above the header are skipped", path, start)
    width = max(map(len, rows), default=0)
    if width == len(fields) + 1:
        # One field more than names: R's names of rows, or a separator at the end of lines.
        ended = all(row[-1] == "" for row in rows if len(row) == width)
        fields = [*fields, ""] if ended else ["", *fields]
    comma = separator == ";" and any(
        _DECIMAL_COMMA.fullmatch(field) for row in rows for field in row
    )
    return _Layout(_unique(fields), separator, start + (not headless), "," if comma else ".")


def _first_record(lines: Sequence[str]) -> tuple[int, str, list[str]]:
    """Return the position of the header, or of the first row without one, separator and fields."""
    for start, line in enumerate(lines):
        for separator in ("\t", ",", ";", " "):
            fields = _fields(line.lstrip("#").strip("\r\n"), separator)
            # A sentence has its words apart by blanks, too: then the rows are of another length.
            follows = [_fields(row, separator) for row in lines[start + 1 : start + 2]]
            if separator == " " and any(len(row) - len(fields) not in (0, 1) for row in follows):
                continue
            if name_columns(fields):
                return start, separator, fields
    for start, line in enumerate(lines):
        if line.strip() and not line.startswith("#"):
            separator = max("\t,; ", key=line.strip("\r\n").count)
            if separator == " ":
                separator = next((s for s in "\t,;" if s in line), " ")
            return start, separator, _fields(line, separator)
    msg = "it is empty"
    raise ValueError(msg)


def _is_row(fields: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Say whether the first line is one of data: it has a value, or names that come back."""
    named = len(fields) > 1 and (plain(fields[0]) in SOURCE or plain(fields[1]) in TARGET)
    if len(fields) < 2 or not all(fields[:2]) or named:
        return False
    if any(map(is_value, fields[2:])):
        return True
    return bool({*fields[:2]} & {name for row in rows for name in row[:2]})


def _are_numbered(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether rows of three fields or more begin with their number."""
    return len(rows) > 1 and len(rows[0]) > 2 and are_counted(rows)


def are_counted(rows: Sequence[Sequence[str]]) -> bool:
    """Say whether the first fields of the rows are their numbers, from 0 or 1 on."""
    first = [row[0] for row in rows]
    return first in (list(map(str, range(i, i + len(rows)))) for i in (0, 1))


def _fields(line: str, separator: str) -> list[str]:
    return next(iter(_split([line], separator)), [])


def _split(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    for row in csv.reader(lines, delimiter=separator, skipinitialspace=True):
        fields = [field.strip() for field in row]
        yield [field for field in fields if field] if separator == " " else fields


def _unique(fields: Sequence[str]) -> list[str]:
    """Name columns without a name, and those whose name has been, as pandas does."""
    names: list[str] = []
    for i, field in enumerate(fields):
        name = field or f"{_UNNAMED} {i}"
        names.append(f"{name}.{i}" if name in names else name)
    return names


def _cleaned(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop columns without a name, and blanks and quotes around the names of genes."""
    unnamed = [c for c in frame if str(c).startswith(_UNNAMED)]
    frame = frame.drop(columns=unnamed) if unnamed else frame
    for column in frame:
        if plain(column) in SOURCE + TARGET:
            frame[column] = _stripped(frame[column])
    return frame


def _stripped(names: pd.Series) -> pd.Series:
    codes, distinct = pd.factorize(names)
    texts = [name.strip() if isinstance(name, str) else name for name in distinct]
    if all(_QUOTED.fullmatch(str(name)) for name in texts):  # one alone may be a name
        texts = [str(name)[1:-1].strip() for name in texts]
    if texts == list(distinct):
        return names
    values = np.array([*texts, np.nan], dtype=object)
    return pd.Series(values[codes], index=names.index, name=names.name)  # a code of −1 is missing
