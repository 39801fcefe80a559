"""Draws a table of signed values as a heat map."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap

from grn.plotting.style import SIGNED_MAP

_FONT_SIZE = 8.0


def signed_map() -> Colormap:
    """Return the colours from repression to activation; missing values are grey."""
    return LinearSegmentedColormap.from_list("signed", SIGNED_MAP).with_extremes(bad="#CCCCCC")


def heat_map(
    values: pd.DataFrame, label: str, ax: Axes | None, *, xlabel: str, ylabel: str
) -> Axes:
    """Draw a table as a heat map, with colours symmetric about 0.

    Parameters
    ----------
    values
        Index and columns are the names of the rows and columns.
    label
        Label of the colour bar.
    ax
        Axes to draw into; None makes a new figure, sized by the table.
    xlabel, ylabel
        Labels of the axes.
    """
    rows, columns = list(map(str, values.index)), list(map(str, values.columns))
    if ax is None:
        longest = max(map(len, rows))
        size = (1.6 + 0.075 * longest + 0.34 * len(columns), 1.4 + 0.17 * len(rows))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    matrix = values.to_numpy(dtype=float)
    limit = float(np.nanmax(np.abs(matrix), initial=0.0)) or 1.0
    image = ax.imshow(
        matrix,
        cmap=signed_map(),
        vmin=-limit,
        vmax=limit,
        aspect="auto",
        interpolation="nearest",
    )
    upright = max(map(len, columns)) <= 2
    ax.set_xticks(range(len(columns)), columns, rotation=0 if upright else 90)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(labelsize=_FONT_SIZE, length=0)
    ax.set_xlabel(xlabel, fontsize=_FONT_SIZE)
    ax.set_ylabel(ylabel, fontsize=_FONT_SIZE)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02, aspect=15)
    bar.set_label(label, fontsize=_FONT_SIZE)
    bar.ax.tick_params(labelsize=_FONT_SIZE)
    return ax
