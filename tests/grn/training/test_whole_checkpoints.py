from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.training.fit import build_loader, build_predictor
from grn.training.whole_checkpoints import WholeCheckpoints, is_whole
from tests.helpers import broken, cut_off_by_a_full_disk, tfs_of, train, written

if TYPE_CHECKING:
    from anndata import AnnData
    from omegaconf import DictConfig


def test_a_checkpoint_replaces_the_one_before_or_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "last.ckpt"
    keeper = WholeCheckpoints()
    keeper.save_checkpoint({"step": 1}, path)
    assert torch.load(path) == {"step": 1}
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", cut_off_by_a_full_disk)
        with pytest.raises(InputError, match="No space left"):
            keeper.save_checkpoint({"step": 2}, path)
    assert torch.load(path) == {"step": 1}
    assert written(path.parent) == {"last.ckpt"}
    keeper.save_checkpoint({"step": 2}, path)
    assert torch.load(path) == {"step": 2}


def test_what_says_nothing_of_the_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error, expected, message in (
        (MemoryError(), MemoryError, ""),
        (PermissionError(13, "Permission denied"), InputError, "Permission denied.*make it read"),
    ):
        monkeypatch.setattr(torch, "load", broken(error))
        with pytest.raises(expected, match=message):
            is_whole(tmp_path / "last.ckpt")


def test_a_training_writes_no_checkpoint_into_the_folder_of_temporary_files(
    tmp_path: Path, config: "DictConfig", small: "AnnData", monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = preprocess(small)
    dataset = CellDataset(cells)
    module = build_predictor(config, dataset, tfs_of(cells), build_loader(config, dataset), {})

    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.mkstemp", refuse)
    train(config, module, cells)
    folder = tmp_path / "run/checkpoints"
    assert written(folder) == {"best.ckpt", "last.ckpt"}
    last = folder / "last.ckpt"
    assert is_whole(last)
    assert not is_whole(last, "other cells")
    cut, content = tmp_path / "cut.ckpt", last.read_bytes()
    for n_bytes in (0, 100, len(content) // 2, len(content) - 1):
        cut.write_bytes(content[:n_bytes])
        assert not is_whole(cut), n_bytes
    torch.save({"state_dict": {}}, cut)
    assert not is_whole(cut)
    torch.save([1, 2], cut)
    assert not is_whole(cut)
    assert not is_whole(tmp_path / "absent.ckpt")
