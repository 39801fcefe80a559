import matplotlib.pyplot as plt
import numpy as np
import pytest

from grn.edges.matrix import adjacency, edge_table
from grn.plotting.attention import attention

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


GENES = [f"g{i}" for i in range(23)]
WEIGHT = np.random.default_rng(0).normal(size=(7, 23))
EDGES = edge_table(WEIGHT, np.abs(WEIGHT), GENES[:7], GENES)


def names(ax):
    return (
        [label.get_text() for label in ax.get_yticklabels()],
        [label.get_text() for label in ax.get_xticklabels()],
    )


def test_each_cell_shows_the_weight_of_its_row_and_column():
    ax = attention(EDGES)
    tfs, genes = names(ax)
    assert sorted(tfs) == sorted(GENES[:7])
    assert sorted(genes) == sorted(GENES)
    shown = ax.images[0].get_array()
    itself = np.equal.outer(tfs, genes)
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), itself)
    np.testing.assert_allclose(shown.data[~itself], adjacency(EDGES, tfs, genes)[~itself])
    low, high = ax.images[0].get_clim()
    assert low == -high < 0


def test_only_the_most_important_rows_and_columns_are_shown():
    tfs, genes = names(attention(EDGES, n_tfs=2, n_genes=5))
    total = EDGES.groupby("source")["importance"].sum().nlargest(2)
    assert set(tfs) == set(total.index)
    among = EDGES[EDGES["source"].isin(tfs)].groupby("target")["importance"].sum().nlargest(5)
    assert set(genes) == set(among.index)


def test_rows_alike_come_together():
    pattern = np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    genes = ["a", "b", "c", "d", "e", "f", *(f"t{i}" for i in range(6))]
    weight = np.zeros((6, 12))
    weight[:3, 6:], weight[3:, 6:] = pattern, -pattern
    mixed = np.array([0, 3, 1, 4, 2, 5])
    edges = edge_table(weight[mixed], np.abs(weight[mixed]), [genes[i] for i in mixed], genes)
    tfs, _ = names(attention(edges, n_genes=6))
    assert {frozenset(tfs[:3]), frozenset(tfs[3:])} == {frozenset("abc"), frozenset("def")}


def test_given_axes_are_used_and_a_flat_matrix_is_drawn():
    _, ax = plt.subplots()
    assert attention(EDGES.assign(weight=0.0), ax=ax) is ax
    assert ax.images[0].get_clim() == (-1, 1)
