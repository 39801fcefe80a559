import copy
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from grn.data.datamodule import Minibatch
from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.training.fit import build_loader, build_predictor
from tests.helpers import tfs_of

if TYPE_CHECKING:
    from anndata import AnnData
    from omegaconf import DictConfig

    from grn.training.module import PredictionModule


@pytest.fixture
def module(config: "DictConfig", small: "AnnData") -> "PredictionModule":
    cells = CellDataset(preprocess(small))
    loader = build_loader(config, cells)
    return build_predictor(config, cells, tfs_of(small), loader, {"format": 7})


@pytest.fixture
def cells(small: "AnnData") -> torch.Tensor:
    return CellDataset(preprocess(small)).rows(np.arange(40))


@pytest.fixture
def logged(module: "PredictionModule", monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What the module logs, in order."""
    seen: list[tuple[str, float]] = []

    def log(name: str, value: torch.Tensor, **_: Any) -> None:
        seen.append((name, float(value.detach())))

    monkeypatch.setattr(module, "log", log)
    return seen


def test_training_lowers_the_loss(
    module: "PredictionModule", cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    torch.manual_seed(0)
    module.validation_step(Minibatch(cells), 0)
    (optimizer,), _ = module.configure_optimizers()
    for step in range(30):
        optimizer.zero_grad()
        module.training_step(Minibatch(cells), step).backward()
        optimizer.step()
    module.validation_step(Minibatch(cells), 0)
    assert [name for name, _ in logged] == ["val/loss", *["train/loss"] * 30, "val/loss"]
    assert logged[-1][1] < logged[0][1] - 0.02


def test_optimizer_gets_every_parameter_and_the_rate_falls_to_0(
    module: "PredictionModule",
) -> None:
    (optimizer,), (schedule,) = module.configure_optimizers()
    (group,) = optimizer.param_groups
    assert len(group["params"]) == len(list(module.parameters()))
    rates = [group["lr"]]
    for _ in range(8):  # the steps of the configuration
        optimizer.step()
        schedule["scheduler"].step()
        rates.append(group["lr"])
    assert rates[0] == optimizer.defaults["lr"]
    assert rates[4] == pytest.approx(rates[0] / 2)
    assert rates[8] == pytest.approx(0)
    assert rates == sorted(rates, reverse=True)


def test_squares_are_those_of_the_error_and_about_the_training_mean(
    module: "PredictionModule", cells: torch.Tensor
) -> None:
    with torch.no_grad():
        error, total = module.squares(cells)
        predicted = module.predictor(*module.objective.without_noise(cells))
    assert error.item() == pytest.approx((cells - predicted).square().sum().item(), rel=1e-5)
    about = (cells - module.training_mean).square().sum().item()
    assert total.item() == pytest.approx(about, rel=1e-5)


def test_validation_noise_is_the_same_every_time(
    module: "PredictionModule", cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    for index in (0, 0, 1):
        torch.rand(3)  # whatever was drawn before must not matter
        module.validation_step(Minibatch(cells), index)
    losses = [value for _, value in logged]
    assert losses[0] == losses[1] != losses[2]


def test_training_noise_is_new_every_time(
    module: "PredictionModule", cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    torch.manual_seed(0)
    first, second = (module.training_step(Minibatch(cells), 0) for _ in range(2))
    assert first != second


def test_a_perturbed_gene_trains_nothing_in_its_cell(
    module: "PredictionModule", cells: torch.Tensor, logged: list[tuple[str, float]]
) -> None:
    perturbed = torch.zeros_like(cells, dtype=torch.bool)
    perturbed[:20, 3] = True  # gene 3 is a regulator: it still explains others
    # What is measured of it there may be anything: its own prediction does not count.
    predicted = []
    forward = module.predictor.forward

    def seen(*inputs: torch.Tensor) -> torch.Tensor:
        predicted.append(forward(*inputs))
        predicted[-1].retain_grad()
        return predicted[-1]

    module.predictor.forward = seen  # type: ignore[method-assign]
    module.training_step(Minibatch(cells, perturbed), 0).backward()
    (of_cells,) = predicted
    assert of_cells.grad is not None
    assert not of_cells.grad[perturbed].any()
    assert of_cells.grad[~perturbed].abs().min() > 0
    torch.manual_seed(5)
    plain = module.training_step(Minibatch(cells), 0)
    torch.manual_seed(5)
    nobody = module.training_step(Minibatch(cells, torch.zeros_like(perturbed)), 0)
    assert plain == nobody


def test_checkpoint_keeps_what_the_parameters_belong_to(module: "PredictionModule") -> None:
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    state = checkpoint.pop("generator")
    assert torch.equal(state, torch.get_rng_state())
    assert checkpoint == {"format": 7}


def test_random_numbers_go_on_from_a_checkpoint_once(module: "PredictionModule") -> None:
    checkpoint: dict[str, Any] = {}
    module.on_save_checkpoint(checkpoint)
    first = torch.rand(3)
    module.on_load_checkpoint(checkpoint)
    module.on_train_batch_start(None, 0)
    assert torch.equal(torch.rand(3), first)
    module.on_train_batch_start(None, 1)
    assert not torch.equal(torch.rand(3), first)


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_none_stops_training(
    module: "PredictionModule", monkeypatch: pytest.MonkeyPatch, loss: float
) -> None:
    module.on_before_backward(torch.tensor(1e30))
    monkeypatch.setattr(module, "optimizers", lambda: torch.optim.SGD(module.parameters(), lr=7))
    with pytest.raises(InputError, match=r"diverged: train/loss is .* at step 0.*lr \(it is 7\)"):
        module.on_before_backward(torch.tensor(loss))


def test_state_is_all_there_is(module: "PredictionModule", cells: torch.Tensor) -> None:
    other = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1
    other.load_state_dict(module.state_dict())
    level = torch.full((40,), 0.3)
    assert torch.equal(other.predictor(cells, level), module.predictor(cells, level))
