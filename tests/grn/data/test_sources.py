from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grn.data.sources import from_files, simulated
from grn.errors import InputError


def test_simulated_cells_come_with_tfs_and_truth() -> None:
    dataset = simulated(seed=3, n_tfs=4, n_targets=6, n_cells=25)
    assert dataset.name == "simulated/3"
    assert dataset.adata.shape == (25, 10)
    assert dataset.tfs == dataset.adata.var_names[:4].tolist()
    assert isinstance(dataset.truth, pd.DataFrame)
    assert set(dataset.truth["source"]) <= set(dataset.tfs)
    again = simulated(seed=3, n_tfs=4, n_targets=6, n_cells=25)
    other = simulated(seed=4, n_tfs=4, n_targets=6, n_cells=25)
    np.testing.assert_array_equal(again.adata.X.toarray(), dataset.adata.X.toarray())
    assert (other.adata.X != dataset.adata.X).nnz > 0


def test_files_are_opened_with_what_is_known_of_them(files: dict[str, Path]) -> None:
    everything = from_files(**{key: str(path) for key, path in files.items()})
    assert everything.name == "cells.h5ad"
    assert everything.adata.shape == (60, 16)
    assert everything.tfs == ["TF01", "TF02", "TF03", "TF04"]
    assert everything.truth == files["truth"]
    cells_alone = from_files(cells=str(files["cells"]))
    assert cells_alone.tfs is None
    assert cells_alone.truth is None


def test_a_layer_replaces_x(files: dict[str, Path]) -> None:
    adata = from_files(cells=str(files["cells"])).adata
    adata.layers["doubled"] = 2 * adata.X
    adata.write_h5ad(files["cells"])
    doubled = from_files(cells=str(files["cells"]), layer="doubled").adata
    np.testing.assert_array_equal(doubled.X.toarray(), 2 * adata.X.toarray())


@pytest.mark.parametrize("missing", ["cells", "tfs", "truth"])
def test_a_missing_file_is_named(files: dict[str, Path], missing: str) -> None:
    files[missing].unlink()
    with pytest.raises(InputError, match=files[missing].name):
        from_files(**{key: str(path) for key, path in files.items()})
