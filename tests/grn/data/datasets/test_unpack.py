"""Unpacking: what is wanted, whole or not at all, and nothing outside its folder."""

import stat
import zipfile
from pathlib import Path

import pytest

from grn.data.datasets import unpack as module
from grn.data.datasets.unpack import find_unpacked, new_folder, unpack
from grn.errors import InputError
from tests.helpers import written
from tests.record_server import zipped


def everything(_name: str) -> bool:
    return True


def archive(folder: Path, content: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(content)
    return path


def test_wanted_members_are_unpacked(tmp_path: Path) -> None:
    path = archive(tmp_path, zipped({"top/a.csv": "1", "top/b/c.csv": "2", "d.txt": "3"}))
    unpack(path, tmp_path / "deep" / "out", lambda name: name.endswith(".csv"))
    assert written(tmp_path / "deep") == {
        "out", "out/top", "out/top/a.csv", "out/top/b", "out/top/b/c.csv"
    }  # fmt: skip
    assert (tmp_path / "deep/out/top/b/c.csv").read_text() == "2"


@pytest.mark.parametrize(
    "name",
    ["../evil", "a/../../evil", "/evil", "\\evil", "..\\evil", "C:evil", "c:\\evil", "a\\..\\b"],
)
def test_names_that_lead_out_are_refused(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path, zipped({"good.txt": "1", name: "2"}))
    with pytest.raises(InputError, match=r"not safe to unpack: .*evil|not safe to unpack: .*b'"):
        unpack(path, tmp_path / "out", everything)
    assert written(tmp_path) == {"a.zip"}
    assert not (tmp_path.parent / "evil").exists()


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("good.txt", "1")
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="'link' is a link"):
        unpack(tmp_path / "a.zip", tmp_path / "out", everything)
    assert written(tmp_path) == {"a.zip"}


def test_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive(tmp_path, zipped({"zeros": "0" * 5_000_000}))
    with pytest.raises(InputError, match=r"would grow to 5\.0 MB"):
        unpack(path, tmp_path / "out", everything)
    monkeypatch.setattr(module, "LARGEST", 999)
    path = archive(tmp_path, zipped({"a": "abc" * 333, "b": "x"}))
    with pytest.raises(InputError, match="not safe to unpack"):
        unpack(path, tmp_path / "out", everything)
    assert written(tmp_path) == {"a.zip"}
    monkeypatch.setattr(module, "LARGEST", 1000)
    unpack(path, tmp_path / "out", everything)
    assert (tmp_path / "out" / "b").read_text() == "x"


def test_damaged_archives(tmp_path: Path) -> None:
    whole = zipped({"a.txt": "abcdefgh" * 100, "b.txt": "b"})
    inside = whole.index(b"a.txt") + 20
    flipped = whole[:inside] + bytes([whole[inside] ^ 0xFF]) + whole[inside + 1 :]
    for content in (whole[:-30], whole[:50], b"", b"no zip at all", flipped):
        with pytest.raises(InputError, match="truncated or corrupt"):
            unpack(archive(tmp_path, content), tmp_path / "out", everything)
        assert written(tmp_path) == {"a.zip"}


def test_a_folder_appears_whole(tmp_path: Path) -> None:

    def fail() -> None:
        with new_folder(tmp_path / "x") as folder:
            (folder / "half").write_text("1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert written(tmp_path) == set()
    with new_folder(tmp_path / "x") as folder:
        (folder / "file").write_text("1")
        assert not (tmp_path / "x").exists()
    assert written(tmp_path) == {"x", "x/file"}
    with pytest.raises(InputError, match="cannot be written"), new_folder(tmp_path / "x"):
        pass
    assert written(tmp_path) == {"x", "x/file"}


def test_find_by_the_end_of_the_path(tmp_path: Path) -> None:
    for name in ("mESC/GeneOrdering.csv", "mesc2/GeneOrdering.csv", "Net/Non-Specific.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1")
    found = find_unpacked(tmp_path, "mESC/GeneOrdering.csv")
    assert found == tmp_path / "mESC" / "GeneOrdering.csv"
    assert find_unpacked(tmp_path, "Non-specific.csv").name == "Non-Specific.csv"
    with pytest.raises(InputError, match=r"has no Ordering\.csv"):
        find_unpacked(tmp_path, "Ordering.csv")
