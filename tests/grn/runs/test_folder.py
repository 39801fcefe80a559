import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
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
    LOCK,
    Resumed,
    check_folder,
    check_no_result,
    check_space,
    create_folder,
    locked,
    open_folder,
    remove_if_empty,
    saying_when_full,
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
    create_folder(folder)
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


def test_a_folder_that_cannot_be_written_to(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.TemporaryFile", refuse)
        with pytest.raises(InputError, match=r"Permission denied\. Choose a folder"):
            check_folder(folder, overwrite=False)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputError, match=r"cannot create .*Permission denied"):
        create_folder(folder)


def test_opening_writes_the_resolved_settings(
    folder: Path, config: "DictConfig", cells: anndata.AnnData
) -> None:
    create_folder(folder)
    assert open_folder(folder, config, fingerprint(cells), overwrite=False) is None
    assert written(folder) == {CONFIG}
    text = (folder / CONFIG).read_text()
    assert "${" not in text
    assert f"cells: {fingerprint(cells)}" in text


def test_the_same_run_goes_on(folder: Path, config: "DictConfig", cells: anndata.AnnData) -> None:
    checkpoint = interrupt(folder, config, cells)
    found = open_folder(folder, config, fingerprint(cells), overwrite=False)
    assert found == Resumed(checkpoint, [])
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
    quiet = fast_config(moved, "trainer.log_every_n_steps=1")
    found = open_folder(moved, quiet, fingerprint(cells), overwrite=False)
    assert found == Resumed(moved / LAST_CHECKPOINT, [])
    longer = fast_config(moved, "trainer.max_steps=12", "callbacks.early_stopping.patience=3")
    found = open_folder(moved, longer, fingerprint(cells), overwrite=False)
    changed = ["trainer.max_steps", "callbacks.early_stopping.patience"]
    assert found == Resumed(moved / LAST_CHECKPOINT, changed)
    assert "max_steps: 12" in (moved / CONFIG).read_text()


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


def test_two_runs_do_not_share_a_folder(folder: Path) -> None:
    create_folder(folder)
    with locked(folder):
        assert written(folder) == {LOCK}
        with pytest.raises(InputError, match=r"another run is writing to .*choose another"):
            check_folder(folder, overwrite=True)
        with pytest.raises(InputError, match="another run is writing"), locked(folder):
            pass
        assert (folder / LOCK).exists()
    assert written(folder) == set()
    (folder / LOCK).touch()  # of a run that was killed
    check_folder(folder, overwrite=False)
    with locked(folder):
        pass
    assert written(folder) == set()


def test_another_process_is_kept_out(folder: Path) -> None:
    create_folder(folder)
    program = "import sys, filelock; filelock.FileLock(sys.argv[1], timeout=0).acquire()"
    arguments = [sys.executable, "-c", program, str(folder / LOCK)]
    with locked(folder):
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
        assert "Timeout" in done.stderr
    assert subprocess.run(arguments, check=False).returncode == 0


def test_a_lock_that_cannot_be_had_is_a_warning(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    create_folder(folder)
    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with locked(folder):
        pass
    assert "cannot be locked" in caplog.text


def test_a_result_of_a_faster_run_stays(folder: Path) -> None:
    create_folder(folder)
    check_no_result(folder, overwrite=False)
    (folder / EDGES).touch()
    check_no_result(folder, overwrite=True)
    with pytest.raises(InputError, match="already holds a result"):
        check_no_result(folder, overwrite=False)


def test_a_result_needs_room(folder: Path) -> None:
    check_space(folder, 1000)
    with pytest.raises(InputError, match=r"takes about 1048576\.0 MB, and .* MB left\. Free"):
        check_space(folder, 2**40)
    assert not folder.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_whoever_says_it(folder: Path, number: int) -> None:
    with (
        pytest.raises(InputError, match=r"the disk of .* is full .*elsewhere"),
        saying_when_full(folder),
    ):
        raise InputError("cannot be written") from OSError(number, "no space")  # noqa: EM101


def test_little_room_explains_what_a_library_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_folder(folder)
    with pytest.raises(RuntimeError, match="writer failed"), saying_when_full(folder):
        raise RuntimeError("writer failed")  # noqa: EM101
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match="is full"), saying_when_full(folder):
        raise RuntimeError("writer failed")  # noqa: EM101
    with pytest.raises(KeyError), saying_when_full(folder):
        raise KeyError
