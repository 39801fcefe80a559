from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest
import zarr
from anndata.io import sparse_dataset, write_elem
from scipy import sparse

from grn import expression

pytestmark = pytest.mark.filterwarnings("ignore:zarr v3 autosharding")


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix, sparse.csc_array])
def test_moments_and_z_scores_do_not_depend_on_layout_or_blocks(layout, monkeypatch):
    monkeypatch.setattr(expression, "_VALUES_PER_BLOCK", 35)
    dense = np.random.default_rng(0).poisson(1.0, (23, 7)).astype(float)
    dense[:, 3] = 0.1
    mean, sd = expression.column_moments(layout(dense))
    np.testing.assert_allclose(mean, dense.mean(axis=0))
    np.testing.assert_allclose(sd, dense.std(axis=0), atol=1e-12)
    assert sd[3] == 0
    blocks = list(expression.standardised_blocks(layout(dense)))
    assert [len(block) for block in blocks] == [5, 5, 5, 5, 3]
    z = np.concatenate(blocks)
    others = [0, 1, 2, 4, 5, 6]
    expected = (dense - dense.mean(axis=0))[:, others] / dense.std(axis=0)[others]
    np.testing.assert_allclose(z[:, others], expected, atol=1e-12)
    np.testing.assert_array_equal(z[:, 3], 0)


@pytest.mark.parametrize("layout", [np.asarray, sparse.csr_matrix])
def test_a_cell_counts_as_often_as_it_is_said(layout, monkeypatch):
    monkeypatch.setattr(expression, "_VALUES_PER_BLOCK", 35)
    rng = np.random.default_rng(0)
    dense, times = rng.poisson(1.0, (23, 7)).astype(float), rng.integers(0, 3, 23)
    mean, sd = expression.column_moments(layout(dense), np.sqrt, times)
    repeated = np.sqrt(np.repeat(dense, times, axis=0))
    np.testing.assert_allclose(mean, repeated.mean(axis=0))
    np.testing.assert_allclose(sd, repeated.std(axis=0))


@pytest.fixture
def counts() -> np.ndarray:
    return np.random.default_rng(0).poisson(0.7, (23, 7)).astype(np.float32)


def stores(counts: np.ndarray, folder: Path) -> dict[str, object]:
    """Return the same matrix in every store that rows are read from."""
    file, group = h5py.File(folder / "x.h5", "w"), zarr.open_group(folder / "x.zarr", mode="w")
    for store in (file, group):
        write_elem(store, "sparse", sparse.csr_matrix(counts))
        write_elem(store, "dense", counts)
    return {
        "hdf5 csr": sparse_dataset(file["sparse"]),
        "zarr csr": sparse_dataset(group["sparse"]),
        "hdf5 dense": file["dense"],
        "zarr dense": group["dense"],
    }


def test_on_disk_moments_are_those_in_memory_to_the_bit(counts, tmp_path, monkeypatch):
    monkeypatch.setattr(expression, "_VALUES_PER_BLOCK", 35)
    expected = expression.column_moments(counts, np.sqrt)
    np.testing.assert_allclose(expected[0], np.sqrt(counts).mean(axis=0), rtol=1e-6)
    matrices = stores(counts, tmp_path)
    for matrix in (sparse.csr_matrix(counts), *matrices.values()):
        for found, wanted in zip(
            expression.column_moments(matrix, np.sqrt), expected, strict=True
        ):
            np.testing.assert_array_equal(found, wanted)
    assert [expression.is_on_disk(matrix) for matrix in matrices.values()] == [True] * 4
    assert not expression.is_on_disk(counts)
    assert not expression.is_on_disk(sparse.csc_array(counts))


def test_blocks_are_sized_by_what_is_stored(counts, tmp_path, monkeypatch):
    monkeypatch.setattr(expression, "_VALUES_PER_BLOCK", 40)
    n_stored = dict.fromkeys(("memory", "hdf5 dense", "zarr dense"), 23 * 7)
    n_stored |= {name: np.count_nonzero(counts) for name in ("hdf5 csr", "zarr csr")}
    matrices = {"memory": counts, **stores(counts, tmp_path)}
    for name, matrix in matrices.items():
        n_rows = 40 * 23 // n_stored[name]
        starts, blocks = zip(*expression.row_blocks(matrix), strict=True)
        assert starts == tuple(range(0, 23, n_rows)), name
        joined = np.concatenate([b.toarray() if sparse.issparse(b) else b for b in blocks])
        np.testing.assert_array_equal(joined, counts)
    backed = anndata.AnnData(X=matrices["hdf5 csr"])
    assert [start for start, _ in expression.row_blocks(backed.X, 20)] == [0, 20]


@pytest.mark.parametrize("layout", [np.array, sparse.csr_matrix])
def test_only_rounding_errors_are_dropped(layout):
    values = np.array([[-1e-9, 2, -2e-6, 0], [-1e-3, 1e4, 0, -0.1], [-1e-7, 0, 0, 0]], np.float32)
    block = layout(values)
    assert expression.drop_rounding(block) == 4
    dense = block.toarray() if sparse.issparse(block) else block
    expected = [[0, 2, 0, 0], [0, 1e4, 0, -0.1], [0, 0, 0, 0]]
    np.testing.assert_array_equal(dense, np.array(expected, np.float32))
    if sparse.issparse(block):
        assert block.nnz == 3


def test_labels_are_part_of_the_fingerprint_where_they_are_given() -> None:
    adata = anndata.AnnData(np.eye(3, dtype=np.float32))
    plain = expression.fingerprint(adata)
    first, again, other = (
        expression.fingerprint(adata, labels) for labels in ("aab", "aab", "aba")
    )
    assert first == again
    assert len({plain, first, other}) == 3
