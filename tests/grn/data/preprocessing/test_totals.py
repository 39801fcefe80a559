import anndata
import numpy as np
import pytest

from grn.data.preprocessing.totals import find_totals
from tests.helpers import cells_of

RNG = np.random.default_rng(0)
COUNTS = RNG.poisson(RNG.lognormal(0, 0.5, (50, 1)) * RNG.lognormal(1, 1, 60)).astype(np.float32)
ALL = np.ones(50, bool)


def part(n_genes: int = 15) -> anndata.AnnData:
    return cells_of(COUNTS[:, :n_genes])


def found(adata: anndata.AnnData) -> tuple[str, np.ndarray] | None:
    return find_totals(adata, np.asarray(adata.X.sum(axis=1)), ALL)


@pytest.mark.parametrize("column", ["total_counts", "n_counts", "nCount_RNA", "nUMI"])
def test_totals_of_a_column(column, caplog):
    adata = part()
    adata.obs[column] = COUNTS.sum(axis=1)
    name, totals = found(adata)
    assert name == f"obs['{column}']"
    np.testing.assert_array_equal(totals, COUNTS.sum(axis=1))
    assert "so only some of the genes" in caplog.text


def test_totals_of_raw_counts():
    adata = part()
    adata.raw = cells_of(COUNTS)
    name, totals = found(adata)
    assert name == "raw"
    np.testing.assert_array_equal(totals, COUNTS.sum(axis=1))


def test_totals_of_other_cells_or_of_the_same_genes_are_left(caplog):
    adata = part()
    own = adata.X.sum(axis=1)
    for column in (
        own / 2,
        np.full(50, 1e5),
        own * 1.05,
        np.where(np.arange(50), own * 9, np.nan),
    ):
        adata.obs["total_counts"] = column
        assert found(adata) is None
    adata.obs["total_counts"] = RNG.permutation(own) + 1e4
    assert found(adata) is None
    assert caplog.text == ""


@pytest.mark.parametrize("how", ["marked", "raw", "round"])
def test_chosen_genes_without_totals_are_said(how, caplog):
    adata = part()
    if how == "marked":
        adata.var["highly_variable"] = True
    elif how == "raw":
        adata.raw = cells_of(np.log1p(COUNTS))
    else:
        adata = cells_of(RNG.poisson(1.0, (50, 500)))
    assert found(adata) is None
    assert "these look like counts of selected genes only" in caplog.text
