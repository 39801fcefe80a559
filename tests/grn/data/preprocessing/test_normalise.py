import tempfile
from pathlib import Path

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.preprocessing.check import scan_cells
from grn.data.preprocessing.normalise import finished_matrix
from grn.data.preprocessing.steps import Steps

SHAPE = (29, 11)


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(1.5, SHAPE).astype(np.float32) + 1


@pytest.fixture
def left() -> Steps:
    steps = Steps(*SHAPE)
    steps.cells[:10:3], steps.genes[[2, 6]] = False, False
    return steps


def finished(stored: object, left: Steps, counted: np.ndarray, monkeypatch) -> object:
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 40)
    scan = scan_cells(anndata.AnnData(stored), left.cells)
    return finished_matrix(stored, scan, left, counted, 100.0)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix, sp.csc_matrix])
def test_counted_genes_add_up_to_the_target_and_the_others_go(counts, left, kind, monkeypatch):
    counted = left.genes | (np.arange(11) == 6)
    matrix = finished(kind(counts), left, counted, monkeypatch)
    kept = counts[left.cells]
    share = kept / kept[:, counted].sum(axis=1, keepdims=True)
    dense = matrix.toarray() if sp.issparse(matrix) else matrix
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(dense, np.log1p(100 * share)[:, left.genes], rtol=1e-6)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_log_values_are_only_cut(counts, left, kind, monkeypatch):
    matrix = finished(kind(np.log1p(counts)), left, left.genes, monkeypatch)
    dense = matrix.toarray() if sp.issparse(matrix) else matrix
    np.testing.assert_array_equal(dense, np.log1p(counts)[np.ix_(left.cells, left.genes)])


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_totals_of_all_genes_scale_the_genes_that_are_there(counts, left, kind, monkeypatch):
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 40)
    totals = np.random.default_rng(1).uniform(50, 90, SHAPE[0])
    scan = scan_cells(anndata.AnnData(kind(counts)), left.cells)
    matrix = finished_matrix(kind(counts), scan, left, left.genes, 100.0, totals)
    dense = matrix.toarray() if sp.issparse(matrix) else matrix
    expected = np.log1p(counts / totals[:, None] * 100)[np.ix_(left.cells, left.genes)]
    np.testing.assert_allclose(dense, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_rounding_errors_are_0_in_the_result(counts, left, kind, monkeypatch):
    logs = np.log1p(counts)
    logs[5, 3] = -1e-7
    matrix = finished(kind(logs), left, left.genes, monkeypatch)
    dense = matrix.toarray() if sp.issparse(matrix) else matrix
    logs[5, 3] = 0
    np.testing.assert_array_equal(dense, logs[np.ix_(left.cells, left.genes)])


def test_a_copy_in_memory_is_its_own(counts, monkeypatch):
    everything = Steps(*SHAPE)
    matrix = finished(logs := np.log1p(counts), everything, everything.genes, monkeypatch)
    matrix[:] = 0
    assert (logs > 0).all()


def test_log_data_on_disk_stay_where_single_rows_are_quick(
    counts, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    everything = Steps(*SHAPE)
    adata = anndata.AnnData(sp.csr_matrix(np.log1p(counts)))
    for compression, is_copied in ((None, False), ("gzip", True)):
        path = tmp_path / f"{compression}.h5ad"
        adata.write_h5ad(path, compression=compression)
        stored = anndata.read_h5ad(path, backed="r").X
        found = finished(stored, everything, everything.genes, monkeypatch)
        assert (found is not stored) == is_copied
        assert found.group["data"].compression is None
        np.testing.assert_array_equal(found[:].toarray(), adata.X.toarray())
        assert len(list(tmp_path.glob("grn-cells-*"))) == int(is_copied)
