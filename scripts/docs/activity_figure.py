"""Draws docs/activity.png: TF activity in blood cells, from the README's example.

    python scripts/docs/activity_figure.py

The cells are scanpy's `pbmc68k_reduced`. The edge table is written to a file and read again, and
goes to decoupler's univariate linear model as it is. The mean activity of every TF in every cell
type is printed, so that what is not drawn can be looked at too.
"""

import tempfile
from pathlib import Path

import decoupler as dc
import matplotlib
import numpy as np
import pandas as pd
import scanpy as sc
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

import grn
from grn.plotting.style import METHODS, SIGNED_MAP

# Five of 26, chosen because their part in blood is known; the script prints all.
TFS = ("SPI1", "IRF8", "SPIB", "GATA3", "SOX4")
_PICTURE = Path(__file__).resolve().parents[2] / "docs" / "activity.png"
_TYPES = {
    "CD14+ Monocyte": "monocytes",
    "Dendritic": "dendritic",
    "CD19+ B": "B",
    "CD56+ NK": "NK",
    "CD34+": "progenitors",
}


# Where a name stands, from the middle of the cells: points to the right and up, by eye.
_NAMES_AT = {
    **{"monocytes": (-52, -2), "dendritic": (0, 34), "B": (0, -22)},
    **{"NK": (0, 16), "T": (0, -33), "progenitors": (0, 11)},
}


def activities() -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return cells × TFs activities, the UMAP of the cells and their types."""
    cells = sc.datasets.pbmc68k_reduced()
    model = grn.SphericalGRN(cells, tfs="human", layer="raw")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "edges.tsv"
        grn.export.write_edges(model.edges(), path)
        edges = pd.read_csv(path, sep="\t", keep_default_na=False)
    dc.mt.ulm(model.adata, edges)
    umap = pd.DataFrame(model.adata.obsm["X_umap"], index=cells.obs_names)
    types = cells.obs["bulk_labels"].astype(str).map(lambda name: _TYPES.get(name, "T"))
    return model.adata.obsm["score_ulm"], umap, types


def draw(scores: pd.DataFrame, umap: pd.DataFrame, types: pd.Series) -> plt.Figure:
    """Draw the types, and the activity of each TF, on the UMAP."""
    figure, axes = plt.subplots(2, 3, figsize=(9.0, 5.6), layout="constrained")
    first, *others = axes.flat
    for colour, name in zip(METHODS, sorted(set(types), key=str.lower), strict=False):
        there = umap[(types == name).to_numpy()]
        first.scatter(there[0], there[1], s=7, color=colour, linewidths=0)
        first.annotate(
            name, there.median(), _NAMES_AT[name], textcoords="offset points",
            ha="center", va="center", fontsize=9, color=colour, fontweight="bold",
        )  # fmt: skip
    first.set_title("cell types, as published", fontsize=11)
    colours = LinearSegmentedColormap.from_list("signed", SIGNED_MAP)
    for ax, tf in zip(others, TFS, strict=True):
        most = np.quantile(scores[tf].abs(), 0.99)
        points = ax.scatter(
            umap[0], umap[1], c=scores[tf], cmap=colours, vmin=-most, vmax=most, s=7, linewidths=0
        )
        bar = figure.colorbar(points, ax=ax, shrink=0.75, pad=0.01)
        bar.outline.set_visible(False)
        ax.set_title(f"activity of {tf}", fontsize=11)
    for ax in axes.flat:
        _without_ticks(ax)
    return figure


def _without_ticks(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def main() -> None:
    """Draw the picture and print the means."""
    matplotlib.use("agg")
    scores, umap, types = activities()
    draw(scores, umap, types).savefig(_PICTURE, dpi=110)
    print(scores.groupby(types.loc[scores.index].to_numpy()).mean().T.round(1).to_string())
    print(_PICTURE)


if __name__ == "__main__":
    main()
