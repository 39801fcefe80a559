"""Writes networks for other tools: SCENIC adjacencies, GMT regulons, GraphML."""

from pathlib import Path

import networkx as nx
import pandas as pd

from grn.files import replacing


def write_adjacencies(edges: pd.DataFrame, path: str | Path) -> None:
    """Write every edge as `TF, target, importance`, tab-separated, which `pyscenic ctx` reads."""
    columns = [edges[column].tolist() for column in ("source", "target", "importance")]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        stream.write("TF\ttarget\timportance\n")
        stream.writelines(map("%s\t%s\t%.6g\n".__mod__, zip(*columns, strict=True)))


def write_regulons(edges: pd.DataFrame, path: str | Path, top: int = 50) -> None:
    """Write each TF's activated and repressed targets as gene sets (GMT).

    Sets are called as SCENIC calls them, `SOX2(+)` and `SOX2(-)`, sorted by name. A set holds the
    `top` targets of that sign by importance, best first; 50 is one of SCENIC's module sizes.
    Edges of weight 0 are in no set, and a set without targets is not written.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    path
        File to write.
    top
        Largest number of targets of a set.
    """
    edges = edges[edges["weight"] != 0]
    signs = edges["weight"].gt(0).map({True: "(+)", False: "(-)"})
    names = edges["source"] + signs
    best = edges.groupby(names.rename("regulon"), sort=False).head(top)
    sets = best["target"].groupby(names.rename("regulon"), sort=True).agg("\t".join)
    described = {"(+)": "activated by", "(-)": "repressed by"}
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        for name, targets in sets.items():
            stream.write(f"{name}\t{described[name[-3:]]} {name[:-3]}\t{targets}\n")


def write_graphml(edges: pd.DataFrame, path: str | Path, top: int = 1000) -> None:
    """Write the `top` most important edges, and the genes they join, as a directed graph.

    A node says whether it regulates in this graph (`is_regulator`); an edge has `weight`,
    `importance` and `sign` (activation, repression, or unknown at weight 0). Viewers such as
    Cytoscape and Gephi are slow beyond some thousand edges, hence the cut.

    Parameters
    ----------
    edges
        An edge table, best edge first.
    path
        File to write.
    top
        Number of edges to keep.
    """
    graph = nx.DiGraph()
    kept = edges.head(top)
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
    with replacing(path) as temporary:
        nx.write_graphml(graph, temporary)
