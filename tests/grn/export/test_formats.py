from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import edge_table
from grn.edges.read import read_edges
from grn.errors import InputError
from grn.export.formats import write_adjacencies, write_graphml, write_regulons

EDGES = pd.DataFrame(
    [
        *[("B", "C", -3.0), ("A", "B", 2.5), ("A", "C", 2.0), ("A", "D", -1.5), ("A", "E", 1.0)],
        *[("B", "A", 0.5), ("C", "A", 0.0)],
    ],
    columns=["source", "target", "weight"],
)
EDGES["importance"] = EDGES["weight"].abs()


def test_adjacencies_are_arboretos(tmp_path):
    write_adjacencies(EDGES, tmp_path / "adjacencies.tsv")
    lines = (tmp_path / "adjacencies.tsv").read_text().splitlines()
    assert lines[:2] == ["TF\ttarget\timportance", "B\tC\t3"]
    found = read_edges(tmp_path / "adjacencies.tsv")
    pd.testing.assert_frame_equal(found.drop(columns="weight"), EDGES.drop(columns="weight"))
    for name in ("best.tsv.gz", "best.parquet"):
        write_adjacencies(EDGES, tmp_path / name, top=2)
        best = read_edges(tmp_path / name)
        assert best[["source", "target"]].to_numpy().tolist() == [["B", "C"], ["A", "B"]]


def test_adjacencies_are_read_as_pyscenic_reads_them(tmp_path):
    write_adjacencies(EDGES.replace({"source": {"C": "NA"}}), tmp_path / "adjacencies.tsv")
    # pyscenic.cli.utils.load_adjacencies; the names are the constants of pyscenic.utils. Its
    # releases need a Python older than ours.
    types = {0: str, 1: str, 2: np.float64}
    path = tmp_path / "adjacencies.tsv"
    found = pd.read_csv(path, sep="\t", dtype=types, keep_default_na=False)
    assert found.columns.tolist() == ["TF", "target", "importance"]
    assert found["importance"].dtype == np.float64
    assert found.groupby("TF")["target"].agg(list)["NA"] == ["A"]
    assert found.nlargest(2, "importance")["target"].tolist() == ["C", "B"]


def test_decoupler_reads_regulons_with_activated_and_repressed_targets_apart(tmp_path):
    decoupler = pytest.importorskip("decoupler")
    write_regulons(EDGES, tmp_path / "regulons.gmt")
    net = decoupler.pp.read_gmt(tmp_path / "regulons.gmt")
    assert net.groupby("source")["target"].agg(set).to_dict() == {
        "A(+)": {"B", "C", "E"},
        "A(-)": {"D"},
        "B(+)": {"A"},
        "B(-)": {"C"},
    }


def test_decoupler_takes_the_edges_as_they_are_and_follows_their_signs():
    decoupler = pytest.importorskip("decoupler")
    generator = np.random.default_rng(0)
    genes = [f"g{number}" for number in range(23)]
    weight = generator.normal(size=(2, 23))
    edges = edge_table(weight, np.abs(weight), genes[:2], genes)
    cells = pd.DataFrame(weight[[0, 1, 0]] * [[1], [1], [-1]], ["x", "y", "z"], genes)
    activity, _ = decoupler.mt.ulm(cells, edges, tmin=5)
    assert activity.idxmax(axis=1)[["x", "y"]].tolist() == ["g0", "g1"]
    assert activity.loc["z", "g0"] == pytest.approx(-activity.loc["x", "g0"], rel=1e-3)


def test_regulons_hold_the_best_targets_of_each_tf_and_sign(tmp_path):
    write_regulons(EDGES, tmp_path / "regulons.gmt", top=2)
    assert (tmp_path / "regulons.gmt").read_text().splitlines() == [
        "A(+)\tactivated_by_A\tB\tC",
        "A(-)\trepressed_by_A\tD",
        "B(+)\tactivated_by_B\tA",
        "B(-)\trepressed_by_B\tC",
    ]


def test_no_field_of_a_regulon_but_a_name_with_blanks_is_parted_by_readers(tmp_path):
    names = {"A": "T cell\t1", "B": 'B"', "C": "c\nd"}
    write_regulons(EDGES.replace({"source": names, "target": names}), tmp_path / "regulons.gmt")
    lines = [line.split("\t") for line in (tmp_path / "regulons.gmt").read_text().splitlines()]
    assert [line[:2] for line in lines] == [
        ['B"(+)', 'activated_by_B"'],
        ['B"(-)', 'repressed_by_B"'],
        ["T cell_1(+)", "activated_by_T_cell_1"],
        ["T cell_1(-)", "repressed_by_T_cell_1"],
    ]
    assert lines[1][2:] == ["c_d"]


def test_regulons_of_a_network_without_any_edge_is_an_empty_file(tmp_path):
    write_regulons(EDGES.assign(weight=0.0), tmp_path / "regulons.gmt")
    assert (tmp_path / "regulons.gmt").read_text() == ""


def test_graphml_holds_the_best_edges(tmp_path):
    write_graphml(EDGES, tmp_path / "network.graphml", top=4)
    graph = nx.read_graphml(tmp_path / "network.graphml")
    assert set(graph.edges) == {("B", "C"), ("A", "B"), ("A", "C"), ("A", "D")}
    assert graph.edges["B", "C"] == {"weight": -3.0, "importance": 3.0, "sign": "repression"}
    assert graph.edges["A", "B"]["sign"] == "activation"
    regulators = nx.get_node_attributes(graph, "is_regulator")
    assert regulators == {"A": True, "B": True, "C": False, "D": False}
    write_graphml(EDGES, tmp_path / "all.graphml")
    assert nx.read_graphml(tmp_path / "all.graphml").edges["C", "A"]["sign"] == "unknown"


def test_graphml_has_only_what_cytoscape_imports(tmp_path):
    write_graphml(EDGES, tmp_path / "network.graphml")
    root = ElementTree.parse(tmp_path / "network.graphml").getroot()
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert tags == {"graphml", "key", "graph", "node", "edge", "data"}
    (graph,) = root.findall("{*}graph")
    assert graph.get("edgedefault") == "directed"
    kinds = {key.get("attr.name"): key.get("attr.type") for key in root.findall("{*}key")}
    assert kinds == {
        "is_regulator": "boolean",
        "weight": "double",
        "importance": "double",
        "sign": "string",
    }


def test_the_same_table_gives_the_same_bytes(tmp_path):
    weight = np.random.default_rng(0).normal(size=(7, 29))
    genes = [f"g{i}" for i in range(29)]
    edges = edge_table(weight, np.abs(weight), genes[:7], genes)
    for write in (write_adjacencies, write_regulons, write_graphml):
        write(edges, tmp_path / "one")
        write(edges, tmp_path / "two")
        assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("write", [write_adjacencies, write_regulons, write_graphml])
@pytest.mark.parametrize("name", ["", " ", "nul\0", "\x1b[2J", "\x0b", "\ud800", "\uffff"])
def test_names_that_no_file_can_hold_are_refused_before_writing(write, name, tmp_path):
    edges = EDGES.replace({"source": {"B": name}})
    with pytest.raises(InputError, match=r"The name of gene|The gene name"):
        write(edges, tmp_path / "network")
    assert not (tmp_path / "network").exists()


def test_no_kind_of_line_break_in_a_name_splits_a_gene_set(tmp_path):
    names = {"B": "b\u2028reak", "C": "c\x85", "D": "d\te", "E": "</x>"}
    write_regulons(EDGES.replace({"target": names}), tmp_path / "regulons.gmt")
    lines = (tmp_path / "regulons.gmt").read_text(encoding="utf-8").splitlines()
    assert lines[0].split("\t") == ["A(+)", "activated_by_A", "b_reak", "c_", "</x>"]
    assert len(lines) == 4


def test_a_graph_keeps_names_that_look_like_xml(tmp_path):
    names = {"A": '<script>"&', "B": "]]>"}
    write_graphml(EDGES.replace({"source": names, "target": names}), tmp_path / "g.graphml")
    assert set(nx.read_graphml(tmp_path / "g.graphml").nodes) == {*names.values(), "C", "D", "E"}
