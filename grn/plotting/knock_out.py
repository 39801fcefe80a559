"""Draws which genes respond to a knock-out, and how."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from grn.plotting.heat import heat_map
from grn.plotting.style import ACTIVATION, REPRESSION
from grn.plotting.tables import check_table

_LABEL = "response (down < 0 < up)"
_FONT_SIZE = 8.0


def knock_out(table: pd.DataFrame, top: int = 30, ax: Axes | None = None) -> Axes:
    """Draw the strongest responses to a knock-out or an over-expression.

    The responses of one group of cells are drawn as bars, those of several groups as a heat map of
    genes × groups. The genes are those with the largest |response| in any group, sorted by their
    mean response. Genes that were perturbed themselves (`perturbed`) are left out, since their
    change was an input.

    Parameters
    ----------
    table
        Table of `grn.tl.knock_out`: `gene, response`, and `group` if there are several.
    top
        Number of genes.
    ax
        Axes to draw into; None makes a new figure.

    Returns
    -------
    The axes.

    Raises
    ------
    InputError
        The table has no rows or lacks a column.

    Examples
    --------
    >>> table = pd.DataFrame({"gene": ["KLF1", "SPI1"], "response": [-0.8, 0.3]})
    >>> grn.pl.knock_out(table).get_xlabel()
    'response (down < 0 < up)'
    """
    check_table(table, ("gene", "response"), "grn.tl.knock_out", top)
    if "perturbed" in table:
        table = table[~table["perturbed"].astype(bool)]
    grouped = table.assign(group="") if "group" not in table else table
    by_group = grouped.pivot(index="gene", columns="group", values="response")
    strongest = by_group.abs().max(axis=1).sort_values(ascending=False, kind="stable").index[:top]
    shown = by_group.loc[strongest]
    shown = shown.loc[shown.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    if shown.shape[1] > 1:
        return heat_map(shown, _LABEL, ax, xlabel="group", ylabel="gene")
    response = shown.iloc[:, 0]
    if ax is None:
        longest = max(len(str(gene)) for gene in shown.index)
        size = (2.6 + 0.075 * longest, 0.9 + 0.17 * len(shown))
        _, ax = plt.subplots(figsize=size, layout="constrained")
    colours = [ACTIVATION if value > 0 else REPRESSION for value in response]
    ax.barh(range(len(response)), response, color=colours, height=0.7)
    ax.axvline(0.0, color="#333333", linewidth=0.8)
    ax.set_yticks(range(len(response)), map(str, response.index))
    ax.set(ylim=(len(response) - 0.4, -0.6), xlabel=_LABEL)
    ax.xaxis.label.set_fontsize(_FONT_SIZE)
    ax.tick_params(labelsize=_FONT_SIZE)
    ax.tick_params(axis="y", length=0)
    ax.spines[["top", "right", "left"]].set_visible(False)
    return ax
