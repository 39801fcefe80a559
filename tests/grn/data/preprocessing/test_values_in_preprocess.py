"""What preprocessing makes of values of every kind, and of genes of few cells.

Beside test_preprocess.py, which holds the steps and their settings.
"""

import logging

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from tests.helpers import cells_of


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(3.0, (29, 11)).astype(np.float32)


def dense(adata: anndata.AnnData) -> np.ndarray:
    return adata.X.toarray() if sp.issparse(adata.X) else adata.X


def test_small_counts_are_counts(counts: np.ndarray) -> None:
    assert preprocess(cells_of((counts > 2) * 1.0)).uns["grn_preprocess"]["input"] == "counts"


@pytest.mark.parametrize(
    ("base", "name"), [(np.e, "log1p"), (2, "log2(x + 1)"), (10, "log10(x + 1)")]
)
def test_logarithms_stay_as_they_are(counts: np.ndarray, base: float, name: str) -> None:
    logs = (np.log1p(counts / 3) / np.log(base)).astype(np.float32)
    result = preprocess(cells_of(logs))
    record = result.uns["grn_preprocess"]
    assert (record["input"], record["evidence"]) == (
        "log",
        f"they are {name} of counts or of scaled counts",
    )
    np.testing.assert_array_equal(dense(result), logs)


@pytest.mark.parametrize("factor", [1 / 3, 0.7, 1.0 + 1e-6])
@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix])
def test_scaled_counts_come_out_as_counts_do(
    counts: np.ndarray, kind: type, factor: float, caplog: pytest.LogCaptureFixture
) -> None:
    result = preprocess(cells_of(kind(counts * np.float32(factor))))
    assert result.uns["grn_preprocess"]["input"] == "linear"
    np.testing.assert_allclose(dense(result), dense(preprocess(cells_of(counts))), rtol=1e-4)
    assert "values are linear: in a cell they are whole multiples" in caplog.text


def test_normalised_values_come_out_as_counts_do(counts: np.ndarray) -> None:
    shares = counts / counts.sum(axis=1, keepdims=True)
    for total in (1.0, 17.0):
        result = preprocess(cells_of(shares * total))
        assert result.uns["grn_preprocess"]["input"] == "linear"
        np.testing.assert_allclose(dense(result), dense(preprocess(cells_of(counts))), rtol=1e-4)


def test_a_few_fractions_among_counts_are_linear(
    counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 17)
    counts[-1, -1] = 0.5
    for matrix in (counts, sp.csr_matrix(counts)):
        assert preprocess(cells_of(matrix)).uns["grn_preprocess"]["input"] == "linear"


def test_linear_values_are_normalised_with_a_warning(
    counts: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    tpm = counts * 40.1
    result = preprocess(cells_of(tpm))
    expected = np.log1p(tpm / tpm.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(dense(result), expected, rtol=1e-5)
    assert [r.levelno for r in caplog.records if "values are linear" in r.message] == [
        logging.WARNING
    ]


def test_the_user_knows_better(counts: np.ndarray) -> None:
    result = preprocess(cells_of(counts), values="log")
    np.testing.assert_array_equal(dense(result), counts)
    assert result.uns["grn_preprocess"]["evidence"] == "preprocess.values=log"
    with pytest.raises(InputError, match=r"preprocess\.values is 'tpm'; expected counts, linear"):
        preprocess(cells_of(counts), values="tpm")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix])
def test_genes_of_few_cells_go_and_change_no_other(
    kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    counts = np.random.default_rng(0).poisson(2.0, (400, 12)).astype(np.float32)
    counts[:, :4] = 0
    counts[:1, 0], counts[:3, 1], counts[:4, 2] = 1, 2, 3  # and one gene is never seen
    result = preprocess(cells_of(kind(counts)))
    assert list(result.var_names) == ["g2", *(f"g{i}" for i in range(4, 12))]
    assert "removed 2 of 12 genes that are above 0 in fewer than 4 of 400 cells" in caplog.text
    assert "preprocess.min_cells" in caplog.text
    np.testing.assert_array_equal(
        result.var["n_cells"], (counts > 0).sum(axis=0)[[2, *range(4, 12)]]
    )
    assert result.uns["grn_preprocess"]["steps"]["rare_genes"] == {
        "min_cells": 4,
        "removed_genes": 2,
    }
    every = preprocess(cells_of(kind(counts)), min_cells=None)
    assert every.n_vars == 11
    np.testing.assert_array_equal(dense(result), dense(every[:, result.var_names]))


def test_counts_of_chosen_genes_are_scaled_by_the_totals_of_all(counts: np.ndarray) -> None:
    whole = preprocess(cells_of(counts))
    part = cells_of(counts)[:, :5].copy()
    part.obs["total_counts"] = counts.sum(axis=1)
    result = preprocess(part)
    np.testing.assert_allclose(dense(result), dense(whole)[:, :5], rtol=1e-5)
    step = result.uns["grn_preprocess"]["steps"]["normalize_total"]
    assert step == {"target_sum": 10000.0, "totals": "obs['total_counts']"}


def test_totals_of_all_genes_may_be_0_in_an_empty_cell(counts: np.ndarray) -> None:
    counts[4] = 0
    part = cells_of(counts)[:, :5].copy()
    part.obs["n_counts"] = counts.sum(axis=1)
    result = preprocess(part)
    np.testing.assert_array_equal(dense(result)[4], 0)
    np.testing.assert_allclose(
        dense(result), dense(preprocess(cells_of(counts)))[:, :5], rtol=1e-5
    )
