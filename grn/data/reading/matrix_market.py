"""Reads the numbers of a Matrix Market file, `matrix.mtx`, whatever stands in its lines.

`scipy.io.mmread` ends the process where the last line of a damaged file holds more than a number
(scipy issue 19949), and reads 2.5 as 2 where the header says `integer`.
"""

import csv
import gzip
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from grn.data.reading.declared import MOST_EXPANDED

if TYPE_CHECKING:
    import scipy.sparse as sp

_COORDINATE = "coordinate"
_SIGNS = {"symmetric": 1, "skew-symmetric": -1}  # of the other of two mirrored entries


class Header(NamedTuple):
    """The first lines of a Matrix Market file."""

    shape: tuple[int, int]
    n_entries: int
    kind: str
    """`coordinate`: lines of row, column and value; `array`: a value a line, column by column."""
    field: str
    """`integer`, `real`, `double`, or `pattern`: every entry is 1."""
    symmetry: str
    """`general`, or `symmetric` or `skew-symmetric`: only one of two mirrored entries has a line.
    Programs choose it for any square matrix that happens to be so."""


def read_header(path: Path) -> Header:
    """Return what the first lines of a matrix declare.

    Raises
    ------
    ValueError, OSError
        They are no header, declare more entries than the file can hold, or declare complex
        numbers or a dense matrix of which half is left out.
    """
    from scipy.io import mminfo

    n_rows, n_columns, n_entries, kind, field, symmetry = mminfo(path)
    is_known = symmetry == "general" or (kind == _COORDINATE and symmetry in _SIGNS)
    if field not in ("integer", "real", "double", "pattern") or not is_known:
        msg = f"its header says {kind} {field} {symmetry}; expected numbers, and general"
        raise ValueError(msg)
    longest = path.stat().st_size * (MOST_EXPANDED if path.suffix == ".gz" else 1)
    # A line has two indices and what parts them, of a dense matrix at least a digit.
    if n_entries * (4 if kind == _COORDINATE else 2) > longest:
        msg = f"it declares {n_entries:,} entries and is too short for them"
        raise ValueError(msg)
    return Header((int(n_rows), int(n_columns)), int(n_entries), kind, field, symmetry)


def read_matrix_market(path: Path) -> "sp.coo_matrix":
    """Return the matrix of float32 in a file, gzipped if it is called `.gz`.

    Raises
    ------
    ValueError, OverflowError, Warning, OSError, EOFError, zlib.error
        It is damaged: the message says what is wrong.
    """
    import pandas as pd
    import scipy.sparse as sp

    header = read_header(path)
    types: dict[str, type[np.generic]] = {}
    if header.kind == _COORDINATE:
        types |= {"row": np.int32, "column": np.int32}
    if header.field != "pattern":
        types["value"] = np.float32
    with (
        gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream,
        warnings.catch_warnings(),
    ):
        # Where all lines hold more than these numbers, pandas would drop the last ones and warn.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        _skip_header(stream)
        lines = pd.read_csv(
            stream, sep=r"\s+", header=None, names=list(types), index_col=False, dtype=types,
            quoting=csv.QUOTE_NONE,
        )  # fmt: skip
    if len(lines) != header.n_entries:
        msg = f"it has {len(lines):,} lines of numbers and declares {header.n_entries:,} entries"
        raise ValueError(msg)
    if "value" in types and lines["value"].hasnans:
        msg = "some of its lines hold less than they should, or something that is no number"
        raise ValueError(msg)
    values = lines["value"].to_numpy() if "value" in types else np.ones(len(lines), np.float32)
    if header.kind != _COORDINATE:
        return sp.coo_matrix(values.reshape(header.shape, order="F"))
    place = lines["row"].to_numpy() - 1, lines["column"].to_numpy() - 1
    if len(lines) and not all(
        index.min() >= 0 and index.max() < length
        for index, length in zip(place, header.shape, strict=True)
    ):
        msg = f"it has entries outside its {header.shape[0]} × {header.shape[1]}"
        raise ValueError(msg)
    matrix = sp.coo_matrix((values, place), shape=header.shape)
    if header.symmetry == "general":
        return matrix
    return (matrix + _SIGNS[header.symmetry] * (matrix - sp.diags(matrix.diagonal())).T).tocoo()


def _skip_header(stream: Iterable[bytes]) -> None:
    """Read up to the line of the sizes, the first that is no comment."""
    for line in stream:
        if line.strip() and not line.startswith(b"%"):
            return
