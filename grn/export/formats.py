"""Writes networks for other tools: SCENIC adjacencies, GMT regulons, GraphML."""

import re
from pathlib import Path

import networkx as nx
import pandas as pd

from grn.export.check import check_names
from grn.export.tables import best, write_table
from grn.files import replacing


def write_adjacencies(edges: pd.DataFrame, path: str | Path, top: int | None = None) -> None:
    """Write the edges as `TF, target, importance`, which `pyscenic ctx` reads.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    path
        File to write, as `grn.export.write_edges` does: `.tsv`, `.tsv.gz` or `.parquet`.
    top
        Number of edges to keep; None keeps all.
    """
    table = best(edges, top)[["source", "target", "importance"]]
    write_table(table.rename(columns={"source": "TF"}), path)


def write_regulons(edges: pd.DataFrame, path: str | Path, top: int = 50) -> None:
    """Write each TF's activated and repressed targets as gene sets (GMT).

    Sets are called as SCENIC calls them, `SOX2(+)` and `SOX2(-)`, sorted by name. A set holds the
    `top` targets of that sign by importance, best first; 50 is one of SCENIC's module sizes.
    Edges of weight 0 are in no set, and a set without targets is not written. The second field
    describes the set in one word, since some readers, decoupler's among them, part the line at
    every blank. GMT has no quotes: a tab or line break in a name, of whatever kind, is
    written as `_`.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    path
        File to write.
    top
        Largest number of targets of a set.
    """
    _check(edges)
    edges = edges[edges["weight"] != 0]
    signs = edges["weight"].gt(0).map({True: "(+)", False: "(-)"})
    # Each name once: of millions of edges, the pattern would take a tenth of a whole run.
    written = {
        column: edges[column].map({name: _field(name) for name in edges[column].unique()})
        for column in ("source", "target")
    }
    edges = edges.assign(**written)
    names = edges["source"] + signs
    best = edges.groupby(names.rename("regulon"), sort=False).head(top)
    sets = best["target"].groupby(names.rename("regulon"), sort=True).agg("\t".join)
    described = {"(+)": "activated_by", "(-)": "repressed_by"}
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        for name, targets in sets.items():
            tf = name[:-3].replace(" ", "_")
            stream.write(f"{name}\t{described[name[-3:]]}_{tf}\t{targets}\n")


def _check(edges: pd.DataFrame) -> None:
    """Raise an `InputError` where the name of a gene is empty or no file can hold it."""
    for column in ("source", "target"):
        check_names(edges[column].unique())


def _field(name: str) -> str:
    return re.sub(r"[\t\n\v\f\r\x1c-\x1e\x85\u2028\u2029]", "_", name)


def write_graphml(edges: pd.DataFrame, path: str | Path, top: int = 1000) -> None:
    """Write the `top` most important edges, and the genes they join, as a directed graph.

    Viewers such as Cytoscape and Gephi are slow beyond some thousand edges, hence the cut.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    path
        File to write.
    top
        Number of edges to keep.
    """
    with replacing(path) as temporary:
        nx.write_graphml(signed_graph(edges, top), temporary)


def signed_graph(edges: pd.DataFrame, top: int) -> nx.DiGraph:
    """Return the `top` most important edges, and the genes they join, as a directed graph.

    A node says whether it regulates in this graph (`is_regulator`); an edge has `weight`,
    `importance` and `sign` (activation, repression, or unknown at weight 0).

    Parameters
    ----------
    edges
        An edge table, best edge first.
    top
        Number of edges to keep.

    Examples
    --------
    >>> edges = pd.DataFrame({"source": ["A"], "target": ["B"], "weight": [-0.5]})
    >>> signed_graph(edges.assign(importance=0.5), 1).edges["A", "B"]["sign"]
    'repression'
    """
    graph = nx.DiGraph()
    kept = best(edges, top)
    _check(kept)
    for gene in sorted(set(kept["source"]) | set(kept["target"])):
        graph.add_node(gene, is_regulator=False)
    for gene in kept["source"]:
        graph.nodes[gene]["is_regulator"] = True
    columns = (kept[column] for column in ("source", "target", "weight", "importance"))
    for source, target, weight, importance in zip(*columns, strict=True):
        sign = "activation" if weight > 0 else "repression" if weight < 0 else "unknown"
        graph.add_edge(
            source, target, weight=float(weight), importance=float(importance), sign=sign
        )
    return graph
