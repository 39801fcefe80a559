"""Draws precision against recall of a method and its controls."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from grn.plotting.style import METHODS


def precision_recall(curves: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the curves that `grn.evaluation.precision_recall` computes.

    The black line shows the edges, the thin coloured lines the controls, and the dashed line the
    density of true edges, which a random ranking reaches. The legend gives the area under each
    curve (average precision). The axis of recall is logarithmic, since mostly the best-ranked
    edges are used.

    Parameters
    ----------
    curves
        Columns `method, recall, precision`, by descending threshold. The methods include `edges`
        and `random`.
    ax
        Axes to draw into; None makes a new figure.

    Returns
    -------
    The axes.

    Examples
    --------
    >>> curves = grn.precision_recall(edges, adata.uns["truth"])
    >>> grn.pl.precision_recall(curves).get_ylabel()
    'precision'
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    by_method = dict(tuple(curves.groupby("method", sort=False)))
    density = float(by_method.pop("random")["precision"].iloc[0])
    colours = {"edges": "black"}
    others = (method for method in by_method if method != "edges")
    colours |= {method: METHODS[i % len(METHODS)] for i, method in enumerate(others)}
    for method, curve in by_method.items():
        recall, precision = curve["recall"].to_numpy(), curve["precision"].to_numpy()
        area = float((np.diff(recall, prepend=0.0) * precision).sum())
        ours = method == "edges"
        ax.plot(
            *(recall, precision),
            color=colours[method],
            linewidth=2.2 if ours else 1.2,
            zorder=3 if ours else 2,
            label=f"{method.replace('_', ' ')}  {area:.3f}",
            drawstyle="steps-pre",
        )
    ax.axhline(
        density, color="#666666", linestyle="--", linewidth=1, label=f"random  {density:.3f}"
    )
    ax.set(xscale="log", xlabel="recall", ylabel="precision")
    ax.spines[["top", "right"]].set_visible(False)
    ax.set_ylim(bottom=0)
    # The legend is outside of the axes, where it cannot hide a curve.
    ax.legend(
        title="AUPRC",
        loc="upper left",
        bbox_to_anchor=(1.0, 1.0),
        frameon=False,
        fontsize=8,
        title_fontsize=8,
        alignment="left",
    )
    return ax
