from pathlib import Path
from typing import TYPE_CHECKING

import anndata
import numpy as np
import pytest
import scipy.sparse as sp

from grn.errors import InputError
from grn.expression import fingerprint
from grn.runs.folder import (
    CONFIG,
    EDGES,
    LAST_CHECKPOINT,
    check_folder,
    open_folder,
    remove_if_empty,
)
from tests.helpers import fast_config, written

if TYPE_CHECKING:
    from omegaconf import DictConfig


@pytest.fixture
def cells() -> anndata.AnnData:
    rng = np.random.default_rng(0)
    return anndata.AnnData(sp.csr_matrix(rng.poisson(1.0, (20, 5)).astype(np.float32)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def interrupt(folder: Path, config: "DictConfig", cells: anndata.AnnData) -> Path:
    """Leave what an interrupted run leaves."""
    assert open_folder(folder, config, fingerprint(cells), overwrite=False) is None
    checkpoint = folder / LAST_CHECKPOINT
    checkpoint.parent.mkdir()
    checkpoint.write_text("checkpoint")
    return checkpoint


def test_checking_creates_nothing(folder: Path, tmp_path: Path) -> None:
    check_folder(folder / "deep" / "er", overwrite=False)
    assert written(tmp_path) == set()


def test_a_result_is_not_overwritten_unasked(folder: Path) -> None:
    folder.mkdir()
    (folder / EDGES).write_text("result")
    with pytest.raises(InputError, match=r"already holds a result\. Pass --overwrite"):
        check_folder(folder, overwrite=False)
    check_folder(folder, overwrite=True)
    assert (folder / EDGES).read_text() == "result"


def test_a_file_or_a_path_below_one_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match=r"is a file\. Expected a folder"):
        check_folder(tmp_path / "file", overwrite=True)
    with pytest.raises(InputError, match=r"cannot write to .*Choose a folder"):
        check_folder(tmp_path / "file" / "run", overwrite=False)


def test_a_folder_that_cannot_be_written_to(
    folder: Path, monkeypatch: pytest.MonkeyPatch, config: "DictConfig", cells: anndata.AnnData
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", refuse)
        with pytest.raises(InputError, match=r"Permission denied\. Choose a folder"):
            check_folder(folder, overwrite=False)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"cannot create .*Permission denied"):
        open_folder(folder, config, fingerprint(cells), overwrite=False)


def test_opening_writes_the_resolved_settings(
    folder: Path, config: "DictConfig", cells: anndata.AnnData
) -> None:
    assert open_folder(folder, config, fingerprint(cells), overwrite=False) is None
    assert written(folder) == {CONFIG}
    text = (folder / CONFIG).read_text()
    assert "${" not in text
    assert f"cells: {fingerprint(cells)}" in text


def test_the_same_run_goes_on(folder: Path, config: "DictConfig", cells: anndata.AnnData) -> None:
    checkpoint = interrupt(folder, config, cells)
    assert open_folder(folder, config, fingerprint(cells), overwrite=False) == checkpoint
    checkpoint.unlink()
    assert open_folder(folder, config, fingerprint(cells), overwrite=False) is None


@pytest.mark.parametrize("change", ["seed=1", "optimizer.lr=0.1", "model.max_cells=50"])
def test_a_run_with_other_settings_does_not_go_on(
    folder: Path, config: "DictConfig", cells: anndata.AnnData, change: str
) -> None:
    checkpoint = interrupt(folder, config, cells)
    other = fast_config(folder, change)
    with pytest.raises(InputError, match=r"other settings or other cells .*--overwrite"):
        open_folder(folder, other, fingerprint(cells), overwrite=False)
    assert checkpoint.exists()
    assert open_folder(folder, other, fingerprint(cells), overwrite=True) is None
    assert written(folder) == {CONFIG}


def test_a_run_on_other_cells_does_not_go_on(
    folder: Path, config: "DictConfig", cells: anndata.AnnData
) -> None:
    interrupt(folder, config, cells)
    other = cells.copy()
    other.X[3, 2] += 1
    with pytest.raises(InputError, match="other settings or other cells"):
        open_folder(folder, config, fingerprint(other), overwrite=False)


def test_how_long_and_where_may_change(
    folder: Path, config: "DictConfig", cells: anndata.AnnData
) -> None:
    interrupt(folder, config, cells)
    moved = folder.with_name("moved")
    folder.rename(moved)
    longer = fast_config(moved, "trainer.max_steps=12")
    found = open_folder(moved, longer, fingerprint(cells), overwrite=False)
    assert found == moved / LAST_CHECKPOINT


def test_overwriting_leaves_other_files_alone(
    folder: Path, config: "DictConfig", cells: anndata.AnnData
) -> None:
    interrupt(folder, config, cells)
    (folder / EDGES).write_text("result")
    (folder / "notes.txt").write_text("mine")
    assert open_folder(folder, config, fingerprint(cells), overwrite=True) is None
    assert written(folder) == {CONFIG, "notes.txt"}


def test_fingerprint_tells_names_values_and_places_apart(cells: anndata.AnnData) -> None:
    same, dense, renamed, recelled, moved = (cells.copy() for _ in range(5))
    renamed.var_names = [f"g{i}" for i in range(5)]
    recelled.obs_names = [f"c{i}" for i in range(20)]
    moved.X = sp.csr_matrix(cells.X.toarray()[:, ::-1])
    dense.X = cells.X.toarray()
    others = [fingerprint(adata) for adata in (renamed, recelled, moved)]
    assert fingerprint(same) == fingerprint(cells)
    assert len({fingerprint(cells), *others}) == 4
    changed = dense.copy()
    changed.X[0, 0] += 1
    assert fingerprint(changed) != fingerprint(dense)


def test_fingerprint_is_of_the_cells_not_of_how_they_are_kept(
    cells: anndata.AnnData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = fingerprint(cells)
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 30)
    assert fingerprint(cells) == expected
    assert fingerprint(anndata.AnnData(cells.X.toarray(), cells.obs, cells.var)) == expected
    cells.write_h5ad(tmp_path / "x.h5ad")
    assert fingerprint(anndata.read_h5ad(tmp_path / "x.h5ad", backed="r")) == expected
    # The same values in the same genes, of other cells.
    moved = cells.copy()
    moved.X = sp.csr_matrix((cells.X.data, cells.X.indices, _shifted(cells.X.indptr)), (20, 5))
    assert fingerprint(moved) != expected


def _shifted(starts: np.ndarray) -> np.ndarray:
    """Move one value from the end of some row to the start of the next."""
    row = int(np.argmax(np.diff(starts[:-1]) > 1)) + 1
    return starts - (np.arange(starts.size) == row)


def test_only_an_empty_folder_is_removed(folder: Path) -> None:
    remove_if_empty(folder)
    folder.mkdir()
    remove_if_empty(folder)
    assert not folder.exists()
    folder.mkdir()
    (folder / "x").touch()
    remove_if_empty(folder)
    assert (folder / "x").exists()
