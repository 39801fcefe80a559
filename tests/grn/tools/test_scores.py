import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy import stats

from grn.tools import scores
from grn.tools.scores import n_highest, score_cells

N_CELLS, N_GENES = 13, 23
GENES = [f"g{i}" for i in range(N_GENES)]
EDGES = pd.DataFrame(
    {
        "source": ["a"] * 7 + ["b"] * 5,
        "target": GENES[:7] + GENES[5:10],
        "weight": [2.0, -1.0, 0.5, 3.0, -2.0, 1.0, 1.0, -1.0, -2.0, -0.5, -1.0, -3.0],
    }
)


@pytest.fixture
def cells():
    rng = np.random.default_rng(0)
    values = rng.gamma(1.0, size=(N_CELLS, N_GENES)) * rng.integers(0, 2, (N_CELLS, N_GENES))
    values[3] = 0.0
    return anndata.AnnData(sp.csr_matrix(values), var=pd.DataFrame(index=GENES))


def test_ulm_is_the_t_value_of_the_slope(cells):
    found = score_cells(cells, EDGES, n_up=None)
    p_values = np.ones((N_CELLS, 2))
    for column, tf in enumerate("ab"):
        own = EDGES[EDGES["source"] == tf].set_index("target")["weight"]
        weight = own.reindex(GENES, fill_value=0.0).to_numpy()
        for row in range(N_CELLS):
            if row == 3:
                continue
            fit = stats.linregress(weight, cells.X[row].toarray().ravel())
            assert found[""].iloc[row][tf] == pytest.approx(fit.slope / fit.stderr)
            p_values[row, column] = fit.pvalue
    adjusted = stats.false_discovery_control(p_values, axis=1)
    np.testing.assert_allclose(found["_padj"][["a", "b"]], adjusted)


def test_a_cell_without_counts_is_neither_active_nor_significant(cells):
    found = score_cells(cells, EDGES, n_up=None)
    assert (found[""].iloc[3] == 0).all()
    assert (found["_padj"].iloc[3] == 1).all()
    assert (score_cells(cells, EDGES, n_up=5)[""].iloc[3] == 0).all()


@pytest.mark.parametrize("n_up", [None, 9])
def test_blocks_change_nothing(cells, monkeypatch, n_up):
    whole = score_cells(cells, EDGES, n_up=n_up)
    monkeypatch.setattr(scores, "_VALUES_PER_BLOCK", 4 * N_GENES)
    parts = score_cells(cells, EDGES, n_up=n_up)
    for key, table in whole.items():
        pd.testing.assert_frame_equal(parts[key], table)


def test_aucell_is_1_where_activated_genes_lead_and_minus_1_where_repressed_ones_do():
    values = np.zeros((2, N_GENES))
    values[0, [0, 2, 3, 5, 6]] = [9.0, 8.0, 7.0, 6.0, 5.0]
    values[0, 10:] = np.linspace(1.0, 2.0, 13)
    values[1, [1, 4]] = [9.0, 8.0]
    values[1, 10:] = np.linspace(1.0, 2.0, 13)
    cells = anndata.AnnData(values, var=pd.DataFrame(index=GENES))
    found = score_cells(cells, EDGES, n_up=10)[""]
    assert found["a"].tolist() == pytest.approx([1.0, -1.0])
    assert "_padj" not in score_cells(cells, EDGES, n_up=10)


def test_aucell_ranks_as_many_genes_as_most_cells_show():
    values = np.zeros((8, 100))
    for row, seen in enumerate([20, 30, 40, 50, 60, 70, 80, 90]):
        values[row, :seen] = 1.0
    assert n_highest(values) == int(np.quantile([20, 30, 40, 50, 60, 70, 80, 90], 0.25))
    assert n_highest(sp.csr_matrix(values)) == n_highest(values)
    assert n_highest(np.zeros((8, 100))) == 5
