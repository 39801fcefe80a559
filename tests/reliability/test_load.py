"""The measurements of load: what they watch, and when they say that a run did not survive."""

import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
TAKES = """
import subprocess, sys, time
if len(sys.argv) > 1:
    held = bytearray(b"1" * 150_000_000)
    time.sleep(1.5)
else:
    subprocess.run([sys.executable, __file__, "child"], check=True)
"""


@pytest.fixture(autouse=True)
def scripts_folder() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS / "timing")
        patch.syspath_prepend(SCRIPTS / "reliability")
        yield


@pytest.fixture
def load() -> ModuleType:
    return importlib.import_module("load")


@pytest.fixture
def watch() -> ModuleType:
    return importlib.import_module("watch")


def test_the_memory_of_children_counts(watch: ModuleType, tmp_path: Path) -> None:
    script = tmp_path / "takes.py"
    script.write_text(TAKES, encoding="utf-8")
    used = watch.watched([sys.executable, str(script)], tmp_path / "log.txt")
    assert 1.5e8 < used.peak < 4e8
    assert used.seconds > 1.5
    assert used.between(0.0, 1.0) == used.peak


def test_a_command_that_fails_is_an_error_with_what_it_said(
    watch: ModuleType, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such cells')"]
    with pytest.raises(RuntimeError, match=r"ended with 1: no such cells"):
        watch.watched(command, tmp_path / "log.txt")


def test_memory_is_told_by_the_time(watch: ModuleType) -> None:
    used = watch.Watched(10.0, [(1.0, 5), (4.0, 9), (9.0, 7)])
    assert [used.between(0, 0.2), used.between(0.3, 0.5), used.between(0.5, 0.6)] == [5, 9, 0]
    assert used.peak == 9


@pytest.mark.parametrize(
    ("bytes_per_cell", "survived"), [({"true": 500, "false": 5000}, [1, 1]),
                                     ({"true": 5000, "false": 5000}, [1, 0]),
                                     ({"true": 500, "false": 120_000}, [0, 1])],
)  # fmt: skip
def test_growth_with_cells_decides(
    bytes_per_cell: dict[str, int],
    survived: list[int],
    load: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[int] = []

    def write_cells(_path: Path, n_cells: int, _n_genes: int, **_: Any) -> None:
        written.append(n_cells)

    def watched(command: Sequence[str], _log: Path) -> Any:
        on_disk = command[-1].removeprefix("data.on_disk=")
        return load.Watched(2.0, [(1.0, 700_000_000 + written[-1] * bytes_per_cell[on_disk])])

    monkeypatch.setattr(load, "write_cells", write_cells)
    monkeypatch.setattr(load, "watched", watched)
    rows = list(load.rows(short=True))
    assert written == [2000, 20_000]
    assert [row.survived for row in rows] == survived
    assert f"{bytes_per_cell['false'] / 1e3:.1f} kB per cell, 2 s, 10,000 cells" in rows[0].figures


def test_a_run_above_its_limit_does_not_survive(
    load: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "write_cells", lambda *_, **__: None)
    monkeypatch.setattr(load, "watched", lambda *_: load.Watched(100.0, [(50.0, 5_000_000_000)]))
    rows = list(load.rows(short=False))
    assert [row.survived for row in rows] == [0, 0, 1]  # 4, 4 and 8 GB
    assert rows[0].what.startswith("1,000,000 cells × 2,000 genes, 100 TFs, matrix in memory")
    assert "10,000 cells per second, peak 5.00 GB" in rows[0].figures
