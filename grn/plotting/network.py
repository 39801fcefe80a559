"""Draws the strongest edges of a network; colours and arrowheads show their signs."""

import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.textpath import TextPath

from grn.errors import InputError
from grn.names.close import did_you_mean
from grn.plotting.style import ACTIVATION, FOCUS, REGULATOR, REPRESSION, TARGET, UNSIGNED

_PADDING = 16.0
_LEGEND_HEIGHT = 26.0
_RING = 40  # neighbours in one full ring; chosen by eye, as the other sizes here


def network(
    edges: pd.DataFrame, top: int = 50, ax: Axes | None = None, *, around: str | None = None
) -> Axes:
    """Draw the `top` most important edges as a directed graph, all of them or around one gene.

    Activation ends in an arrow and repression in a bar; the width of an edge shows its importance.
    Regulators are dark boxes, and genes that are targets only are light ones.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    top
        Number of edges; with more than a hundred the names become small.
    ax
        Axes to draw into; None makes a new figure.
    around
        A gene whose edges alone are drawn: its regulators on the left and its targets on the
        right, or all around it if it has only one of the two.

    Returns
    -------
    The axes; `ax.figure.savefig(...)` saves the picture.

    Raises
    ------
    InputError
        There is no edge to draw, the gene has none, or the table lacks a column.

    Examples
    --------
    >>> grn.pl.network(edges, top=10).figure.savefig("network.png")
    >>> ax = grn.pl.network(edges, around="TF01", top=20)
    """
    absent = {"source", "target", "weight", "importance"} - set(edges)
    if absent or top < 1 or edges.empty:
        msg = (
            f"got {len(edges)} edges with the columns {', '.join(map(str, edges))}, top={top}; "
            "expected an edge table as grn.read_edges returns it, with at least one row, and a "
            "top of at least 1."
        )
        raise InputError(msg)
    kept = (edges if around is None else _edges_of(edges, around)).head(top)
    if ax is None:
        side = 3.2 + 0.75 * np.sqrt(len(set(kept["source"]) | set(kept["target"])))
        _, ax = plt.subplots(figsize=(1.25 * side, side), layout="constrained")
    graph = nx.from_pandas_edgelist(kept, edge_attr=True, create_using=nx.DiGraph)
    width, height = _size_in_points(ax)
    names = list(graph)
    font_size = _font_size(names, width * height)
    sizes = np.array([_box_size(name, font_size) for name in names])
    unit = _layout(graph) if around is None else _layout_around(graph, around)
    positions = _separate(unit, sizes, np.array([width, height]))
    ax.set(xlim=(0, width), ylim=(-_LEGEND_HEIGHT, height), xticks=[], yticks=[])
    ax.set_axis_off()
    boxes = _draw_genes(ax, graph, positions, font_size)
    if around is not None:
        boxes[around].set(edgecolor=FOCUS, linewidth=2.2)
    _draw_edges(ax, graph, boxes)
    _draw_legend(ax, kept)
    return ax


def _size_in_points(ax: Axes) -> tuple[float, float]:
    """Return the size of the drawing area in points, which become the data units."""
    figure = ax.get_figure(root=True)
    if figure is None:
        msg = "ax belongs to no figure. Make it with matplotlib.pyplot.subplots()."
        raise ValueError(msg)
    figure.draw_without_rendering()
    box = ax.get_window_extent()
    scale = 72 / figure.dpi
    return box.width * scale, box.height * scale - _LEGEND_HEIGHT


def _box_size(name: str, font_size: float) -> tuple[float, float]:
    extent = TextPath((0, 0), name, size=font_size).get_extents()
    return extent.width + font_size + _PADDING, 2 * font_size + _PADDING


def _font_size(names: list[str], area: float) -> float:
    """Return the largest size, 4 to 9 points, at which boxes cover at most a third of the area."""
    covered = sum(np.prod(_box_size(name, 9.0)) for name in names)
    return float(np.clip(9.0 * np.sqrt(area / 3 / covered), 4.0, 9.0))


def _layout(graph: nx.DiGraph) -> np.ndarray:
    """Return Kamada-Kawai positions (n_nodes, 2) in the unit square, with components close."""
    undirected = graph.to_undirected()
    apart = 1.0 + np.sqrt(len(graph)) / 2.5
    distances = {node: dict.fromkeys(graph, apart) for node in graph}
    for node, reached in nx.shortest_path_length(undirected):
        distances[node] |= {other: min(hops, apart) for other, hops in reached.items()}
    found = nx.kamada_kawai_layout(undirected, dist=distances)
    positions = np.array([found[node] for node in graph])
    low, high = positions.min(axis=0), positions.max(axis=0)
    unit: np.ndarray = (positions - low) / np.maximum(high - low, 1e-9)
    return unit


def _edges_of(edges: pd.DataFrame, gene: str) -> pd.DataFrame:
    own = edges[(edges["source"] == gene) | (edges["target"] == gene)]
    if own.empty:
        names = {*edges["source"], *edges["target"]}
        msg = f"no edge of {gene!r} is in the table. {did_you_mean(gene, names)}"
        raise InputError(msg)
    return own


def _layout_around(graph: nx.DiGraph, centre: str) -> np.ndarray:
    """Return positions (n_nodes, 2) in the unit square: a gene, and rings of its neighbours."""
    regulators = list(graph.predecessors(centre))
    targets = [name for name in graph.successors(centre) if name not in regulators]
    # Angles are in units of π. Each of the two arcs is as wide as its share of the neighbours.
    share = len(targets) / (len(targets) + len(regulators))
    width = 1.75 * float(np.clip(share, 0.35, 0.65))
    found = {centre: np.array([0.5, 0.5])}
    for names, middle, arc in ((targets, 0.0, width), (regulators, 1.0, 1.75 - width)):
        arc = 2.0 if len(names) == len(graph) - 1 else arc
        for place, name in enumerate(names):
            # If there are many neighbours, every other one is drawn closer to the centre.
            near = len(names) > _RING * arc / 2 and place % 2
            turn = np.pi * (middle + arc * ((place + 0.5) / len(names) - 0.5))
            radius = 0.3 if near else 0.5
            found[name] = 0.5 + radius * np.array([np.cos(turn), np.sin(turn)])
    return np.array([found[name] for name in graph])


def _separate(unit: np.ndarray, sizes: np.ndarray, area: np.ndarray) -> np.ndarray:
    """Spread positions over the area and push boxes apart until none overlap."""
    low, high = sizes / 2, area - sizes / 2
    positions = low + unit * (high - low)
    needed = (sizes[:, None] + sizes[None]) / 2
    # Direction in which two boxes move apart that lie exactly on each other.
    order = np.sign(np.subtract.outer(np.arange(len(unit)), np.arange(len(unit))))[..., None]
    for _ in range(300):
        offset = positions[:, None] - positions[None]
        overlap = np.clip(needed - np.abs(offset), 0, None)
        overlap[overlap.min(axis=2) == 0] = 0
        np.einsum("iik->ik", overlap)[:] = 0
        if not overlap.any():
            break
        # Both boxes move along the axis of least overlap, each half of the way.
        along = np.arange(2) == overlap.argmin(axis=2)[..., None]
        direction = np.where(offset == 0, order, np.sign(offset))
        positions = np.clip(positions + (direction * overlap * along).sum(axis=1) / 2, low, high)
    return positions


def _draw_genes(
    ax: Axes, graph: nx.DiGraph, positions: np.ndarray, font_size: float
) -> dict[str, FancyBboxPatch]:
    """Draw each gene's box in data units; matplotlib moves the boxes of texts while saving."""
    boxes = {}
    for name, (x, y) in zip(graph, positions, strict=True):
        regulates = graph.out_degree(name) > 0
        width, height = (side - _PADDING for side in _box_size(name, font_size))
        boxes[name] = FancyBboxPatch(
            (x - width / 2, y - height / 2),
            *(width, height),
            boxstyle="round,pad=0,rounding_size=3",
            facecolor=REGULATOR if regulates else TARGET,
            edgecolor=REGULATOR if regulates else "#AAAAAA",
            linewidth=0.6,
            zorder=3,
        )
        ax.add_patch(boxes[name])
        colour = "white" if regulates else "black"
        ax.text(x, y, name, size=font_size, color=colour, ha="center", va="center", zorder=4)
    return boxes


def _draw_edges(ax: Axes, graph: nx.DiGraph, boxes: dict[str, FancyBboxPatch]) -> None:
    strongest = max(importance for *_, importance in graph.edges(data="importance"))
    for source, target, edge in graph.edges(data=True):
        colour, style, _ = _look(edge["weight"])
        both_ways = graph.has_edge(target, source)
        arrow = FancyArrowPatch(
            _centre(boxes[source]),
            _centre(boxes[target]),
            patchA=boxes[source],
            patchB=boxes[target],
            shrinkA=0,
            shrinkB=1.5,
            arrowstyle=style,
            connectionstyle=f"arc3,rad={0.15 if both_ways else 0.0}",
            mutation_scale=9,
            linewidth=0.6 + 1.9 * edge["importance"] / strongest if strongest else 1.0,
            color=colour,
            zorder=2,
        )
        ax.add_patch(arrow)


def _centre(box: FancyBboxPatch) -> tuple[float, float]:
    return box.get_x() + box.get_width() / 2, box.get_y() + box.get_height() / 2


def _look(weight: float) -> tuple[str, str, str]:
    """Return colour, arrowhead and marker of an edge."""
    if weight > 0:
        return ACTIVATION, "-|>,head_length=0.6,head_width=0.28", ">"
    if weight < 0:
        return REPRESSION, "-[,widthB=0.45,lengthB=0", "|"
    return UNSIGNED, "-", ""


def _draw_legend(ax: Axes, edges: pd.DataFrame) -> None:
    handles: list[Line2D | Patch] = []
    for sign, label in ((1, "activation"), (-1, "repression"), (0, "unsigned")):
        if (np.sign(edges["weight"]) == sign).any():
            colour, _, marker = _look(sign)
            line = Line2D([], [], color=colour, marker=marker, markevery=[1], label=label)
            line.set(markersize=7, markeredgewidth=1.8 if sign < 0 else 0)
            handles.append(line)
    handles.append(Patch(facecolor=REGULATOR, edgecolor=REGULATOR, label="regulator"))
    if not edges["target"].isin(edges["source"]).all():
        handles.append(Patch(facecolor=TARGET, edgecolor="#AAAAAA", label="target only"))
    ax.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False, fontsize=9)
