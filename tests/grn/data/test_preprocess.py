"""Counts become log1p of 1e4 per cell, log data stay, and unusable input is refused by name."""

import json
import logging
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from grn.data.preprocess import preprocess
from grn.data.read import read_cells
from grn.errors import InputError

N_CELLS, N_GENES = 29, 11


def cells_of(values: np.ndarray | sp.spmatrix) -> anndata.AnnData:
    n_cells, n_genes = values.shape
    return anndata.AnnData(
        X=values,
        obs=pd.DataFrame(index=[f"c{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=[f"g{i}" for i in range(n_genes)]),
    )


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(3).poisson(3.0, (N_CELLS, N_GENES)).astype(np.float32)


def dense(adata: anndata.AnnData) -> np.ndarray:
    return adata.X.toarray() if sp.issparse(adata.X) else adata.X


@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix, sp.csc_matrix, sp.csr_array])
@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
def test_counts_follow_the_formula(counts: np.ndarray, kind: type, dtype: type) -> None:
    adata = cells_of(kind(counts.astype(dtype)))
    result = preprocess(adata)
    expected = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(dense(result), expected, rtol=1e-5)
    assert result.X.dtype == np.float32
    assert sp.issparse(result.X) == sp.issparse(adata.X)
    np.testing.assert_array_equal(dense(adata), counts)
    assert adata.X.dtype == dtype
    assert result.uns["grn_preprocess"]["input"] == "counts"
    assert "grn_preprocess" not in adata.uns


def test_target_sum(counts: np.ndarray) -> None:
    result = preprocess(cells_of(counts), target_sum=100.0)
    np.testing.assert_allclose(np.expm1(dense(result)).sum(axis=1), 100.0, rtol=1e-5)


def test_small_counts_are_counts_and_large_logs_are_logs(counts: np.ndarray) -> None:
    assert preprocess(cells_of((counts > 2) * 1.0)).uns["grn_preprocess"]["input"] == "counts"
    logs = counts / counts.max() * 19.3
    result = preprocess(cells_of(logs))
    assert result.uns["grn_preprocess"]["input"] == "log"
    np.testing.assert_array_equal(dense(result), logs)


def test_one_fraction_makes_log_data_even_in_the_last_chunk(
    counts: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.data.preprocess._CHUNK_VALUES", 17)
    counts[-1, -1] = 0.5
    for matrix in (counts, sp.csr_matrix(counts)):
        assert preprocess(cells_of(matrix)).uns["grn_preprocess"]["input"] == "log"


def test_linear_values_are_normalised_with_a_warning(
    counts: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    tpm = counts * 40.1
    result = preprocess(cells_of(tpm))
    expected = np.log1p(tpm / tpm.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(dense(result), expected, rtol=1e-5)
    assert [r.levelno for r in caplog.records if "not logarithms" in r.message] == [
        logging.WARNING
    ]


def test_twice_is_once(counts: np.ndarray) -> None:
    once = preprocess(cells_of(counts))
    np.testing.assert_array_equal(dense(preprocess(once)), dense(once))


def test_log_record_of_the_file_does_not_confuse_scanpy(
    counts: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    adata = cells_of(counts)
    adata.uns["log1p"] = {"base": None}
    preprocess(adata)
    assert "already log-transformed" not in caplog.text
    assert "log1p" in adata.uns


@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix])
def test_constant_genes_go_with_a_warning_that_counts_them(
    counts: np.ndarray, kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    counts[:, 2] = 0
    counts[:, 5] = 4
    result = preprocess(cells_of(kind(counts)))
    assert list(result.var_names) == [f"g{i}" for i in range(N_GENES) if i not in (2, 5)]
    warnings = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warnings == ["dropped 2 gene(s) with the same value in every cell"]
    # The total of a cell includes them.
    expected = np.log1p(counts / counts.sum(axis=1, keepdims=True) * 1e4)
    np.testing.assert_allclose(dense(result)[:, 0], expected[:, 0], rtol=1e-5)


@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix])
def test_empty_cells_stay_as_zeros(
    counts: np.ndarray, kind: type, caplog: pytest.LogCaptureFixture
) -> None:
    counts[4] = 0
    result = preprocess(cells_of(kind(counts)))
    assert np.isfinite(dense(result)).all()
    np.testing.assert_array_equal(dense(result)[4], 0)
    assert result.uns["grn_preprocess"]["n_empty_cells"] == 1
    assert "1 cell(s) have no counts" in caplog.text


def test_record_is_json_and_survives_writing(counts: np.ndarray, tmp_path: Path) -> None:
    result = preprocess(cells_of(counts))
    record = result.uns["grn_preprocess"]
    assert json.loads(json.dumps(record)) == record
    assert record["steps"] == ["normalize_total(10000)", "log1p"]
    assert (record["n_cells"], record["n_genes"]) == (N_CELLS, N_GENES)
    result.write_h5ad(tmp_path / "x.h5ad")


def _set(values: np.ndarray, row: int, column: int, value: float) -> np.ndarray:
    values[row, column] = value
    return values


@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix, sp.csc_matrix])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, r"1 value\(s\) are NaN or infinite, the first \(nan\) in gene g3, cell c7"),
        (np.inf, r"1 value\(s\) are NaN or infinite, the first \(inf\) in gene g3, cell c7"),
        (-1.5, r"1 value\(s\) are negative, the first \(-1.5\) in gene g3, cell c7.*--layer"),
    ],
)
def test_bad_values_are_placed(
    counts: np.ndarray, kind: type, value: float, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.data.preprocess._CHUNK_VALUES", 17)
    with pytest.raises(InputError, match=message):
        preprocess(cells_of(kind(_set(counts, 7, 3, value))))


def test_scaled_data_name_the_layers_to_use(counts: np.ndarray) -> None:
    adata = cells_of((counts - counts.mean(axis=0)) / counts.std(axis=0))
    adata.layers["raw_counts"] = counts
    with pytest.raises(InputError, match=r"scaled.*--layer \(layers: raw_counts\)"):
        preprocess(adata)


@pytest.mark.parametrize("axis", ["var", "obs"])
def test_duplicate_names_list_three(counts: np.ndarray, axis: str) -> None:
    adata = cells_of(counts)
    names = list(getattr(adata, f"{axis}_names"))
    names[:8] = ["a", "a", "b", "b", "b", "c", "c", "d"]
    names[-1] = "d"
    setattr(adata, f"{axis}_names", names)
    kind = "gene" if axis == "var" else "cell"
    match = (
        rf"4 {kind} name\(s\) occur more than once: a, b, c, ….*adata\.{axis}_names_make_unique"
    )
    with pytest.raises(InputError, match=match):
        preprocess(adata)


@pytest.mark.parametrize(("n_cells", "n_genes"), [(19, 50), (50, 4)])
def test_too_few(n_cells: int, n_genes: int) -> None:
    values = np.random.default_rng(0).random((n_cells, n_genes))
    with pytest.raises(InputError, match=f"got {n_cells} cells × {n_genes} genes; at least 20"):
        preprocess(cells_of(values))


def test_smallest_allowed() -> None:
    assert preprocess(cells_of(np.random.default_rng(0).random((20, 5)))).shape == (20, 5)


def test_too_few_that_vary(counts: np.ndarray) -> None:
    counts[:, 4:] = 1
    with pytest.raises(InputError, match=f"only 4 of {N_GENES} genes vary"):
        preprocess(cells_of(counts))


def test_no_matrix_and_no_numbers(counts: np.ndarray) -> None:
    with pytest.raises(InputError, match="has no X"):
        preprocess(anndata.AnnData(obs=cells_of(counts).obs, var=cells_of(counts).var))
    adata = cells_of(counts)
    adata.X = counts.astype(complex)
    with pytest.raises(InputError, match="complex"):
        preprocess(adata)
    adata.X = counts.astype(str).astype(object)
    with pytest.raises(InputError, match="not numbers"):
        preprocess(adata)


@pytest.mark.parametrize("kind", [sp.csr_matrix, sp.csc_matrix])
def test_a_sparse_matrix_is_never_densified(
    counts: np.ndarray, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts[:, 2] = 0
    adata = cells_of(kind(counts))

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("the whole matrix was made dense")

    for each in (sp.csr_matrix, sp.csc_matrix):
        monkeypatch.setattr(each, "toarray", refuse)
        monkeypatch.setattr(each, "todense", refuse)
    assert sp.issparse(preprocess(adata).X)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("beeline/hESC", (758, 541)),
        ("beeline/mDC", (383, 821)),
        ("mccalla/mESC_Semrau", (384, 10243)),
    ],
)
def test_shared_sets_are_log_data(shared_data: Path, name: str, shape: tuple[int, int]) -> None:
    adata = read_cells(shared_data / name / "expression.h5ad")
    result = preprocess(adata)
    assert result.uns["grn_preprocess"]["input"] == "log"
    assert result.shape == shape
    assert sp.issparse(result.X)
    assert (result.X != adata.X).nnz == 0
