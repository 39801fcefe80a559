"""Where data is looked for: `GRN_DATA`, else the stated places; then the cache."""

from pathlib import Path

import pytest

from grn.data.datasets import root
from grn.errors import InputError


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory without any data."""
    work = tmp_path / "a" / "work"
    work.mkdir(parents=True)
    monkeypatch.delenv("GRN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(work)
    return tmp_path


def test_environment_wins(nowhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (nowhere / "a/work/data/beeline").mkdir(parents=True)
    monkeypatch.setenv("GRN_DATA", str(nowhere))
    assert root.data_roots() == [nowhere, nowhere / "cache" / "grn"]
    monkeypatch.setenv("GRN_DATA", str(nowhere / "missing"))
    with pytest.raises(InputError, match=r"GRN_DATA=.*is not a folder"):
        root.data_roots()


def test_data_of_the_working_directory(nowhere: Path) -> None:
    (nowhere / "a/work/data/tf_lists").mkdir(parents=True)
    assert root.data_folder() == nowhere / "a/work/data"
    assert root.data_roots() == [nowhere / "a/work/data", nowhere / "cache" / "grn"]


def test_no_other_folder_is_looked_into(nowhere: Path) -> None:
    for elsewhere in ("a/shared/data", "b/shared/data", "shared/data"):
        (nowhere / elsewhere / "beeline").mkdir(parents=True)
    assert root.data_folder() is None


def test_a_folder_without_data_sets_is_not_taken(nowhere: Path) -> None:
    (nowhere / "a/work/data").mkdir()
    assert root.data_folder() is None
    assert root.data_roots() == [nowhere / "cache" / "grn"]
