import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import adjacency, degrees, edge_table, locate
from grn.edges.read import read_edges
from grn.errors import InputError

GENES = ["g1", "A", "B", "g0"]
TFS = ["B", "A"]
WEIGHT = np.array([[0.5, -2.0, 9.0, 0.0], [0.0, 9.0, 3.0, -0.5]])


def test_edge_table_is_complete_but_self_and_best_first():
    edges = edge_table(WEIGHT, np.abs(WEIGHT), TFS, GENES)
    assert edges[["source", "target", "weight"]].to_numpy().tolist() == [
        ["A", "B", 3.0],
        ["B", "A", -2.0],
        ["A", "g0", -0.5],
        ["B", "g1", 0.5],
        ["A", "g1", 0.0],
        ["B", "g0", 0.0],
    ]
    assert edges["importance"].tolist() == [3.0, 2.0, 0.5, 0.5, 0.0, 0.0]


def test_edge_table_carries_columns_per_target_per_regulator_and_per_pair():
    per_target, per_tf = np.arange(4.0), np.array([[10.0], [20.0]])
    edges = edge_table(
        WEIGHT, np.abs(WEIGHT), TFS, GENES, norm=per_target, n=per_tf, twice=2 * WEIGHT
    )
    assert list(edges.columns[4:]) == ["norm", "n", "twice"]
    assert edges["norm"].tolist() == [GENES.index(target) for target in edges["target"]]
    assert edges["n"].tolist() == [10.0 if source == "B" else 20.0 for source in edges["source"]]
    assert edges["twice"].tolist() == (2 * edges["weight"]).tolist()


def test_edge_table_does_not_depend_on_gene_order():
    rng = np.random.default_rng(0)
    genes = [f"g{i}" for i in range(13)]
    weight = rng.integers(-2, 3, (5, 13)).astype(float)
    expected = edge_table(weight, np.abs(weight), genes[:5], genes)
    rows, columns = rng.permutation(5), rng.permutation(13)
    shuffled = weight[np.ix_(rows, columns)]
    names = [genes[i] for i in rows], [genes[j] for j in columns]
    pd.testing.assert_frame_equal(edge_table(shuffled, np.abs(shuffled), *names), expected)
    pd.testing.assert_frame_equal(read_edges(expected.sample(frac=1, random_state=1)), expected)


def test_edge_table_refuses_wrong_shapes_and_nan():
    with pytest.raises(ValueError, match="weight"):
        edge_table(WEIGHT.T, np.abs(WEIGHT), TFS, GENES)
    broken = WEIGHT.copy()
    broken[0, 0] = np.nan
    with pytest.raises(ValueError, match="importance: got \\(2, 4\\), 7 numbers finite"):
        edge_table(WEIGHT, broken, TFS, GENES)


def test_adjacency_inverts_edge_table_and_fills_unlisted_pairs():
    edges = edge_table(WEIGHT, np.abs(WEIGHT), TFS, GENES)
    matrix = adjacency(edges, TFS, GENES, fill=9.0)
    np.testing.assert_array_equal(matrix, WEIGHT)
    other = adjacency(edges.head(1), ["X", "A"], ["B", "Y"], "importance", fill=-np.inf)
    np.testing.assert_array_equal(other, [[-np.inf, -np.inf], [3.0, -np.inf]])


def test_locate_says_where_names_are_and_refuses_ambiguity():
    assert locate(["B", "X", "g1"], GENES).tolist() == [2, -1, 0]
    assert locate(pd.Index(["B"]), pd.Index(GENES)).tolist() == [2]
    with pytest.raises(InputError, match="'A' occurs twice"):
        locate(["A"], ["A", "B", "A"])


def test_degrees_count_targets_and_regulators():
    edges = pd.DataFrame({"source": ["A", "A", "B"], "target": ["g0", "B", "g0"]})
    out_degree, in_degree = degrees(edges, ["B", "A", "X"], GENES)
    assert out_degree.tolist() == [1, 2, 0]
    assert in_degree.tolist() == [0, 0, 1, 2]
