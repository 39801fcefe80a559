"""Draws the signed TF × gene matrix as a clustered heat map."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from scipy.cluster.hierarchy import leaves_list, linkage

from grn.edges.matrix import adjacency
from grn.plotting.style import SIGNED_MAP

_FONT_SIZE = 7.0


def attention(
    edges: pd.DataFrame, n_tfs: int = 30, n_genes: int = 60, ax: Axes | None = None
) -> Axes:
    """Draw the signed weights of the most important TFs and targets, rows and columns clustered.

    The TFs are those with the largest sum of importance over their targets, the genes those with
    the largest sum over these TFs. Rows and columns are ordered by average linkage of correlation
    distance. The colours end at ± the 99th percentile of |weight|. Pairs of a gene with itself
    are grey.

    Parameters
    ----------
    edges
        An edge table.
    n_tfs, n_genes
        Largest number of rows and columns.
    ax
        Axes to draw into; None makes a new figure.

    Returns
    -------
    The axes of the heat map.

    Examples
    --------
    >>> grn.pl.attention(edges, n_tfs=3).get_ylabel()
    'regulator'
    """
    tfs = _most_important(edges, "source", n_tfs)
    edges = edges[edges["source"].isin(tfs)]
    genes = _most_important(edges, "target", n_genes)
    weight = adjacency(edges, tfs, genes)
    rows, columns = _similar_together(weight), _similar_together(weight.T)
    tfs, genes = [tfs[i] for i in rows], [genes[j] for j in columns]
    weight = weight[np.ix_(rows, columns)]
    weight[np.equal.outer(tfs, genes)] = np.nan
    if ax is None:
        size = (2.2 + 0.145 * len(genes), 1.6 + 0.145 * len(tfs))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    limit = float(np.nanpercentile(np.abs(weight), 99)) or 1.0
    colours = LinearSegmentedColormap.from_list("signed", SIGNED_MAP).with_extremes(bad="#CCCCCC")
    image = ax.imshow(
        weight,
        cmap=colours,
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    ax.set_xticks(range(len(genes)), genes, rotation=90)
    ax.set_yticks(range(len(tfs)), tfs)
    ax.tick_params(labelsize=_FONT_SIZE, length=0)
    ax.set(xlabel="target", ylabel="regulator")
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.6, pad=0.015, extend="both")
    bar.set_label("weight (repression < 0 < activation)", fontsize=_FONT_SIZE + 1)
    bar.ax.tick_params(labelsize=_FONT_SIZE)
    return ax


def _most_important(edges: pd.DataFrame, column: str, n: int) -> list[str]:
    total = edges.groupby(column)["importance"].sum()
    # Sorted by name first: the second sort is stable, so ties do not depend on the edges' order.
    return list(total.sort_index().sort_values(ascending=False, kind="stable").index[:n])


def _similar_together(rows: np.ndarray) -> np.ndarray:
    """Return an order of the rows that puts similar ones next to each other."""
    if len(rows) < 3:
        return np.arange(len(rows))
    centred = rows - rows.mean(axis=1, keepdims=True)
    norm = np.linalg.norm(centred, axis=1, keepdims=True)
    # Between unit rows the Euclidean distance is a monotone function of correlation, and a
    # constant row is equally far from all others.
    unit = np.divide(centred, norm, out=np.zeros_like(centred), where=norm > 0)
    order: np.ndarray = leaves_list(linkage(unit, "average", optimal_ordering=True))
    return order
