import numpy as np
import pandas as pd
import pytest
import torch

from grn.readout import read_edges_off, read_map, with_cells, without_self

# Three genes, of which the second and third regulate.
SCORES = torch.tensor([[0.3, -0.4], [9.0, 0.0], [1e-4, 9.0]])
TF_INDEX = np.array([1, 2])


def test_rows_of_targets_lie_on_the_sphere_with_their_signs() -> None:
    found = read_map(SCORES, TF_INDEX)
    expected = [[0.6, 0.0, 1.0], [-0.8, 0.0, 0.0]]
    np.testing.assert_allclose(found.weight, expected, atol=1e-6)
    np.testing.assert_allclose(found.row_norm, [0.5, 0, 1e-4], rtol=1e-5, atol=1e-9)


def test_importance_is_the_weight_times_the_norm_and_self_pairs_are_none() -> None:
    found = read_map(SCORES, TF_INDEX)
    np.testing.assert_allclose(found.importance, [[0.3, 0, 1e-4], [0.4, 0, 0]], rtol=1e-6)
    product = np.abs(found.weight) * found.row_norm
    np.testing.assert_allclose(found.importance, product, rtol=1e-5)
    # The scores are left as they were.
    assert SCORES[1, 0] == 9


def test_edges_are_complete_and_the_best_comes_first() -> None:
    column = np.arange(6.0).reshape(2, 3)
    edges = read_edges_off(SCORES, ["B", "C"], ["A", "B", "C"], extra=column)
    assert edges.columns.tolist() == [
        *("source", "target", "weight", "importance", "row_norm", "extra"),
    ]
    pairs = list(zip(edges["source"], edges["target"], strict=True))
    assert pairs == [("C", "A"), ("B", "A"), ("B", "C"), ("C", "B")]
    assert edges["weight"].tolist() == pytest.approx([-0.8, 0.6, 1.0, 0.0], abs=1e-6)
    assert edges["extra"].tolist() == [3, 0, 2, 4]


def test_a_gene_with_itself_is_no_pair() -> None:
    expected = [[True, False, True], [True, True, False]]
    assert without_self((2, 3), TF_INDEX).tolist() == expected


def test_cells_of_both_genes_are_counted_where_they_are_known() -> None:
    edges = pd.DataFrame(
        {"source": ["a", "a"], "target": ["b", "c"], "row_norm": [1.0, 2.0], "fdr": [0.1, 0.2]}
    )
    var = pd.DataFrame({"n_cells": [7, 5, 3]}, index=["a", "b", "c"])
    counted = with_cells(edges, var)
    columns = ["source", "target", "row_norm", "n_cells_source", "n_cells_target", "fdr"]
    assert counted.columns.tolist() == columns
    assert counted["n_cells_source"].tolist() == [7, 7]
    assert counted["n_cells_target"].tolist() == [5, 3]
    assert with_cells(edges, var[[]]) is edges
