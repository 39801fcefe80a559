"""Pictures of a benchmark: the table as a heat map, the curves, and accuracy against time."""

from itertools import groupby

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from grn.benchmark.markdown import network_label
from grn.benchmark.methods import CONTROL, METHOD
from grn.plotting.style import METHODS, SIGNED_MAP

_GREY = "#666666"
_LINES = ("-", (0, (5, 1.2)), (0, (1.2, 1.2)))
# Ratios beyond four times random, or a quarter of it, have the last colour.
_LAST_COLOUR = 2.0
_CELL = 0.42  # inches
# Size of a letter and of a line of text, as shares of the axes of `accuracy_time`.
_LETTER, _LINE = 0.0118, 0.044
_SHIFTS = np.arange(-50, 50.1, 0.25)  # lines


def heatmap(results: pd.DataFrame, ranked: pd.DataFrame) -> Figure:
    """Draw methods × networks; colour and number are the AUPRC ratio, mean over seeds.

    Orange is better than a random ranking, blue is worse, on a logarithmic scale.

    Parameters
    ----------
    results
        Tidy table of one regime.
    ranked
        From `grn.benchmark.summary.overview`; its order is that of the rows.
    """
    ratios = results[results["metric"] == "auprc_ratio"]
    mean = ratios.groupby(["method", "dataset", "network"])["value"].mean()
    columns = list(ratios[["dataset", "network"]].drop_duplicates().itertuples(index=False))
    # The geometric mean stands first, apart from the networks; controls apart from the methods.
    x = _positions([dataset.partition("/")[0] for dataset, _ in columns], first=1.4)
    y = _positions(ranked["kind"].tolist())
    figure = Figure(figsize=(3.2 + _CELL * (x[-1] + 1), 1.6 + _CELL * (y[-1] + 1)))
    figure.set_layout_engine("constrained")
    ax = figure.subplots()
    colours = LinearSegmentedColormap.from_list("signed", SIGNED_MAP)
    scale = Normalize(-_LAST_COLOUR, _LAST_COLOUR)
    cells = [(0.0, row, ratio) for row, ratio in zip(y, ranked["mean"], strict=True)]
    cells += [
        (column, row, mean.get((method, *network), float("nan")))
        for column, network in zip(x, columns, strict=True)
        for row, method in zip(y, ranked.index, strict=True)
    ]
    for column, row, ratio in cells:
        _draw_cell(ax, column, row, ratio, colours, scale)
    labels = ["geometric mean", *(network_label(*network) for network in columns)]
    ax.set_xticks([0, *x], labels, rotation=45, ha="left", rotation_mode="anchor")
    ax.set_yticks(y, [str(name).replace("_", " ") for name in ranked.index])
    for tick, kind in zip(ax.get_yticklabels(), ranked["kind"], strict=True):
        tick.set_fontstyle("italic" if kind == CONTROL else "normal")
    ax.set(xlim=(-0.55, x[-1] + 0.55), ylim=(y[-1] + 0.55, -0.55), aspect="equal")
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    _draw_scale(figure, ax, colours, scale)
    return figure


def _positions(groups: list[str], first: float = 0.0) -> list[float]:
    """Places of rows or columns, with a gap between groups."""
    places, place = [], first
    for _, members in groupby(groups):
        for _ in members:
            places.append(place)
            place += 1
        place += 0.4
    return places


def _draw_cell(
    ax: Axes, x: float, y: float, ratio: float, colours: LinearSegmentedColormap, scale: Normalize
) -> None:
    if np.isnan(ratio):
        ax.text(x, y, "–", ha="center", va="center", color=_GREY, fontsize=8)
        return
    shade = scale(np.log2(max(ratio, 1e-6)))
    ax.fill([x - 0.5, x + 0.5, x + 0.5, x - 0.5], [y - 0.5, y - 0.5, y + 0.5, y + 0.5],
            color=colours(shade), edgecolor="white", linewidth=1)  # fmt: skip
    dark = abs(shade - 0.5) > 0.3
    said = f"{ratio:.2f}" if ratio < 9.995 else f"{ratio:.1f}"
    ax.text(x, y, said, ha="center", va="center", fontsize=7.5, color="white" if dark else "black")


def _draw_scale(
    figure: Figure, ax: Axes, colours: LinearSegmentedColormap, scale: Normalize
) -> None:
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(ScalarMappable(scale, colours), ax=ax, shrink=0.7, aspect=14, pad=0.02,
                          extend="both")  # fmt: skip
    ticks = np.arange(-_LAST_COLOUR, _LAST_COLOUR + 1)
    bar.set_ticks(ticks.tolist(), labels=[f"{2.0**tick:g}" for tick in ticks])
    bar.set_label("AUPRC / random (mean over seeds)", fontsize=8)
    bar.ax.tick_params(labelsize=8)
    bar.outline.set_visible(False)


def precision_by_recall(curves: pd.DataFrame, ranked: pd.DataFrame) -> Figure:
    """Draw precision against recall, one panel per network, controls in grey.

    Parameters
    ----------
    curves
        From `grn.benchmark.run.Outcome`.
    ranked
        From `grn.benchmark.summary.overview`; its order is that of the legend.
    """
    networks = list(curves[["dataset", "network"]].drop_duplicates().itertuples(index=False))
    n_columns = min(4, len(networks))
    n_rows = -(-len(networks) // n_columns)
    figure = Figure(figsize=(1.9 + 2.6 * n_columns, max(3.2, 2.2 * n_rows + 0.4)))
    figure.set_layout_engine("constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False).ravel()
    looks = _looks(ranked)
    for ax, (dataset, network) in zip(axes, networks, strict=False):
        panel = curves[(curves["dataset"] == dataset) & (curves["network"] == network)]
        for method, curve in panel.groupby("method"):
            ax.plot(curve["recall"], curve["precision"], **looks[str(method)])
        ax.set_title(network_label(dataset, network), fontsize=9)
        ax.set(xscale="log", xlim=(panel["recall"].min(), 1))
        ax.xaxis.set_minor_formatter(NullFormatter())  # they overlap where a network is small
        ax.set_ylim(bottom=0)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[len(networks) :]:
        ax.set_visible(False)
    figure.supxlabel("recall", fontsize=9)
    figure.supylabel("precision", fontsize=9)
    lines = {line.get_label(): line for ax in axes for line in ax.get_lines()}
    shown = [str(look["label"]) for look in looks.values() if look["label"] in lines]
    figure.legend(
        [lines[label] for label in shown],
        shown,
        loc="outside right upper",
        frameon=False,
        fontsize=8,
    )
    return figure


def _looks(ranked: pd.DataFrame) -> dict[str, dict[str, object]]:
    """Colour and dashes of each curve: no two methods alike, controls grey and thin."""
    looks: dict[str, dict[str, object]] = {}
    for kind in (METHOD, CONTROL):
        for i, name in enumerate(ranked.index[ranked["kind"] == kind]):
            label = str(name).replace("_", " ")
            if kind == CONTROL:
                dashes = ((0, (4, 2)), (0, (1, 1)), "-.", "-")[i % 4]
                looks[name] = {"color": "#777777", "linestyle": dashes, "linewidth": 1}
            else:
                colours = METHODS[:-1]  # the last one is grey
                colour, line = colours[i % len(colours)], _LINES[i // len(colours) % len(_LINES)]
                looks[name] = {"color": colour, "linestyle": line, "linewidth": 1.5}
            # The better one covers the worse.
            looks[name] |= {"label": label, "zorder": (2 if kind == CONTROL else 3) - i / 100}
    return looks


def accuracy_time(ranked: pd.DataFrame) -> Figure:
    """Draw the geometric mean of the AUPRC ratios against the seconds of one seed.

    Parameters
    ----------
    ranked
        From `grn.benchmark.summary.overview`.
    """
    timed = ranked[ranked["seconds"].notna() & ranked["mean"].notna()]
    figure = Figure(figsize=(7.2, 4.4), layout="constrained")
    ax = figure.subplots()
    for _, row in timed.iterrows():
        control = row["kind"] == CONTROL
        colour, marker = ("#777777", "s") if control else (METHODS[3], "o")
        spread = 0.0 if np.isnan(row["sd"]) else row["sd"]
        ax.errorbar(row["seconds"], row["mean"], spread, color=colour, marker=marker, capsize=2)
    ax.axhline(1, color=_GREY, linestyle="--", linewidth=1)
    ax.set(xscale="log", xlabel="seconds per seed, data sets of the mean together")
    ax.set_ylabel("AUPRC / random, geometric mean over networks")
    ax.spines[["top", "right"]].set_visible(False)
    # Room for the names to the right of the slowest.
    low, high = timed["seconds"].min(), timed["seconds"].max()
    ax.set_xlim(low / 1.6, high * max((high / low) ** 0.25, 8.0))
    ax.margins(y=0.08)
    ax.annotate(
        "random", (1, 1), xycoords=("axes fraction", "data"), xytext=(0, 3),
        textcoords="offset points", ha="right", fontsize=8, color=_GREY,
    )  # fmt: skip
    _label_points(ax, timed)
    return figure


def _label_points(ax: Axes, timed: pd.DataFrame) -> None:
    """Write the names beside the points, as near as they cover no point and no other name."""
    ax.autoscale_view()  # the limits are final before places are computed
    data = timed[["seconds", "mean"]].to_numpy(dtype=float)
    points = ax.transAxes.inverted().transform(ax.transData.transform(data))
    taken = [(x - 0.012, y - 0.018, x + 0.012, y + 0.018) for x, y in points]
    for place in np.argsort(data[:, 1], kind="stable"):
        name, control = str(timed.index[place]), timed["kind"].iloc[place] == CONTROL
        left, right = points[place][0] + 0.02, points[place][0] + 0.02 + _LETTER * len(name)
        beside = [box for box in taken if left < box[2] and box[0] < right]
        tried = (points[place][1] + _LINE * shift for shift in sorted(_SHIFTS, key=abs))
        y = next(
            y
            for y in tried
            if all(y + _LINE / 2 <= low or high <= y - _LINE / 2 for _, low, _, high in beside)
        )
        taken.append((left, y - _LINE / 2, right, y + _LINE / 2))
        ax.annotate(
            name.replace("_", " "),
            points[place],
            xytext=(left, y),
            xycoords="axes fraction",
            va="center",
            fontsize=8,
            style="italic" if control else "normal",
            arrowprops={"arrowstyle": "-", "color": "#BBBBBB", "linewidth": 0.6},
        )
