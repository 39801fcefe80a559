"""Where data is looked for: `GRN_DATA`, else the stated places; then the cache."""

from pathlib import Path

import pytest

from grn.data.datasets import root
from grn.errors import InputError


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a checkout without any data nearby."""
    work = tmp_path / "a" / "work"
    work.mkdir(parents=True)
    monkeypatch.delenv("GRN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(work)
    monkeypatch.setattr(root, "__file__", str(tmp_path / "b" / "checkout/grn/data/library/r"))
    return tmp_path


def test_environment_wins(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "a/work/data/beeline").mkdir(parents=True)
    monkeypatch.setenv("GRN_DATA", str(nowhere))
    assert root.data_roots() == [nowhere, nowhere / "cache" / "grn"]
    monkeypatch.setenv("GRN_DATA", str(nowhere / "missing"))
    with pytest.raises(InputError, match=r"GRN_DATA=.*is not a folder"):
        root.data_roots()


@pytest.mark.parametrize("place", ["b/shared/data", "a/shared/data", "a/work/data"])
def test_places_without_it(nowhere: Path, place: str) -> None:
    (nowhere / place / "tf_lists").mkdir(parents=True)
    assert root.data_folder() == nowhere / place
    assert root.data_roots() == [nowhere / place, nowhere / "cache" / "grn"]


def test_a_folder_without_data_sets_is_not_taken(nowhere: Path) -> None:
    (nowhere / "a/work/data").mkdir()
    assert root.data_folder() is None
    assert root.data_roots() == [nowhere / "cache" / "grn"]
