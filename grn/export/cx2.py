"""Writes networks as CX2, the format of Cytoscape and NDEx, with colours and positions."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from grn.errors import InputError
from grn.export.formats import signed_graph
from grn.files import replacing

if TYPE_CHECKING:
    import networkx as nx

# Look of an edge by its sign: the colours of `grn.plotting.style`, and Cytoscape's arrowheads.
_COLOURS = {"activation": "#D55E00", "repression": "#0072B2", "unknown": "#666666"}
_ARROWS = {"activation": "triangle", "repression": "tee", "unknown": "none"}
_BOXES = {True: "#333333", False: "#F0F0F0"}  # regulators, and genes that are only targets
_LABELS = {True: "#FFFFFF", False: "#000000"}
_WIDTHS = (1.0, 6.0)  # of the least and the most important edge; chosen by eye
_SPACE = 90.0  # between neighbouring boxes, which are 60 wide; chosen by eye


def write_cx2(edges: pd.DataFrame, path: str | Path, top: int = 1000) -> None:
    """Write the `top` most important edges as CX2 with a layout and the colours of our pictures.

    Cytoscape (File > Import > Network from File) and NDEx show it as it is meant: activation in
    orange with an arrow, repression in blue with a bar, the width by importance, regulators as
    dark boxes. Nodes have `name` and `is_regulator`; edges `weight`, `importance` and `sign`.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    path
        File to write.
    top
        Number of edges to keep.

    Raises
    ------
    InputError
        The package `ndex2` is not installed, or `top` is less than 1.
    """
    try:
        from ndex2.cx2 import CX2Network
    except ImportError as error:
        msg = (
            "CX2 needs the package ndex2, which is not installed. Install it (pip install ndex2), "
            "or give Cytoscape network.graphml."
        )
        raise InputError(msg) from error
    import networkx as nx

    graph = signed_graph(edges, top)
    found = CX2Network()
    found.set_name("Gene regulatory network (spherical-grn)")
    spread = _SPACE * len(graph) ** 0.5 / 2
    positions = nx.spring_layout(graph, seed=0, scale=spread)
    numbers = {
        gene: found.add_node(
            attributes={"name": gene, **graph.nodes[gene]}, x=float(x), y=float(y)
        )
        for gene, (x, y) in positions.items()
    }
    for source, target, values in graph.edges(data=True):
        found.add_edge(source=numbers[source], target=numbers[target], attributes=values)
    found.set_visual_properties(_look(graph))
    found.add_opaque_aspect(
        {"visualEditorProperties": [{"properties": {"arrowColorMatchesEdge": True}}]}
    )
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(found.to_cx2(), allow_nan=False), encoding="utf-8")


def _look(graph: "nx.DiGraph") -> dict[str, Any]:
    """Return the style, in the terms of the specification of CX2."""
    importances = [value for *_, value in graph.edges(data="importance")]
    return {
        "default": {
            "network": {"NETWORK_BACKGROUND_COLOR": "#FFFFFF"},
            "node": {
                "NODE_SHAPE": "round-rectangle",
                "NODE_WIDTH": 60.0,
                "NODE_HEIGHT": 24.0,
                "NODE_BORDER_WIDTH": 1.0,
                "NODE_BORDER_COLOR": "#333333",
                "NODE_LABEL_FONT_SIZE": 12,
            },
            "edge": {"EDGE_OPACITY": 0.8},
        },
        "nodeMapping": {
            "NODE_LABEL": {
                "type": "PASSTHROUGH",
                "definition": {"attribute": "name", "type": "string"},
            },
            "NODE_BACKGROUND_COLOR": _by_value("is_regulator", "boolean", _BOXES),
            "NODE_LABEL_COLOR": _by_value("is_regulator", "boolean", _LABELS),
        },
        "edgeMapping": {
            "EDGE_LINE_COLOR": _by_value("sign", "string", _COLOURS),
            "EDGE_TARGET_ARROW_COLOR": _by_value("sign", "string", _COLOURS),
            "EDGE_TARGET_ARROW_SHAPE": _by_value("sign", "string", _ARROWS),
            "EDGE_WIDTH": _by_size("importance", min(importances), max(importances)),
        },
    }


def _by_value(attribute: str, kind: str, looks: dict[Any, str]) -> dict[str, Any]:
    pairs = [{"v": value, "vp": look} for value, look in looks.items()]
    return {"type": "DISCRETE", "definition": {"attribute": attribute, "type": kind, "map": pairs}}


def _by_size(attribute: str, least: float, most: float) -> dict[str, Any]:
    thin, thick = _WIDTHS
    scale = {
        "min": least,
        "max": most if most > least else least + 1.0,
        "minVPValue": thin,
        "maxVPValue": thick,
        "includeMin": True,
        "includeMax": True,
    }
    definition = {"attribute": attribute, "type": "double", "map": [scale]}
    return {"type": "CONTINUOUS", "definition": definition}
