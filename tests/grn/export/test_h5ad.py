import errno
import resource
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from grn.errors import InputError
from grn.export.h5ad import write_h5ad
from grn.export.network import write_network

LARGEST = 300_000  # bytes of a file


@pytest.fixture
def cells() -> ad.AnnData:
    values = np.random.default_rng(0).random((300, 500), dtype=np.float32)
    adata = ad.AnnData(values, obs=pd.DataFrame({"day": ["d0", "d1", "d2"] * 100}))
    adata.obs_names, adata.var_names = adata.obs_names.astype(str), [f"G{i}" for i in range(500)]
    adata.obs["phase"] = pd.Categorical(["S", "G1", "M"] * 100)
    adata.layers["counts"] = np.floor(values * 10)
    adata.uns["grn"] = {"seed": 3, "model": {"name": "x"}}
    return adata


@pytest.fixture
def _small_files() -> Iterator[None]:
    """Refuse to let files grow, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_file_is_the_one_of_anndata(cells: ad.AnnData, tmp_path: Path) -> None:
    write_h5ad(cells.copy(), tmp_path / "ours.h5ad")
    cells.write_h5ad(tmp_path / "theirs.h5ad", compression="lzf")
    ours, theirs = (ad.read_h5ad(tmp_path / f"{name}.h5ad") for name in ("ours", "theirs"))
    for frame in ("obs", "var"):
        pd.testing.assert_frame_equal(getattr(ours, frame), getattr(theirs, frame))
    np.testing.assert_array_equal(ours.X, cells.X)
    np.testing.assert_array_equal(ours.layers["counts"], cells.layers["counts"])
    assert ours.uns["grn"] == theirs.uns["grn"] == cells.uns["grn"]
    sizes = [(tmp_path / f"{name}.h5ad").stat().st_size for name in ("ours", "theirs")]
    assert sizes[0] == pytest.approx(sizes[1], rel=0.01)


@pytest.mark.usefixtures("_small_files")
def test_file_that_cannot_grow_is_an_error_of_the_system(
    cells: ad.AnnData, tmp_path: Path
) -> None:
    # HDF5 raises a RuntimeError, and crashes later.
    with pytest.raises(OSError, match="too large") as raised:
        write_h5ad(cells, tmp_path / "cells.h5ad")
    assert raised.value.errno == errno.EFBIG


@pytest.mark.usefixtures("_small_files")
def test_network_that_does_not_fit_leaves_nothing(cells: ad.AnnData, tmp_path: Path) -> None:
    edges = pd.DataFrame({"source": ["G0"], "target": ["G1"], "weight": [1.0]})
    with pytest.raises(InputError, match=r"network\.h5ad: cannot be written"):
        write_network(edges, cells, tmp_path / "network.h5ad", {})
    assert list(tmp_path.iterdir()) == []
