from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from grn.model.pretrained import PRETRAINED, find_network, read_pretrained
from grn.runs.folder import locked
from tests.helpers import SMALL_PRETRAINING, refuses, written

Cli = Callable[..., tuple[int, str, str]]
QUICK = (*SMALL_PRETRAINING, "max_steps=2", "trainer.devices=1", "trainer.strategy=auto")


@pytest.fixture
def pretrain(cli: Cli) -> Cli:
    """Run a quick `grn pretrain` into the folder `out`."""
    return lambda *overrides: cli("pretrain", "logger=none", *QUICK, *overrides)


def test_the_transformer_is_where_it_was_asked_for_and_is_not_replaced(
    pretrain: Cli, tmp_path: Path
) -> None:
    code, _, err = pretrain()
    assert code == 0, err
    path = tmp_path / "out/transformer.pt"
    assert "transformer.pt" in written(tmp_path / "out")
    assert "simulating 4 networks" in err
    assert "1 are held out" in err
    assert "auprc_ratio/bulk" in err
    found = find_network(torch.rand(31, 7), torch.tensor([2, 5]), path)
    assert found.scores.abs().max() > 0
    refuses(pretrain("seed=1"), "already holds a result", "overwrite=true")
    assert torch.load(path, weights_only=True)["seed"] == 0
    assert pretrain("seed=1", "overwrite=true")[0] == 0
    assert torch.load(path, weights_only=True)["seed"] == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("n_networks.bulk=1", "expected at least 2"),
        ("n_networks.protein=5", "protein"),
        ("transformer.n_heads=0", "n_heads"),
        ("max_steps=many", "max_steps"),
        ("transformer.n_colours=2", "n_colours"),
        ("n_jobs=0", "-1 for one per core"),
        ("real=[mDC]", "expected collection/name/network"),
    ],
)
def test_what_does_not_fit_is_refused(
    override: str, message: str, pretrain: Cli, tmp_path: Path
) -> None:
    refuses(pretrain(override), message)
    assert not (tmp_path / "out").exists()


def test_the_log_of_a_run_that_is_writing_stays(
    pretrain: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").mkdir()
    log = tmp_path / "out/run.jsonl"
    log.write_text("of the other run\n")
    # The other one has begun after the first look at the folder.
    monkeypatch.setattr("grn.runs.folder.check_folder", lambda *_: None)
    with locked(tmp_path / "out"):
        refuses(pretrain("overwrite=true"), "another run is writing")
    assert log.read_text() == "of the other run\n"


def test_the_second_stage_goes_on_from_the_weights_of_the_package(
    cli: Cli, tmp_path: Path
) -> None:
    code, _, err = cli(
        *("pretrain", "stage=interventions", "logger=none", "max_steps=1", "n_jobs=1"),
        *("n_networks.bulk_screen=2", "n_networks.cell_screen=0", "n_networks.boolean_screen=0"),
        *("trainer.devices=1", "trainer.strategy=auto", "output=out"),
    )
    assert code == 0, err
    assert "auprc_ratio/bulk_screen" in err
    made, first = (read_pretrained(path) for path in (tmp_path / "out/transformer.pt", PRETRAINED))
    assert made.transformer.interventional
    assert torch.equal(made.blend, first.blend)
