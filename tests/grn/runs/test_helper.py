from pathlib import Path
from typing import Any

import pytest
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from grn.runs import helper
from grn.runs.run import run
from grn.training import distributed
from tests.helpers import file_config


@pytest.fixture
def second(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The second of two processes that Lightning started."""
    monkeypatch.setattr(rank_zero_only, "rank", 1, raising=False)  # Lightning keeps it
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setenv("NODE_RANK", "0")
    monkeypatch.setattr(distributed.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    return monkeypatch


@pytest.mark.parametrize("overwrite", [False, True])
def test_it_trains_from_where_the_first_one_does_and_writes_nothing(
    second: pytest.MonkeyPatch, files: dict[str, Path], tmp_path: Path, overwrite: bool
) -> None:
    seen: list[Any] = []

    def trains(plan: Any, resume_from: Path | None) -> None:
        seen.append((plan.run_logger, plan._trainer.world_size, resume_from))

    second.setattr(helper.Unsupervised, "help_to_train", trains)
    settings = ("trainer.devices=2", "logger=csv", f"overwrite={overwrite}")
    config = file_config(tmp_path / "run", files, *settings)
    last = tmp_path / "run/checkpoints/last.ckpt"
    last.parent.mkdir(parents=True)
    last.touch()
    second.setattr(helper, "is_whole", lambda path, _: path == last)
    with pytest.raises(SystemExit) as ended:
        run(config)
    assert ended.value.code == 0
    assert seen == [(False, 2, None if overwrite else last)]
    assert list((tmp_path / "run").rglob("*")) == [last.parent, last]


def test_without_a_training_there_is_nothing_to_help_with(
    second: pytest.MonkeyPatch, files: dict[str, Path], tmp_path: Path
) -> None:
    second.setattr(helper, "read_inputs", lambda _: pytest.fail("cells were read"))
    with pytest.raises(SystemExit) as ended:
        run(file_config(tmp_path / "run", files, "trainer.devices=2"), train=False)
    assert ended.value.code == 0
