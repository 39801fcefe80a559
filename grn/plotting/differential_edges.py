"""Draws the edges that differ most between two groups of cells."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba_array

from grn.plotting.style import METHODS
from grn.plotting.tables import check_table

_FDR = 0.05  # conventional
_FONT_SIZE = 8.0


def differential_edges(
    table: pd.DataFrame,
    top: int = 20,
    ax: Axes | None = None,
    *,
    group: str = "group",
    reference: str = "reference",
) -> Axes:
    """Draw the scores of the edges that differ most between two groups.

    Each row is an edge, and the edge with the largest |z| is on top. Two dots, joined by a line,
    show its scores in the two groups. Edges whose FDR is 0.05 or above are pale.

    Parameters
    ----------
    table
        Table of `grn.tl.differential_edges`: `source, target, score, reference_score, z, fdr`.
    top
        Number of edges.
    ax
        Axes to draw into; None makes a new figure.
    group, reference
        Names of the two groups in the legend.

    Returns
    -------
    The axes.

    Raises
    ------
    InputError
        The table has no rows or lacks a column.

    Examples
    --------
    >>> table = pd.DataFrame({"source": ["SPI1", "GATA1"], "target": ["CSF1R", "KLF1"]})
    >>> table = table.assign(score=[0.6, -0.2], reference_score=[0.1, 0.4])
    >>> table = table.assign(z=[4.1, -2.0], fdr=[0.01, 0.2])
    >>> ax = grn.pl.differential_edges(table, group="monocytes", reference="other cells")
    >>> ax.get_xlabel()
    'score (repression < 0 < activation)'
    """
    columns = ("source", "target", "score", "reference_score", "z", "fdr")
    check_table(table, columns, "grn.tl.differential_edges", top)
    shown = table.iloc[table["z"].abs().argsort(kind="stable")[::-1].to_numpy()].head(top)
    if ax is None:
        names = (shown["source"] + shown["target"]).str.len().max()
        size = (3.2 + 0.075 * float(names), 1.3 + 0.19 * len(shown))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    rows, scores = range(len(shown)), ("score", "reference_score")
    shade = [1.0 if fdr < _FDR else 0.35 for fdr in shown["fdr"]]
    for row, low, high, alpha in zip(
        rows, *(shown[column] for column in scores), shade, strict=True
    ):
        ax.plot([low, high], [row, row], color="#999999", linewidth=1.4, zorder=1, alpha=alpha)
    # The colours stand for groups, so they differ from those of activation and repression.
    looks = ((METHODS[2], "o"), (METHODS[4], "D"))
    for column, name, (colour, marker) in zip(scores, (group, reference), looks, strict=True):
        ax.scatter([], [], color=colour, marker=marker, s=22, label=name)
        points = to_rgba_array([colour] * len(shown), shade)
        ax.scatter(shown[column], rows, c=points, marker=marker, s=22, zorder=2)
    ax.axvline(0.0, color="#333333", linewidth=0.8, zorder=0)
    pairs = zip(shown["source"], shown["target"], strict=True)
    ax.set_yticks(rows, [f"{source} → {target}" for source, target in pairs])
    ax.set(ylim=(len(shown) - 0.4, -0.6), xlabel="score (repression < 0 < activation)")
    ax.xaxis.label.set_fontsize(_FONT_SIZE)
    ax.tick_params(labelsize=_FONT_SIZE)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.legend(
        frameon=False,
        fontsize=_FONT_SIZE,
        ncols=2,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        handletextpad=0.2,
    )
    return ax
