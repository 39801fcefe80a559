import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import FAST, broken, written

Cli = Callable[..., tuple[int, str, str]]


def test_an_end_asked_for_by_the_system_is_told_as_an_interrupt(
    infer: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)

    monkeypatch.setattr("grn.runs.run.read_inputs", ended)
    before = signal.getsignal(signal.SIGTERM)
    code, _, err = infer()
    assert code == 143
    assert "interrupted before anything was written; the same command starts again" in err
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("command", ["infer", "train"])
def test_an_interrupt_exits_with_130(
    cli: Cli,
    files: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    command: str,
) -> None:
    from grn.training.module import PredictionModule

    arguments: tuple[object, ...] = (
        *("infer", files["cells"], "--train", "--output", "out", "--set", *FAST),
    )
    if command == "train":
        cells = f"data.cells={files['cells']}"
        arguments = ("train", "data=file", cells, "logger=none", "hydra.run.dir=out", *FAST)
    step = PredictionModule.training_step

    def pressed(module: PredictionModule, cells: Any, index: int) -> Any:
        return broken(KeyboardInterrupt())() if index == 6 else step(module, cells, index)

    with monkeypatch.context() as patch:
        patch.setattr(PredictionModule, "training_step", pressed)
        code, _, err = cli(*arguments)
    assert code == 130
    assert "interrupted; the same command continues from the last saved step, 4" in err
    assert "Traceback" not in err
    assert "checkpoints/last.ckpt" in written(tmp_path / "out")
    assert cli(*arguments)[0] == 0
    assert "edges.tsv" in written(tmp_path / "out")
