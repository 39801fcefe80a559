"""Counts become log1p of 1e4 per cell, log data stay; filters agree with scanpy, disk with RAM."""

import inspect
import json
import logging
from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
import scipy.sparse as sp

from grn.config import compose_config
from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.read import read_cells
from grn.errors import InputError
from tests.helpers import cells_of

N_CELLS, N_GENES = 29, 11


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
    assert record["steps"] == {"normalize_total": {"target_sum": 10000.0}, "log1p": {}}
    assert (record["n_cells"], record["n_genes"]) == (N_CELLS, N_GENES)
    result.write_h5ad(tmp_path / "x.h5ad")


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


def scanpy_s(adata: anndata.AnnData, n_top_genes: int | None) -> anndata.AnnData:
    """Take the steps of the test below with scanpy alone."""
    adata = adata[adata.obs["state"] != "dead"].copy()
    sc.pp.filter_cells(adata, min_genes=12)
    sc.pp.filter_cells(adata, min_counts=60)
    sc.pp.filter_genes(adata, min_cells=5)
    varies = dense(adata).std(axis=0) > 0
    sc.pp.normalize_total(adata, target_sum=500)
    sc.pp.log1p(adata)
    adata = adata[:, varies].copy()
    if n_top_genes is not None:
        sc.pp.highly_variable_genes(
            adata, n_top_genes=n_top_genes, flavor="seurat", batch_key="lane"
        )
        adata = adata[:, adata.var["highly_variable"] | adata.var_names.isin(["g5", "g9"])]
    return adata


@pytest.fixture
def many() -> anndata.AnnData:
    """97 cells × 41 genes of counts in three states and two lanes; one gene is constant."""
    rng = np.random.default_rng(5)
    values = rng.poisson(rng.lognormal(0, 1.2, 41) * rng.lognormal(0, 0.5, (97, 1)))
    values[:, 7] = 2
    adata = cells_of(values.astype(np.float32))
    adata.obs["state"] = pd.Categorical(rng.choice(["HSC", "B", "dead"], 97))
    adata.obs["lane"] = pd.Categorical(rng.choice(["l1", "l2"], 97))
    return adata


ALL = {"state_key": "state", "states": ["HSC", "B"], "min_genes": 12, "min_counts": 60}
ALL |= {"min_cells": 5, "target_sum": 500.0}


@pytest.mark.parametrize("n_top_genes", [None, 10])
@pytest.mark.parametrize("kind", [np.array, sp.csr_matrix])
def test_all_steps_are_those_of_scanpy(
    many: anndata.AnnData, kind: type, n_top_genes: int | None
) -> None:
    many.X = kind(many.X)
    top = {"n_top_genes": n_top_genes, "batch_key": "lane", "keep": ["g5", "g9"]}
    result = preprocess(many, **ALL, **(top if n_top_genes else {}))
    expected = scanpy_s(many, n_top_genes)
    assert result.obs_names.tolist() == expected.obs_names.tolist()
    assert result.var_names.tolist() == expected.var_names.tolist()
    np.testing.assert_allclose(dense(result), dense(expected), rtol=1e-6)
    steps = result.uns["grn_preprocess"]["steps"]
    taken = ["states", "min_genes", "min_counts", "min_cells"]
    assert list(steps)[:7] == [*taken, "normalize_total", "log1p", "constant_genes"]
    assert list(steps)[7:] == (["n_top_genes"] if n_top_genes else [])
    assert sum(step.get("removed_cells", 0) for step in steps.values()) == 97 - result.n_obs
    assert sum(step.get("removed_genes", 0) for step in steps.values()) == 41 - result.n_vars
    assert steps["states"]["removed_cells"] == (many.obs["state"] == "dead").sum()
    assert all(step["removed_cells"] > 0 for name, step in steps.items() if name in taken[:3])


def test_defaults_are_those_of_the_configuration() -> None:
    config = compose_config(["paths=folder", "paths.run=unused"]).preprocess
    configured = {str(key): value for key, value in config.items() if not str(key).startswith("_")}
    signature = inspect.signature(preprocess).parameters
    defaults = {
        name: parameter.default
        for name, parameter in signature.items()
        if name not in ("adata", "keep")
    }
    assert configured == defaults


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"min_genes": -1}, r"preprocess\.min_genes is -1; expected a whole number of at least 0"),
        ({"min_cells": -2}, r"preprocess\.min_cells is -2"),
        ({"n_top_genes": 0}, r"preprocess\.n_top_genes is 0; expected a whole .* at least 1"),
        ({"state_key": "state", "cells_per_state": 0}, r"preprocess\.cells_per_state is 0"),
        ({"seed": -1}, r"preprocess\.seed is -1"),
        ({"target_sum": 0.0}, r"preprocess\.target_sum is 0\.0; expected a number above 0"),
        ({"target_sum": float("nan")}, r"preprocess\.target_sum is nan"),
        ({"min_genes": 40}, r"preprocess\.min_genes=40 leaves \d of 97 cells"),
        ({"min_counts": 10**6}, r"preprocess\.min_counts=1000000 leaves 0 of 97 cells"),
        ({"min_cells": 97}, r"preprocess\.min_cells=97 leaves \d of 41 genes"),
        ({"n_top_genes": 3}, r"preprocess\.n_top_genes=3 leaves [34] of 40 genes"),
        ({"state_key": "state", "cells_per_state": 5}, "leaves 15 of 97 cells; at least 20"),
        ({"n_top_genes": 9, "batch_key": "plate"}, r"no such column.*state, lane"),
    ],
    ids=str,
)
def test_settings_that_leave_nothing_to_infer_from(
    many: anndata.AnnData, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        preprocess(many, **settings)


def test_log_values_have_no_counts(many: anndata.AnnData) -> None:
    with pytest.raises(InputError, match=r"preprocess\.min_counts=3 needs counts"):
        preprocess(preprocess(many), min_counts=3)


def test_embeddings_stay_with_their_cells(many: anndata.AnnData) -> None:
    numbers = np.arange(many.n_obs, dtype=float)
    many.obsm["X_umap"] = np.stack([numbers, -numbers], axis=1)
    many.obsm["proteins"] = pd.DataFrame({"CD3": numbers}, index=many.obs_names)
    many.obs["kept"] = pd.Categorical(np.where(numbers % 3 == 0, "yes", "no"))
    result = preprocess(many, state_key="kept", states="yes", n_top_genes=5)
    expected = numbers[many.obs_names.get_indexer(result.obs_names)]
    assert 0 < len(expected) < many.n_obs
    np.testing.assert_array_equal(result.obsm["X_umap"][:, 0], expected)
    assert result.obsm["proteins"]["CD3"].tolist() == expected.tolist()


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
