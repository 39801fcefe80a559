"""Writes tables of edges as text, gzipped text or Parquet: fast, whole or not at all."""

import gzip
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from grn.errors import InputError
from grn.export.check import check_names
from grn.files import replacing

_ROWS_PER_BLOCK = 100_000
_NAMES = ("source", "TF", "target", "group", "peak_id", "gene_short_name")


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table, in the order of its rows; the same table gives the same bytes.

    A path that ends in `.parquet` is Parquet, with its numbers as they are; one that ends in
    `.gz` is gzipped text; any other is text. Text is tab-separated with a header. Numbers have
    six significant digits, missing ones are `nan`; a name that holds a tab, a line break or a
    quote stands in quotes, as in CSV.
    """
    path = Path(path)
    for column in table.columns.intersection(_NAMES):
        check_names(table[column].unique())
    check_names(table.columns)
    with replacing(path) as temporary:
        if path.suffix == ".parquet":
            table.to_parquet(temporary, index=False)
        else:
            with _opened(temporary, zipped=path.suffix == ".gz") as stream:
                _write_rows(table, stream)


def best(edges: pd.DataFrame, top: int | None) -> pd.DataFrame:
    """Return the first `top` rows, all of them where it is None.

    Raises
    ------
    InputError
        It is less than 1.
    """
    if top is not None and top < 1:
        msg = f"top: got {top}. Expected how many edges to keep, 1 or more; without it, all."
        raise InputError(msg)
    return edges if top is None else edges.head(top)


@contextmanager
def _opened(path: Path, *, zipped: bool) -> Iterator[TextIO]:
    with path.open("wb") as file:
        if zipped:
            # Without name and time, which would differ from run to run.
            with (
                gzip.GzipFile("", "wb", 6, file, mtime=0) as packed,
                io.TextIOWrapper(packed, encoding="utf-8", newline="") as stream,
            ):
                yield stream
        else:
            with io.TextIOWrapper(file, encoding="utf-8", newline="") as stream:
                yield stream


def _write_rows(table: pd.DataFrame, stream: TextIO) -> None:
    is_float = [kind.kind == "f" for kind in table.dtypes]
    columns = [table[column].to_numpy() for column in table]
    pairs = zip(table, columns, strict=True)
    columns = [_quoted(values) if name in _NAMES else values for name, values in pairs]
    # Adding 0 turns a negative zero into zero, which would be written as "-0".
    columns = [values + 0.0 if f else values for values, f in zip(columns, is_float, strict=True)]
    # One template per row: pandas' own writer takes several times as long.
    template = "\t".join("%.6g" if f else "%s" for f in is_float) + "\n"
    stream.write("\t".join(_quoted(table.columns.to_numpy(dtype=object))) + "\n")
    for start in range(0, len(table), _ROWS_PER_BLOCK):
        block = (values[start : start + _ROWS_PER_BLOCK].tolist() for values in columns)
        stream.writelines(map(template.__mod__, zip(*block, strict=True)))


def _quoted(names: np.ndarray) -> np.ndarray:
    codes, distinct = pd.factorize(names)
    if not any(character in str(name) for name in distinct for character in '\t\n\r"'):
        return names
    written = [
        '"' + name.replace('"', '""') + '"' if set(name) & set('\t\n\r"') else name
        for name in map(str, distinct)
    ]
    quoted: np.ndarray = np.array(written, dtype=object)[codes]
    return quoted
