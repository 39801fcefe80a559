import logging
from functools import partial

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError

TFS = ["g0", "g1", "g2", "g3"]


@pytest.fixture
def cells() -> anndata.AnnData:
    counts = np.random.default_rng(0).poisson(2.0, (40, 30)).astype(np.float32)
    return anndata.AnnData(counts, var=pd.DataFrame(index=[f"g{i}" for i in range(30)]))


def test_regulators_that_do_not_vary_are_named(cells, caplog):
    cells.X[:, 2] = 1
    adata, tfs = prepare(cells, reversed_names := TFS[::-1], preprocess)
    assert tfs == ["g0", "g1", "g3"]
    assert reversed_names == TFS[::-1]
    assert adata.n_vars == 29
    assert "1 TF(s) do not vary or were filtered out: g2" in caplog.text
    cells.X[:, 3] = 1
    with pytest.raises(InputError, match=r"only 2 of the 4 TFs .*removed: g2, g3\); at least 3"):
        prepare(cells, TFS, preprocess)


def test_every_gene_that_is_left_regulates_where_none_is_named(cells, caplog):
    cells.X[:, 2] = 1
    adata, tfs = prepare(cells, None, preprocess)
    assert tfs == adata.var_names.tolist()
    assert "TF(s)" not in caplog.text


def test_regulators_are_kept_among_highly_variable_genes_and_no_others(cells):
    few = partial(preprocess, n_top_genes=7)
    adata, tfs = prepare(cells, TFS, few)
    assert tfs == TFS
    without, everyone = prepare(cells, None, few)
    assert everyone == without.var_names.tolist()
    assert not set(TFS) <= set(everyone)
    assert set(adata.var_names) == {*TFS, *everyone}


def test_names_come_before_values(cells):
    def never(*_: object, **__: object) -> None:
        pytest.fail("the values were read")

    with pytest.raises(InputError, match="None of the 3 TFs"):
        prepare(cells, ["SOX2", "KLF4", "MYC"], never)
    cells.var_names = ["g1", *cells.var_names[1:]]
    with pytest.raises(InputError, match="occur more than once: g1"):
        prepare(cells, TFS, never)


def test_other_names_count(cells, caplog):
    with caplog.at_level(logging.INFO, logger="grn"):
        _, tfs = prepare(cells, ["A", "g1", "g2"], preprocess, aliases={"A": "g7"})
    assert tfs == ["g1", "g2", "g7"]
