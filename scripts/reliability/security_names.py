"""Hostile names, written into every kind of file that a result has and read from there again."""

import json
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

NAMES = (
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)", "<!--", "]]>", "&lt;b&gt;", "{{ 7 * 7 }}", "{% raw %}", "${7*7}",
    "=1+1", "=HYPERLINK(\"http://x\")", "+1", "-1", "@SUM(A1)", "|calc", "$x^{2}$", "%s%n", "\\",
    "../../out", "/etc/passwd", "..", ".", "CON", "a/b", "C:\\out", "~", "name with blanks", "-rf",
    "tab\tinside", "line\nbreak", "carriage\rreturn", 'quote"inside', "x" * 5000, "a\x85b",
    "c\u2028d", "\u202egnp.exe", "NA", "null", "1e5", "#", "[link](javascript:alert(1))", "`code`",
)  # fmt: skip
UNWRITABLE = ("\0", "nul\0inside", "\x01", "\x1b[2J", "\x0b", "\x0c", "\x1c", "\ud800", "\uffff")
_PLAIN = tuple(f"G{number:03d}" for number in range(len(NAMES)))


def tried(folder: Path) -> Iterator[tuple[str, bool]]:
    """Yield what was tried and whether names stayed names."""
    folder.mkdir()
    inside = folder / "inside"
    inside.mkdir()
    edges = _edges(NAMES)
    kinds = {
        "edges.tsv": _table_keeps,
        "edges.tsv.gz": _table_keeps,
        "edges.parquet": _table_keeps,
        "adjacencies.tsv": _adjacencies_keep,
        "regulons.gmt": _regulons_keep,
        "network.graphml": _graphml_keeps,
        "network.cx2": _cx2_keeps,
        "network.h5ad": _h5ad_keeps,
        "report.html": _report_keeps,
    }
    for kind, keeps in kinds.items():
        kept = keeps(edges, inside / kind)
        for name in NAMES:
            yield f"{name[:30]!r} in {kind}", name in kept
    yield from _unwritable(inside)
    yield "nothing beside the folder", [path.name for path in folder.iterdir()] == ["inside"]
    yield from _paths(inside)


def _edges(names: tuple[str, ...]) -> pd.DataFrame:
    """Return a ring of edges: every name is a source once and a target once."""
    importance = [1 - number / len(names) for number in range(len(names))]
    return pd.DataFrame(
        {
            "source": list(names),
            "target": [*names[1:], names[0]],
            "weight": [value * (-1) ** i for i, value in enumerate(importance)],
            "importance": importance,
        }
    )


def _table_keeps(edges: pd.DataFrame, path: Path) -> set[str]:
    import grn
    from grn.export import write_edges

    write_edges(edges, path)
    read = grn.read_edges(path)
    assert len(read) == len(edges)
    return set(read["source"]) & set(read["target"])


def _adjacencies_keep(edges: pd.DataFrame, path: Path) -> set[str]:
    import grn
    from grn.export import write_adjacencies

    write_adjacencies(edges, path)
    read = grn.read_edges(path)
    return set(read["source"]) & set(read["target"])


def _regulons_keep(edges: pd.DataFrame, path: Path) -> set[str]:
    """Count the sets, since GMT has no quotes: one line of three fields for each source."""
    from grn.export import write_regulons

    write_regulons(edges, path)
    lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len(edges)
    targets = dict(zip(edges["target"], edges["source"], strict=True))
    written = {tuple(line[2:]) for line in lines if len(line) == 3}
    return set(targets) if len(written) == len(edges) else set()


def _graphml_keeps(edges: pd.DataFrame, path: Path) -> set[str]:
    import networkx as nx

    from grn.export import write_graphml

    write_graphml(edges, path)
    tags = Counter(node.tag.rpartition("}")[2] for node in ET.parse(path).getroot().iter())
    assert tags["node"] == tags["edge"] == len(edges)
    assert set(tags) == {"graphml", "key", "graph", "node", "edge", "data"}
    return set(nx.read_graphml(path).nodes)


def _cx2_keeps(edges: pd.DataFrame, path: Path) -> set[str]:
    from grn.export.cx2 import write_cx2

    write_cx2(edges, path)
    parts = json.loads(path.read_text(encoding="utf-8"))
    nodes = next(part["nodes"] for part in parts if "nodes" in part)
    return {node["v"]["name"] for node in nodes}


def _h5ad_keeps(edges: pd.DataFrame, path: Path) -> set[str]:
    """Keep genes, and groups as keys of `varp`, with another sign for a slash."""
    import anndata
    import numpy as np

    from grn.export.network import write_network

    adata = anndata.AnnData(np.ones((3, len(edges)), "float32"))
    adata.var_names = list(edges["source"])
    by_group = pd.concat([edges.head(2).assign(group=name) for name in NAMES])
    write_network(edges, adata, path, {"data": NAMES[0]}, by_group)
    read = anndata.read_h5ad(path)
    assert len(read.varp) == 1 + len(NAMES)
    return set(read.var_names)


class _Tags(HTMLParser):
    """Counts tags with their attributes' names, and keeps the payload of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: Counter[tuple[str, ...]] = Counter()
        self.payload = ""
        self._in_payload = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag, *(name for name, _ in attrs)] += 1
        self._in_payload = ("id", "payload") in attrs

    def handle_data(self, data: str) -> None:
        if self._in_payload:
            self.payload += data
            self._in_payload = False


def _report_keeps(edges: pd.DataFrame, path: Path) -> set[str]:
    """Compare the tags of the page with those of plain names, and its data with the names."""
    hostile = _report(edges, path.with_name("run"), NAMES)
    plain = _report(_edges(_PLAIN), path.with_name("plain"), _PLAIN)
    assert hostile.tags == plain.tags, hostile.tags - plain.tags
    payload = json.loads(hostile.payload)
    assert set(NAMES) <= set(payload["groups"])
    return set(payload["genes"])


def _report(edges: pd.DataFrame, folder: Path, names: tuple[str, ...]) -> _Tags:
    from grn.export import write_edges
    from grn.export.edges import write_edges_by_group
    from grn.report import write_report

    folder.mkdir()
    write_edges(edges, folder / "edges.tsv")
    groups = pd.concat([edges.head(2).assign(group=name) for name in names])
    write_edges_by_group(groups[["group", *edges.columns]], folder / "edges_by_group.tsv")
    everywhere = " ".join(names)
    record = {
        "data": everywhere, "regime": everywhere, "groupby": everywhere, "checkpoint": everywhere,
        "versions": {everywhere: everywhere},
        "tf_names": {"counts": {"unmatched": 3}, "examples": {"unmatched": list(names)}},
        "preprocessing": {"n_cells": 3, "input": everywhere, "steps": {everywhere: {}}},
        "evaluation": {"auprc_ratio": 1, "controls": {name: {"auprc_ratio": 2} for name in names}},
        "groups": {name: {"n_cells": 3} for name in names},
    }  # fmt: skip
    (folder / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    (folder / "config.yaml").write_text(everywhere, encoding="utf-8")
    parser = _Tags()
    parser.feed(write_report(folder).read_text(encoding="utf-8"))
    return parser


def _unwritable(folder: Path) -> Iterator[tuple[str, bool]]:
    """Names that no file can hold are refused before anything is written."""
    from grn.errors import InputError
    from grn.export import write_adjacencies, write_edges, write_graphml, write_regulons
    from grn.export.cx2 import write_cx2

    writers: dict[str, Callable[[pd.DataFrame, Path], object]] = {
        "edges.tsv": write_edges,
        "adjacencies.tsv": write_adjacencies,
        "graphml": write_graphml,
        "gmt": write_regulons,
        "cx2": write_cx2,
    }
    for kind, write in writers.items():
        for name in UNWRITABLE:
            path = folder / f"unwritable.{kind}"
            try:
                write(_edges((name, "A", "B")), path)
                ended = False
            except InputError:
                ended = True
            yield f"{name!r} in {kind}", ended and not path.exists()


def _paths(folder: Path) -> Iterator[tuple[str, bool]]:
    """Names of data sets, layers and files that lead elsewhere, or that no file can have."""
    import grn
    from grn.data.datasets.load import load_dataset
    from grn.data.datasets.tf_lists import read_tf_list
    from grn.errors import InputError
    from grn.inference.prior import read_prior
    from grn.report import write_report
    from grn.runs.folder import check_folder

    cells = folder / "network.h5ad"
    calls: dict[str, Callable[[str], object]] = {
        "read_cells": grn.read_cells,
        "layer": lambda name: grn.read_cells(cells, layer=name),
        "gene_column": lambda name: grn.read_cells(cells, gene_column=name),
        "data set": lambda name: load_dataset("beeline", name),
        "collection": lambda name: load_dataset(name, "mDC"),
        "read_edges": grn.read_edges,
        "read_truth": grn.read_truth,
        "read_aliases": grn.read_aliases,
        "read_tf_list": read_tf_list,
        "read_prior": lambda name: read_prior(name, ["A"]),
        "checkpoint": lambda name: grn.SphericalGRN.load(name, grn.simulate()),
        "report": write_report,
        "output": lambda name: check_folder(folder / f"{name}\0", overwrite=False),
    }
    for what, call in calls.items():
        for name in ("../../no/such", "a\0b", "x" * 5000, "/proc/self/mem/x", "\ud800"):
            try:
                call(name)
                ended = False
            except InputError:
                ended = True
            except Exception as error:  # noqa: BLE001 - any other error is what is looked for
                ended = False
                print(f"{what}: {type(error).__name__}: {error}"[:200])
            yield f"{name[:20]!r} as {what}", ended
