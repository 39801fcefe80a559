"""Writes edge tables as text: fast, whole or not at all, the same bytes for the same table."""

from pathlib import Path

import pandas as pd

from grn.errors import InputError
from grn.files import replacing

_ROWS_PER_BLOCK = 100_000


def write_edges(edges: pd.DataFrame, path: str | Path) -> None:
    """Write an edge table as tab-separated text with a header, in the order of its rows.

    Numbers have six significant digits; missing ones are `nan`.

    Parameters
    ----------
    edges
        A table with `source` and `target` among its columns.
    path
        File to write; it appears once it is complete.

    Raises
    ------
    InputError
        A gene name holds a tab, a line break or a quote, or the folder cannot be written to.
    """
    for column in ("source", "target"):
        _check_names(edges[column])
    is_float = [kind.kind == "f" for kind in edges.dtypes]
    columns = [edges[column].to_numpy() for column in edges]
    # Adding 0 turns a negative zero into zero, which would be written as "-0".
    columns = [values + 0.0 if f else values for values, f in zip(columns, is_float, strict=True)]
    # One template per row: pandas' own writer takes several times as long.
    template = "\t".join("%.6g" if f else "%s" for f in is_float) + "\n"
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        stream.write("\t".join(edges.columns) + "\n")
        for start in range(0, len(edges), _ROWS_PER_BLOCK):
            block = (values[start : start + _ROWS_PER_BLOCK].tolist() for values in columns)
            stream.writelines(map(template.__mod__, zip(*block, strict=True)))


def _check_names(names: pd.Series) -> None:
    for name in names.unique():
        if any(character in str(name) for character in '\t\n\r"'):
            msg = (
                f"The gene name {name!r} holds a tab, a line break or a quote, which would break "
                "the table. Rename it in adata.var_names."
            )
            raise InputError(msg)
