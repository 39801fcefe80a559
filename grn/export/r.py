"""Writes edges as a CSV file for R."""

from pathlib import Path

import pandas as pd

from grn.export.check import check_names
from grn.export.tables import best
from grn.files import replacing


def write_csv(edges: pd.DataFrame, path: str | Path, top: int | None = None) -> None:
    """Write an edge table as CSV for `read.csv(path, na.strings = "")` of R.

    A missing number is an empty field, so that `na.strings = ""` finds it and leaves a gene alone
    that is called NA.

    Parameters
    ----------
    edges
        A table with `source` and `target` among its columns, best edge first.
    path
        File to write; it appears once it is complete.
    top
        Number of edges to keep; None keeps all.

    Raises
    ------
    InputError
        A gene has no name or one with a control character, `top` is less than 1, or the folder
        cannot be written to.
    """
    kept = best(edges, top)
    for column in kept.columns.intersection(["source", "target"]):
        check_names(kept[column].unique())
    with replacing(path) as temporary:
        kept.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
