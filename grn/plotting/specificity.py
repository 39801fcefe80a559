"""Draws the specificity of TFs to groups of cells, as a dot plot."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from grn.plotting.heat import signed_map
from grn.plotting.tables import check_table

_LARGEST = 110.0  # area of the largest dot in points²; chosen by eye
_FONT_SIZE = 8.0


def specificity(scores: pd.DataFrame, n_tfs: int = 5, ax: Axes | None = None) -> Axes:
    """Draw the TFs that are most specific to each group, with a dot for each group and TF.

    The area of a dot shows the specificity; its colour shows z, the difference from permuted
    labels in standard deviations.

    Parameters
    ----------
    scores
        Table of `grn.tl.specificity`: `group, source, specificity, z`.
    n_tfs
        Number of TFs of each group, those with the largest z.
    ax
        Axes to draw into; None makes a new figure.

    Returns
    -------
    The axes, with groups from top to bottom and TFs from left to right.

    Raises
    ------
    InputError
        The table has no rows or lacks a column.

    Examples
    --------
    >>> grn.tl.activity(adata, edges, n_targets=3)
    >>> scores = grn.tl.specificity(adata, "lineage")
    >>> grn.pl.specificity(scores).figure.savefig("specificity.png")
    """
    check_table(scores, ("group", "source", "specificity", "z"), "grn.tl.specificity", n_tfs)
    groups = sorted(scores["group"].unique())
    ranked = scores.sort_values("z", ascending=False, kind="stable").groupby("group").head(n_tfs)
    tfs = list(dict.fromkeys(ranked.sort_values("group", kind="stable")["source"]))
    kept = scores[scores["source"].isin(tfs)].dropna(subset=["specificity", "z"])
    if ax is None:
        longest = max(len(str(group)) for group in groups)
        size = (2.6 + 0.07 * longest + 0.24 * len(tfs), 1.4 + 0.26 * len(groups))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    largest = float(kept["specificity"].max()) or 1.0
    limit = float(kept["z"].abs().max()) or 1.0
    dots = ax.scatter(
        kept["source"].map(tfs.index),
        kept["group"].map(groups.index),
        s=_LARGEST * kept["specificity"] / largest,
        c=kept["z"],
        cmap=signed_map(),
        vmin=-limit,
        vmax=limit,
        edgecolor="#666666",
        linewidth=0.4,
    )
    ax.set_xticks(range(len(tfs)), tfs, rotation=90)
    ax.set_yticks(range(len(groups)), groups)
    ax.set(xlim=(-0.7, len(tfs) - 0.3), ylim=(len(groups) - 0.4, -0.6))
    ax.set_xlabel("TF", fontsize=_FONT_SIZE)
    ax.tick_params(labelsize=_FONT_SIZE, length=0)
    ax.spines[["top", "right"]].set_visible(False)
    bar = ax.figure.colorbar(dots, ax=ax, pad=0.02, aspect=12)
    bar.set_label("z of specificity", fontsize=_FONT_SIZE)
    bar.ax.tick_params(labelsize=_FONT_SIZE)
    _size_legend(ax, largest)
    return ax


def _size_legend(ax: Axes, largest: float) -> None:
    handles = []
    for share in (0.25, 0.5, 1.0):
        # Line2D takes the diameter of a marker, scatter takes its area.
        size = float(np.sqrt(_LARGEST * share))
        dot = Line2D([], [], linestyle="", marker="o", color="#999999", markersize=size)
        dot.set_label(f"{share * largest:.2f}")
        handles.append(dot)
    ax.legend(
        handles=handles,
        ncols=3,
        title="specificity",
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        fontsize=_FONT_SIZE,
        title_fontsize=_FONT_SIZE,
        handletextpad=0.2,
        columnspacing=1.0,
    )
