"""The data folder: `GRN_DATA` first, then the stated places, then a message that says so."""

from pathlib import Path

import pytest

from grn.data import root
from grn.errors import InputError


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a checkout without any data nearby."""
    work = tmp_path / "a" / "work"
    work.mkdir(parents=True)
    monkeypatch.delenv("GRN_DATA", raising=False)
    monkeypatch.chdir(work)
    monkeypatch.setattr(root, "__file__", str(tmp_path / "b" / "checkout" / "grn" / "data" / "r"))
    return tmp_path


def test_environment_wins(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "a/work/data/beeline").mkdir(parents=True)
    monkeypatch.setenv("GRN_DATA", str(nowhere))
    assert root.find_data_root() == nowhere
    monkeypatch.setenv("GRN_DATA", str(nowhere / "missing"))
    with pytest.raises(InputError, match=r"GRN_DATA=.*is not a folder"):
        root.find_data_root()


@pytest.mark.parametrize("place", ["b/shared/data", "a/shared/data", "a/work/data"])
def test_places_without_it(nowhere: Path, place: str) -> None:
    (nowhere / place / "tf_lists").mkdir(parents=True)
    assert root.find_data_root() == nowhere / place


def test_a_folder_without_data_sets_is_not_taken(nowhere: Path) -> None:
    (nowhere / "a/work/data").mkdir()
    with pytest.raises(InputError, match="set GRN_DATA to a folder"):
        root.find_data_root()
