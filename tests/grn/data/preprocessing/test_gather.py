import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from grn.data.preprocessing import gather
from grn.errors import InputError

SHAPE = (23, 7)


@pytest.fixture
def counts() -> np.ndarray:
    values = np.random.default_rng(0).poisson(0.6, SHAPE).astype(np.float32)
    values[11] = 0
    return values


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def blocks(values: object) -> Iterator[object]:
    for start in range(0, SHAPE[0], 5):
        yield values[start : start + 5]


def test_rows_are_joined_in_memory(counts):
    dense = gather.in_memory(blocks(counts), *SHAPE)
    np.testing.assert_array_equal(dense, counts)
    csr = gather.in_memory(blocks(sp.csr_matrix(counts)), *SHAPE, int(np.count_nonzero(counts)))
    assert csr.dtype == np.float32
    assert csr.has_canonical_format
    np.testing.assert_array_equal(csr.toarray(), counts)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_matrix])
def test_rows_on_disk_are_read_back_and_leave_with_the_matrix(counts, kind, scratch):
    adata = anndata.AnnData(X=gather.on_disk(blocks(kind(counts)), *SHAPE))
    gc.collect()
    assert isinstance(adata.X, anndata.abc.CSRDataset)
    assert adata.X.shape == SHAPE
    assert adata.X.dtype == np.float32
    np.testing.assert_array_equal(adata.X[:].toarray(), counts)
    np.testing.assert_array_equal(adata.X[np.array([2, 11, 20])].toarray(), counts[[2, 11, 20]])
    assert len(list(scratch.iterdir())) == 1
    del adata
    gc.collect()
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_behind_when_it_ends_early(counts, error, scratch):
    def interrupted() -> Iterator[object]:
        yield counts[:5]
        raise error

    with pytest.raises(error):
        gather.on_disk(interrupted(), *SHAPE)
    assert list(scratch.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_is_the_users_to_solve(counts, scratch, monkeypatch):
    folder = scratch / "cells"
    folder.mkdir()
    (folder / "data").symlink_to("/dev/full")
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **_: str(folder))
    with pytest.raises(
        InputError, match=rf"to {scratch}: No space left.*Set TMPDIR.*data\.on_disk=false"
    ):
        gather.on_disk(blocks(counts), *SHAPE)
    assert list(scratch.iterdir()) == []


def test_a_temporary_folder_that_cannot_be_made(counts, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/none/such")
    with pytest.raises(InputError, match=r"to /none/such: No such file.*Set TMPDIR"):
        gather.on_disk(blocks(counts), *SHAPE)
