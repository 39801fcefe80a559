from pathlib import Path

import pytest
import torch

from grn.errors import InputError
from grn.training.serialise import write_tensors
from tests.helpers import cut_off_by_a_full_disk, written


def test_a_full_disk_is_said_and_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.pt"
    write_tensors({"weight": torch.ones(2)}, path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", cut_off_by_a_full_disk)
        with pytest.raises(InputError, match="No space left"):
            write_tensors({"weight": torch.zeros(2)}, path)
    assert torch.load(path, weights_only=True)["weight"].tolist() == [1, 1]
    assert written(tmp_path) == {"weights.pt"}


def test_the_name_of_the_file_is_not_in_its_bytes(tmp_path: Path) -> None:
    for name in ("a.pt", "another.pt"):
        write_tensors({"weight": torch.ones(2)}, tmp_path / name)
    assert (tmp_path / "a.pt").read_bytes() == (tmp_path / "another.pt").read_bytes()
