import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import grn
from grn.errors import InputError
from grn.files import _HERE, exists, is_file, replacing


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "edges.tsv"
    path.write_text("old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            assert path.read_text() == "old"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("edges.tsv", "old")]
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("edges.tsv", "new")]


def test_a_missing_folder_is_the_users_to_fix(tmp_path):
    with (
        pytest.raises(InputError, match="cannot be written"),
        replacing(tmp_path / "absent" / "edges.tsv") as temporary,
    ):
        temporary.write_text("text")


_KILLED = """
import os, signal, sys
from grn.files import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half")
    print(temporary, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path):
    path = tmp_path / "edges[1].tsv"
    root = Path(grn.__file__).parents[1]
    command = [sys.executable, "-c", _KILLED, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == -signal.SIGKILL
    left = Path(done.stdout.strip())
    assert left.read_text() == "half"
    assert not path.exists()
    others = [".edges[1].tsv.elsewhere-1.tmp", ".edges[1].tsv.tmp", ".other.tsv-1.tmp", ".lock"]
    for name in others:
        (tmp_path / name).touch()
    ours = left.with_name(left.name.replace(left.name.rpartition("-")[2], "1.tmp"))
    ours.touch()  # process 1 is running
    with replacing(path) as temporary:
        temporary.write_text("first")
    assert left.exists()  # it may be of a running process of another container
    days_ago = time.time() - 2 * 86_400
    for file in (left, ours):
        os.utime(file, (days_ago, days_ago))
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert {one.name for one in tmp_path.iterdir()} == {path.name, ours.name, *others}


def test_what_cannot_be_removed_stops_no_write(tmp_path, monkeypatch):
    path = tmp_path / "edges.tsv"
    left = tmp_path / f".edges.tsv.{_HERE}-999999999.tmp"
    left.touch()
    os.utime(left, (0, 0))
    unlink = Path.unlink

    def of_another_user(file, missing_ok=False):
        if file == left:
            raise PermissionError(file)
        unlink(file, missing_ok)

    monkeypatch.setattr(Path, "unlink", of_another_user)
    with replacing(path) as temporary:
        temporary.write_text("new")
    assert (path.read_text(), left.exists()) == ("new", True)


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "absent", "\ud800"])
def test_there_is_no_file_of_a_name_that_no_file_can_have(tmp_path, name):
    assert not exists(tmp_path / name)
    assert not is_file(tmp_path / name)


def test_a_folder_exists_and_is_no_file(tmp_path):
    assert exists(tmp_path)
    assert not is_file(tmp_path)
    (tmp_path / "file").touch()
    assert exists(tmp_path / "file")
    assert is_file(str(tmp_path / "file"))
