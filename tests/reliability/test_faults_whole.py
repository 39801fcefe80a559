"""What `scripts/reliability/faults.py` takes for whole, half written, and the same."""

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts/reliability"


@pytest.fixture(scope="module")
def whole() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SCRIPTS)
        yield importlib.import_module("faults_whole")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two equal results."""
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "checkpoints").mkdir(parents=True)
        (folder / "edges.tsv").write_text("source\ttarget\nA\tB\nA\tC\n")
        (folder / "metrics.json").write_text(json.dumps({"auprc": 0.5, "seconds": len(name)}))
        (folder / "report.html").write_text(f"<html>{name}</html>\n")
        (folder / "run.jsonl").write_text('{"event": 1}\n{"event": 2}\n{"ev')
        torch.save({"state_dict": {"a": torch.ones(3)}}, folder / "checkpoints/best.ckpt")
    return tmp_path / "one", tmp_path / "two"


NAMES = ("edges.tsv", "metrics.json", "checkpoints/best.ckpt")


def test_whole_files_are_whole_whatever_they_say(whole: Any, folders: tuple[Path, Path]) -> None:
    assert whole.broken(*folders) == []
    assert whole.differences(*folders, NAMES) == []


@pytest.mark.parametrize(
    "name", ["edges.tsv", "metrics.json", "report.html", "checkpoints/best.ckpt"]
)
def test_half_a_file_is_found(whole: Any, folders: tuple[Path, Path], name: str) -> None:
    path = folders[0] / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert whole.broken(*folders) == [name]
    path.rename(path.with_name(f".{path.name}.here-1.tmp"))  # a temporary name is none
    assert whole.broken(*folders) == []


def test_another_result_is_found(whole: Any, folders: tuple[Path, Path]) -> None:
    one, _ = folders
    (one / "metrics.json").write_text(json.dumps({"auprc": 0.6}))
    torch.save({"state_dict": {"a": torch.ones(3) + 1e-7}}, one / "checkpoints/best.ckpt")
    (one / "edges.tsv").unlink()
    (one / ".lock").touch()
    expected = {*NAMES, "left over: .lock"}
    assert set(whole.differences(*folders, NAMES)) == expected
