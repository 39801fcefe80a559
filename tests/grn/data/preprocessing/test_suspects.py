import logging

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.data.preprocessing.preprocess import preprocess
from grn.data.preprocessing.suspects import warn_of_excel
from tests.helpers import cells_of

GENES = [f"Gen{i}" for i in range(40)]


DATES = ["1-Mar", "02-Sep", "1-DEC", "Mar-01", "2-Sep-2020", "2020-09-02", "9/2/2020", "1.mrz"]


@pytest.mark.parametrize("name", [*DATES, "43891", "2.31E+19"])
def test_names_that_excel_made_are_named(name, caplog):
    warn_of_excel(pd.Index([*GENES, name]))
    assert f"1 gene(s) have names that Excel makes of symbols: {name}" in caplog.text


@pytest.mark.parametrize(
    "names",
    [["MARCH1", "SEPT2", "DEC1", "sep-1", "mar-1", "Nov", "march5", "7SK", "1700012B07Rik"],
     [str(40_000 + i) for i in range(40)], ["12", "5"]],
    ids=["symbols", "ids", "small numbers"],
)  # fmt: skip
def test_genes_are_not_dates(names, caplog):
    warn_of_excel(pd.Index([*GENES[: len(names)], *names]))
    assert caplog.text == ""


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_copies_of_cells_are_counted(kind, caplog, monkeypatch):
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 90)
    counts = np.random.default_rng(0).poisson(3.0, (30, 20))
    counts[20], counts[25], counts[29] = counts[3], counts[3], counts[7]
    with caplog.at_level(logging.WARNING, logger="grn"):
        preprocess(cells_of(kind(counts)))
    assert "3 cell(s) are exact copies of others, such as c20 of c3" in caplog.text


def test_cells_of_few_genes_are_alike_by_chance(caplog):
    counts = np.random.default_rng(0).poisson(0.7, (60, 9))
    counts[5] = counts[9]
    preprocess(cells_of(counts))
    assert "exact copies" not in caplog.text
