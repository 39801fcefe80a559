"""Draws the differential activity of TFs in groups of cells, as a heat map."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grn.plotting.heat import heat_map
from grn.plotting.tables import check_table

_FDR = 0.05  # conventional


def activity(drivers: pd.DataFrame, n_tfs: int = 5, ax: Axes | None = None) -> Axes:
    """Draw the differential activity of the TFs that are most activated in each group.

    The colour shows the mean activity in the group minus that in the other cells; a dot marks an
    FDR below 0.05. TFs are ordered by the group in which they are most activated.

    Parameters
    ----------
    drivers
        Table of `grn.tl.rank_regulators`: `group, source, effect, statistic, fdr`.
    n_tfs
        Number of TFs of each group, those with the largest `statistic`.
    ax
        Axes to draw into; None makes a new figure.

    Returns
    -------
    The axes of the heat map.

    Raises
    ------
    InputError
        The table has no rows or lacks a column.

    Examples
    --------
    >>> grn.tl.activity(adata, edges, n_targets=3)
    >>> drivers = grn.tl.rank_regulators(adata, edges, "lineage")
    >>> grn.pl.activity(drivers).figure.savefig("activity.png")
    """
    columns = ("group", "source", "effect", "statistic", "fdr")
    check_table(drivers, columns, "grn.tl.rank_regulators", n_tfs)
    ranked = drivers.sort_values("statistic", ascending=False, kind="stable")
    best = ranked.groupby("group").head(n_tfs)["source"].unique()
    kept = drivers[drivers["source"].isin(best)]
    effect = kept.pivot(index="source", columns="group", values="effect")
    order = np.lexsort([-effect.max(axis=1), effect.fillna(-np.inf).to_numpy().argmax(axis=1)])
    effect = effect.iloc[order]
    ax = heat_map(effect, "activity, group minus rest", ax, xlabel="group", ylabel="TF")
    fdr = kept.pivot(index="source", columns="group", values="fdr").loc[effect.index]
    rows, columns_ = np.nonzero((fdr < _FDR).to_numpy())
    ax.scatter(columns_, rows, s=5, color="black", label=f"FDR < {_FDR}")
    if len(rows):
        ax.legend(
            loc="lower right",
            bbox_to_anchor=(1.0, 1.0),
            borderaxespad=0.2,
            frameon=False,
            fontsize=8,
            handletextpad=0.1,
        )
    return ax
