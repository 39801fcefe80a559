import numpy as np
import pytest
import torch

from grn.readout import read_edges_off, read_map, without_self

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
