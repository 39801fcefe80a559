"""Runs that are interrupted, and what they go on from. Beside test_run.py."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grn.errors import InputError
from grn.runs.run import run
from grn.training.module import PredictionModule
from tests.helpers import file_config, written


@pytest.fixture
def ctrl_c(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Press Ctrl+C in the sixth step, until the patch is undone."""
    step, presses = PredictionModule.training_step, 6

    def pressed(module: PredictionModule, cells: Any, index: int) -> Any:
        if index == presses:
            raise KeyboardInterrupt
        return step(module, cells, index)

    before = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patch:
        patch.setattr(PredictionModule, "training_step", pressed)
        yield patch
    signal.signal(signal.SIGINT, before)


def test_an_interrupted_run_goes_on_from_its_checkpoint(
    tmp_path: Path, files: dict[str, Path], ctrl_c: pytest.MonkeyPatch
) -> None:
    folder, config = tmp_path / "run", file_config(tmp_path / "run", files)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run(config)
    assert "edges.tsv" not in written(folder)
    assert "checkpoints/last.ckpt" in written(folder)
    ctrl_c.undo()
    with pytest.raises(InputError, match="other settings"):
        run(file_config(folder, files, "seed=1"))
    steps = []
    step = PredictionModule.training_step

    def counted(module: PredictionModule, cells: Any, index: int) -> Any:
        steps.append(index)
        return step(module, cells, index)

    ctrl_c.setattr(PredictionModule, "training_step", counted)
    run(config)
    assert steps == [4, 5, 6, 7]
    assert "edges.tsv" in written(folder)
    assert not {name for name in written(folder) if "lock" in name}
    record = json.loads((folder / "metrics.json").read_text())
    assert record["resumed"] == {"from_step": 4, "changed": []}


def kept(folder: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return the parameters of the best and of the last step, and the record."""
    states = {}
    for name in ("best", "last"):
        checkpoint = torch.load(folder / f"checkpoints/{name}.ckpt", weights_only=True)
        states |= {f"{name} {key}": value for key, value in checkpoint["state_dict"].items()}
    record = json.loads((folder / "metrics.json").read_text())
    return states, record


@pytest.mark.parametrize("objective", ["denoising", "supervised"])
def test_a_resumed_run_is_the_uninterrupted_one(
    tmp_path: Path,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    objective: str,
) -> None:
    from grn.supervised.module import SupervisedModule

    more: tuple[str, ...] = ("optimizer.lr=0.05",)
    module: Any = PredictionModule
    if objective == "supervised":
        truth = f"data.truth='{files['truth']}'"
        more = (*more, "objective=supervised", "split=both_seen", truth)
        module = SupervisedModule
    run(file_config(tmp_path / "whole", files, *more))
    step = module.training_step

    def pressed(self: Any, batch: Any, index: int) -> Any:
        if index == 6:
            raise KeyboardInterrupt
        return step(self, batch, index)

    before = signal.getsignal(signal.SIGINT)
    config = file_config(tmp_path / "resumed", files, *more)
    with monkeypatch.context() as patch:
        patch.setattr(module, "training_step", pressed)
        with pytest.raises(KeyboardInterrupt):
            run(config)
    signal.signal(signal.SIGINT, before)
    torch.rand(7)  # whatever was drawn before must not matter
    run(config)
    (whole, expected), (resumed, record) = kept(tmp_path / "whole"), kept(tmp_path / "resumed")
    assert whole.keys() == resumed.keys()
    for key, value in whole.items():
        assert torch.equal(resumed[key], value), key
    assert (record.pop("resumed"), expected.pop("resumed")) == (
        {"from_step": 4, "changed": []},
        None,
    )
    assert {k: v for k, v in record.items() if k != "seconds"} == {
        k: v for k, v in expected.items() if k != "seconds"
    }
    edges = [(tmp_path / name / "edges.tsv").read_bytes() for name in ("whole", "resumed")]
    assert edges[0] == edges[1]


def test_other_settings_of_the_training_are_said(
    tmp_path: Path,
    files: dict[str, Path],
    ctrl_c: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(file_config(tmp_path / "run", files))
    ctrl_c.undo()
    run(file_config(tmp_path / "run", files, "trainer.max_steps=12"))
    assert "resumed at step 4 with other settings (trainer.max_steps)" in caplog.text
    record = json.loads((tmp_path / "run/metrics.json").read_text())
    assert record["resumed"] == {"from_step": 4, "changed": ["trainer.max_steps"]}


def test_a_run_interrupted_while_writing_needs_no_further_step(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    folder = tmp_path / "run"
    run(file_config(folder, files))
    first = (folder / "edges.tsv").read_bytes()
    for name in ("edges.tsv", "metrics.json"):
        (folder / name).unlink()
    run(file_config(folder, files))
    assert (folder / "edges.tsv").read_bytes() == first


@pytest.mark.parametrize("content", [b"PK half of a checkpoint", None])
def test_a_checkpoint_that_cannot_be_used_costs_its_steps_alone(
    tmp_path: Path,
    files: dict[str, Path],
    ctrl_c: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    content: bytes | None,
) -> None:
    folder, config = tmp_path / "run", file_config(tmp_path / "run", files)
    with pytest.raises(KeyboardInterrupt):
        run(config)
    ctrl_c.undo()
    last = folder / "checkpoints/last.ckpt"
    if content is None:
        torch.save(torch.load(last, weights_only=True) | {"cells": "others"}, last)
    else:
        last.write_bytes(content)
    run(config)
    assert "last.ckpt cannot be read, or is of other cells: training starts anew" in caplog.text
    run(file_config(tmp_path / "whole", files))
    (ours, record), (whole, _) = kept(folder), kept(tmp_path / "whole")
    assert record["resumed"] is None
    assert ours.keys() == whole.keys()
    assert all(torch.equal(value, whole[key]) for key, value in ours.items())


def test_the_edges_get_their_name_last_and_no_report_costs_them(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    seen: list[Path] = []

    def fail(where: Path, edges: Path) -> None:
        assert not (where / "edges.tsv").exists()
        seen.append(edges.rename(edges.with_name("copy")))
        edges.write_bytes(seen[0].read_bytes())
        raise RuntimeError

    monkeypatch.setattr("grn.runs.run.write_report", fail)
    with pytest.raises(RuntimeError):
        run(file_config(folder, files, "report=true"), train=False)
    assert (folder / "edges.tsv").read_bytes() == seen[0].read_bytes()
