from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

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


def test_gene_names_may_lie_in_a_column(files: dict[str, Path]) -> None:
    adata = from_files(cells=str(files["cells"])).adata
    names = adata.var_names.tolist()
    adata.var["symbol"] = names
    adata.var_names = [f"ENSG{i:011d}" for i in range(len(names))]
    adata.write_h5ad(files["cells"])
    paths = {key: str(files[key]) for key in ("cells", "tfs")}
    assert from_files(**paths).adata.var_names[0] == "ENSG00000000000"
    assert from_files(**paths, gene_column="symbol").adata.var_names.tolist() == names


def test_a_matrix_may_stay_on_disk(files: dict[str, Path]) -> None:
    read, left = (
        from_files(cells=str(files["cells"]), on_disk=choice) for choice in (False, True)
    )
    assert isinstance(read.adata.X, sp.csr_matrix)
    assert not isinstance(left.adata.X, sp.csr_matrix)
    np.testing.assert_array_equal(left.adata.X[:].toarray(), read.adata.X.toarray())


def test_aliases_are_read(files: dict[str, Path], tmp_path: Path) -> None:
    table = tmp_path / "aliases.tsv"
    table.write_text("alias\tname\nOCT4\tTF01\n")
    assert from_files(cells=str(files["cells"]), aliases=str(table)).aliases == {"OCT4": "TF01"}
    assert from_files(cells=str(files["cells"])).aliases is None


def test_regulators_tell_the_axes_of_a_table(files: dict[str, Path], tmp_path: Path) -> None:
    adata = from_files(cells=str(files["cells"])).adata
    frame = adata.to_df().T
    frame.index = frame.index.map("{}~".format)
    frame.columns = [f"{i * 7 % 64}~q" for i in range(adata.n_obs)]
    frame.to_csv(tmp_path / "cells.csv")
    (tmp_path / "tfs.txt").write_text("\n".join(frame.index[:4]))
    read = from_files(cells=str(tmp_path / "cells.csv"), tfs=str(tmp_path / "tfs.txt")).adata
    assert read.shape == adata.shape
    adata.T.write_h5ad(tmp_path / "turned.h5ad")
    read = from_files(cells=str(tmp_path / "turned.h5ad"), tfs=str(files["tfs"])).adata
    assert read.shape == adata.shape


@pytest.mark.parametrize("missing", ["cells", "tfs", "truth"])
def test_a_missing_file_is_named(files: dict[str, Path], missing: str) -> None:
    files[missing].unlink()
    with pytest.raises(InputError, match=files[missing].name):
        from_files(**{key: str(path) for key, path in files.items()})


@pytest.mark.parametrize("missing", ["tfs", "truth", "aliases"])
def test_what_is_cheap_to_check_is_checked_before_the_cells_are_read(
    files: dict[str, Path], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*_: object, **__: object) -> None:
        pytest.fail("the cells were read")

    monkeypatch.setattr("grn.data.sources.read_cells", read)
    with pytest.raises(InputError, match=r"none\.csv"):
        from_files(**{"cells": str(files["cells"]), missing: "none.csv"})
