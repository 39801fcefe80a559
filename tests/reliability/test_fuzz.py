"""The fuzzer counts as lost what ends in any other way than a result or our own error."""

import gzip
import importlib
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import h5py
import pytest

from grn.errors import InputError

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts/reliability"


@pytest.fixture(scope="module")
def script() -> Iterator[Callable[[str], ModuleType]]:
    """Import a script by name; the scripts import each other from their folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        yield importlib.import_module


def raise_our_own(_: Path) -> None:
    msg = "mend it"
    raise InputError(msg)


def raise_out_of_memory(_: Path) -> None:
    try:
        raise MemoryError
    except MemoryError as error:
        msg = "cannot read"
        raise InputError(msg) from error


def raise_without_end(_: Path) -> None:
    class Unbounded(InputError):
        def __str__(self) -> str:
            return "x" * 10**6

    msg = ""
    raise Unbounded(msg)


def take_memory(_: Path) -> None:
    bytearray(300 << 20)


@pytest.mark.parametrize(
    ("call", "failed"),
    [
        (Path.read_bytes, None),
        (raise_our_own, None),
        (lambda path: path.no_such, "AttributeError at test_fuzz.py"),
        (raise_out_of_memory, "memory"),
        (raise_without_end, "message of 1000000 characters"),
        (take_memory, "memory"),
    ],
)
def test_outcomes(
    call: Any, failed: str | None, script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    child, mutate = script("fuzz_child"), script("fuzz_mutate")
    target = script("fuzz_targets").Target("files", list, call, 1)
    watch = child.Watch(target, tmp_path)
    watch.feed(mutate.Case({"cells.csv": b"1,2"}, "cells.csv"))
    assert watch.n == 1
    assert (tmp_path / "input/cells.csv").read_bytes() == b"1,2"
    if failed is None:
        assert watch.failed == {}
        assert watch.n_results + watch.n_refused == 1
    else:
        (kind,) = watch.failed
        assert kind.startswith(failed)
        assert [*tmp_path.glob("failed-*/cells.csv")]


def test_an_input_that_ends_the_process_is_lost_and_the_others_go_on(
    script: Callable[[str], ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fuzz = script("fuzz")
    started: list[int] = []

    def run(command: list[Any], **_: Any) -> "subprocess.CompletedProcess[str]":
        first = int(command[4])
        started.append(first)
        (tmp_path / "work/input").mkdir(parents=True, exist_ok=True)
        (tmp_path / "work/n").write_text("2")
        left = {"n": 10 - first, "n_results": 1, "seconds": 0.5, "memory": 7, "failed": {}}
        code = -11 if first == 0 else 0
        return subprocess.CompletedProcess(command, code, json.dumps(left), "")

    monkeypatch.setattr(fuzz.subprocess, "run", run)
    total = fuzz.fed("tf_lists", "changed", 10, tmp_path / "work")
    assert started == [0, 3]
    assert total["n"] == 10
    assert total["failed"] == {"ended by signal 11": 1}
    assert (tmp_path / "work-ended-3").is_dir()


def test_changes_are_the_same_for_the_same_number_and_keep_containers_whole(
    script: Callable[[str], ModuleType],
) -> None:
    mutate = script("fuzz_mutate")
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a", b"0" * 50)
    tree = BytesIO()
    with h5py.File(tree, "w") as file:
        file["x"] = [1, 2, 3]
        file["y"] = [4, 5]
    for data in (b"a,b\n1,2\n" * 9, gzip.compress(b"a" * 99), packed.getvalue(), tree.getvalue()):
        case = mutate.Case({"x": data}, "x")
        once, again = (
            [mutate.changed(case, [case], Random(n)).files["x"] for n in range(30)] for _ in "ab"
        )
        if data[:4] != b"\x89HDF":  # which holds the time of a change
            assert once == again
        assert len(set(once)) > 15
    whole = [mutate.changed(case, [case], Random(n)).files["x"] for n in range(30)]
    assert sum(is_readable(data) for data in whole) > 10


def is_readable(data: bytes) -> bool:
    try:
        with h5py.File(BytesIO(data)) as file:
            return len(file) >= 0
    except (OSError, RuntimeError, KeyError, OverflowError):
        return False


def test_a_child_reads_some_inputs_of_a_reader(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPTS / "fuzz_child.py", "tf_lists", "changed", "0", "40", tmp_path],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["n"] == 40
    assert found["n_results"] > 20
    assert found["failed"] == {}
