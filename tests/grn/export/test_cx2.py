import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.export.cx2 import write_cx2
from grn.plotting import style

EDGES = pd.DataFrame(
    [("B", "C", -0.6), ("A", "B", 0.5), ("A", 'µ"D', 0.4), ("C", "A", 0.0)],
    columns=["source", "target", "weight"],
)
EDGES["importance"] = [0.9, 0.8, 0.7, 0.6]
KINDS = {"string": str, "double": float, "boolean": bool, "integer": int}


@pytest.fixture
def aspects(tmp_path: Path) -> dict[str, Any]:
    pytest.importorskip("ndex2")
    write_cx2(EDGES, tmp_path / "network.cx2", top=4)
    parts = json.loads((tmp_path / "network.cx2").read_text(encoding="utf-8"))
    return {name: value for part in parts for name, value in part.items()}


def test_the_package_of_ndex_reads_it(tmp_path: Path) -> None:
    cx2 = pytest.importorskip("ndex2.cx2")
    write_cx2(EDGES, tmp_path / "network.cx2", top=3)
    found = cx2.RawCX2NetworkFactory().get_cx2network(str(tmp_path / "network.cx2"))
    names = {number: node["v"]["name"] for number, node in found.get_nodes().items()}
    edges = {(names[one["s"]], names[one["t"]]): one["v"] for one in found.get_edges().values()}
    assert set(edges) == {("B", "C"), ("A", "B"), ("A", 'µ"D')}
    assert edges["B", "C"] == {"weight": -0.6, "importance": 0.9, "sign": "repression"}
    regulators = {
        node["v"]["name"]: node["v"]["is_regulator"] for node in found.get_nodes().values()
    }
    assert regulators == {"A": True, "B": True, "C": False, 'µ"D': False}


def test_order_and_types_are_those_of_the_specification(aspects: dict[str, Any]) -> None:
    names = list(aspects)
    assert names[0] == "CXVersion"
    assert names[-1] == "status"
    assert aspects["status"] == [{"error": "", "success": True}]
    assert names.index("attributeDeclarations") < names.index("nodes") < names.index("edges")
    counts = {one["name"]: one["elementCount"] for one in aspects["metaData"]}
    assert all(len(aspects[name]) == count for name, count in counts.items())
    declared = aspects["attributeDeclarations"][0]
    for kind in ("nodes", "edges"):
        for one in aspects[kind]:
            for name, value in one["v"].items():
                assert isinstance(value, KINDS[declared[kind][name].get("d", "string")]), name


def test_every_sign_has_the_look_of_our_pictures(aspects: dict[str, Any]) -> None:
    look = aspects["visualProperties"][0]
    mapping = look["edgeMapping"]["EDGE_LINE_COLOR"]["definition"]
    colours = {pair["v"]: pair["vp"] for pair in mapping["map"]}
    assert colours == {
        "activation": style.ACTIVATION,
        "repression": style.REPRESSION,
        "unknown": style.UNSIGNED,
    }
    assert {one["v"]["sign"] for one in aspects["edges"]} == set(colours)
    (width,) = look["edgeMapping"]["EDGE_WIDTH"]["definition"]["map"]
    assert (width["min"], width["max"]) == (0.6, 0.9)


def test_no_two_genes_lie_on_each_other(aspects: dict[str, Any]) -> None:
    places = np.array([(node["x"], node["y"]) for node in aspects["nodes"]])
    apart = np.linalg.norm(places[:, None] - places[None], axis=-1)[np.triu_indices(4, 1)]
    assert apart.min() > 24


def test_the_same_table_gives_the_same_bytes(tmp_path: Path) -> None:
    pytest.importorskip("ndex2")
    for name in ("one", "two"):
        write_cx2(EDGES, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_without_the_package_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ndex2.cx2", None)
    with pytest.raises(InputError, match="pip install ndex2"):
        write_cx2(EDGES, tmp_path / "network.cx2")
    assert not (tmp_path / "network.cx2").exists()
