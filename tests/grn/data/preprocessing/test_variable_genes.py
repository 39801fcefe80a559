import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc

from grn.data.preprocessing.variable_genes import find_batches, highly_variable
from grn.errors import InputError


@pytest.fixture
def cells() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    mean = rng.lognormal(1, 1, 60)
    counts = rng.poisson(rng.gamma(2, mean / 2, (90, 60)))
    obs = pd.DataFrame({"lane": np.arange(90) % 3}, index=[f"c{i}" for i in range(90)])
    adata = anndata.AnnData(counts.astype(np.float32), obs=obs)
    sc.pp.normalize_total(adata, target_sum=1e4)
    sc.pp.log1p(adata)
    return adata


@pytest.mark.parametrize("key", [None, "lane"])
def test_choice_is_that_of_scanpy(cells, key):
    expected = cells.copy()
    expected.obs["lane"] = expected.obs["lane"].astype("category")
    sc.pp.highly_variable_genes(expected, n_top_genes=13, flavor="seurat", batch_key=key)
    columns = cells.obs.columns.tolist(), cells.var.columns.tolist()
    found = highly_variable(cells, 13, find_batches(cells, 13, key))
    assert found.sum() == 13
    np.testing.assert_array_equal(found, expected.var["highly_variable"])
    assert (cells.obs.columns.tolist(), cells.var.columns.tolist()) == columns


def test_batches_matter(cells):
    one = highly_variable(cells, 13, None)
    assert (highly_variable(cells, 13, find_batches(cells, 13, "lane")) != one).any()


def test_more_than_there_are_keeps_all(cells):
    assert highly_variable(cells, 1000, None).all()


@pytest.mark.parametrize(
    ("n_top_genes", "key", "message"),
    [
        (None, "lane", r"batch_key is for highly variable genes: set preprocess\.n_top_genes"),
        (13, "plate", r"preprocess\.batch_key=plate: .*Existing columns: lane"),
        (13, "some", r"preprocess\.batch_key=some: 2 cell\(s\) have none"),
    ],
)
def test_what_cannot_be_had_is_refused(cells, n_top_genes, key, message):
    if key == "some":
        cells.obs["some"] = ["a"] * 88 + [None] * 2
    with pytest.raises(InputError, match=message):
        find_batches(cells, n_top_genes, key)


def test_a_batch_of_one_cell_has_no_variance(cells):
    batches = np.array(["a"] * 89 + ["b"])
    with pytest.raises(InputError, match="batch b is a single cell"):
        highly_variable(cells, 13, batches)
