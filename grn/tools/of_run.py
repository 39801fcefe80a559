"""Writes the activity of regulators in the groups of a finished run, which its report shows."""

from pathlib import Path

import pandas as pd

from grn.edges.read import read_edges
from grn.errors import InputError
from grn.export.result_page import update_result_page
from grn.files import replacing
from grn.report import ACTIVITY
from grn.report.folder import read_record
from grn.tools.activity import activity
from grn.tools.regulators import rank_regulators


def write_activity(folder: str | Path, groupby: str | None = None) -> Path:
    """Write `activity.tsv` into a run folder: the table of `rank_regulators`.

    RESULT.md, if there is one, lists it from then on. The activity is that of `grn.tl.activity`
    with the network of all cells, so that groups can be compared.

    Parameters
    ----------
    folder
        Folder of a finished run, with `network.h5ad` and `edges.tsv`.
    groupby
        Column of the cells; None: the one by which the run had its groups.

    Raises
    ------
    InputError
        The files are not there or hold no expression, no column is known, the column cannot be
        used, or decoupler is not installed.
    """
    import anndata

    folder = Path(folder)
    for name in ("network.h5ad", "edges.tsv", "metrics.json"):
        if not (folder / name).is_file():
            msg = f"{folder} holds no {name}. Expected the folder of a finished run."
            raise InputError(msg)
    groupby = groupby or read_record(folder / "metrics.json").get("groupby")
    if groupby is None:
        msg = (
            f"{folder} has no groups of cells. Name a column of the cells to compare the activity "
            "of regulators by: grn report RUN_DIR --activity KEY."
        )
        raise InputError(msg)
    cells = anndata.read_h5ad(folder / "network.h5ad")
    if cells.X is None:
        msg = (
            f"{folder / 'network.h5ad'} holds no expression, because the cells were read from "
            "disk. Use grn.tl.activity on a part of the cells, with edges.tsv."
        )
        raise InputError(msg)
    edges = read_edges(folder / "edges.tsv")
    activity(cells, edges)
    ranked = rank_regulators(cells, edges, groupby)
    _write(ranked.assign(groupby=groupby), folder / ACTIVITY)
    update_result_page(folder)
    return folder / ACTIVITY


def _write(table: pd.DataFrame, path: Path) -> None:
    with replacing(path) as temporary:
        table.to_csv(temporary, sep="\t", index=False, float_format="%.6g", na_rep="nan")
