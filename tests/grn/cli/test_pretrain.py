from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.helpers import refuses, written

Cli = Callable[..., tuple[int, str, str]]
QUICK = (
    *("n_networks.boolean=2", "n_networks.single_cell=2", "n_networks.bulk=16", "n_encoders=1"),
    *("max_steps=100", "encoder.n_channels=8", "encoder.n_blocks=1", "n_jobs=1", "output=out"),
)


@pytest.fixture
def pretrain(cli: Cli) -> Cli:
    """Run a quick `grn pretrain` into the folder `out`."""
    return lambda *overrides: cli("pretrain", "logger=none", *QUICK, *overrides)


def test_the_encoder_is_where_it_was_asked_for_and_is_not_replaced(
    pretrain: Cli, tmp_path: Path
) -> None:
    code, _, err = pretrain()
    assert code == 0, err
    assert written(tmp_path / "out") == {"pair_encoder.pt"}
    assert "16 networks; 4 are held out" in err
    assert "encoder 1, step 100: boolean " in err
    path = tmp_path / "out/pair_encoder.pt"
    first = torch.load(path, weights_only=True)
    assert first["n_networks"] == {"boolean": 2, "single_cell": 2, "bulk": 16}
    assert set(first["held_out"]) == {"boolean", "single_cell", "bulk"}
    assert first["held_out"]["bulk"] > 1.5
    refuses(pretrain("seed=1"), "already holds a result", "overwrite=true")
    assert torch.load(path, weights_only=True)["seed"] == 0
    assert pretrain("seed=1", "overwrite=true", "max_steps=3")[0] == 0
    assert torch.load(path, weights_only=True)["seed"] == 1


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("n_networks.boolean=1", "expected at least 2"),
        ("n_networks.protein=5", "protein"),
        ("n_encoders=0", "n_encoders"),
        ("max_steps=many", "max_steps"),
        ("encoder.n_heads=2", "n_heads"),
        ("n_jobs=0", "-1 for one per core"),
    ],
)
def test_what_does_not_fit_is_refused(
    override: str, message: str, pretrain: Cli, tmp_path: Path
) -> None:
    refuses(pretrain(override), message)
    assert not (tmp_path / "out").exists()


def test_every_encoder_is_a_run_of_its_own(
    pretrain: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("WANDB_SILENT", "WANDB__DISABLE_STATS"):
        monkeypatch.setenv(variable, "true")
    monkeypatch.setenv("WANDB_CONSOLE", "off")
    code, _, err = pretrain("logger=wandb", "n_encoders=2", "max_steps=3", "n_networks.bulk=2")
    assert code == 0, err
    assert len(list((tmp_path / "out").glob("wandb/offline-run-*"))) == 2
