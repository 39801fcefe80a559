"""Writes edge tables, which `grn.read_edges` and `grn.read_truth` read."""

from pathlib import Path

import pandas as pd

from grn.export.tables import best, write_table


def write_edges(edges: pd.DataFrame, path: str | Path, top: int | None = None) -> None:
    """Write an edge table with a header, in the order of its rows.

    Parameters
    ----------
    edges
        A table with `source` and `target` among its columns, best edge first.
    path
        File to write; it appears once it is complete. It is tab-separated text with six
        significant digits; gzipped where its name ends in `.gz`, Parquet where in `.parquet`.
    top
        Number of edges to keep; None keeps all.

    Raises
    ------
    InputError
        A gene has no name or one with a control character, or the folder cannot be written to.
    """
    write_table(best(edges, top), path)


def write_edges_by_group(edges: pd.DataFrame, path: str | Path, top: int | None = None) -> None:
    """Write a table of edges by group, in the order of its rows.

    Parameters
    ----------
    edges
        A table with `group`, `source` and `target` among its columns, best edge of a group first.
    path
        As in `write_edges`.
    top
        Number of edges of each group to keep; None keeps all.

    Raises
    ------
    InputError
        As `write_edges`.
    """
    kept = edges if top is None else edges.groupby("group", observed=True, sort=False).head(top)
    write_table(kept, path)
