import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.training.fit import build_module
from grn.training.module import DenoisingModule
from tests.helpers import tfs_of

if TYPE_CHECKING:
    from anndata import AnnData
    from omegaconf import DictConfig


@pytest.fixture
def module(config: "DictConfig", small: "AnnData") -> DenoisingModule:
    return build_module(config, CellDataset(preprocess(small)), tfs_of(small))


@pytest.fixture
def cells(small: "AnnData") -> torch.Tensor:
    return CellDataset(preprocess(small)).rows(np.arange(40))


@pytest.fixture
def logged(module: DenoisingModule, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What the module logs, in order."""
    seen: list[tuple[str, float]] = []

    def log(name: str, value: torch.Tensor, **_: Any) -> None:
        seen.append((name, float(value.detach())))

    monkeypatch.setattr(module, "log", log)
    return seen


def test_training_lowers_the_loss(
    module: DenoisingModule, cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    torch.manual_seed(0)
    module.validation_step(cells, 0)
    optimizer = module.configure_optimizers()
    for step in range(30):
        optimizer.zero_grad()
        module.training_step(cells, step).backward()
        optimizer.step()
    module.validation_step(cells, 0)
    assert [name for name, _ in logged] == ["val/loss", *["train/loss"] * 30, "val/loss"]
    assert logged[-1][1] < logged[0][1] - 0.02


def test_optimizer_gets_every_parameter(module: DenoisingModule) -> None:
    groups = module.configure_optimizers().param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(module.parameters()))


def test_pair_bias_learns_at_a_tenth_of_the_rate(module: DenoisingModule) -> None:
    rest, (bias,) = (group["params"] for group in module.configure_optimizers().param_groups)
    assert bias is module.network.attention.bias
    assert not any(parameter is bias for parameter in rest)
    rates = [group["lr"] for group in module.configure_optimizers().param_groups]
    assert rates[1] == pytest.approx(rates[0] / 10)


def test_validation_noise_is_the_same_every_time(
    module: DenoisingModule, cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    for index in (0, 0, 1):
        torch.rand(3)  # whatever was drawn before must not matter
        module.validation_step(cells, index)
    losses = [value for _, value in logged]
    assert losses[0] == losses[1] != losses[2]


def test_training_noise_is_new_every_time(
    module: DenoisingModule, cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    torch.manual_seed(0)
    assert module.training_step(cells, 0) != module.training_step(cells, 0)


def test_checkpoint_keeps_the_names(module: DenoisingModule, small: "AnnData") -> None:
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    assert checkpoint["grn"] == {"genes": small.var_names.tolist(), "tfs": tfs_of(small)}


def test_state_is_all_there_is(module: DenoisingModule, cells: torch.Tensor) -> None:
    other = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1
    other.load_state_dict(module.state_dict())
    level = torch.full((40,), 0.3)
    assert torch.equal(other.network(cells, level), module.network(cells, level))
