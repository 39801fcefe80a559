from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from torch.utils.data import DataLoader

from grn.errors import InputError
from grn.training.schedules import check_scheduler, configured_schedule, half_cosine
from tests.helpers import fast_config


def rates(schedule: Any, n_steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    made = schedule(optimizer)["scheduler"]
    seen = [optimizer.param_groups[0]["lr"]]
    for _ in range(n_steps):
        optimizer.step()
        made.step()
        seen.append(optimizer.param_groups[0]["lr"])
    return seen


def test_choices_of_conf_give_the_rates_they_say(tmp_path: Path) -> None:
    def choice(*overrides: str) -> Any:
        return configured_schedule(fast_config(tmp_path, *overrides))

    assert choice() is None
    assert rates(choice("scheduler=none"), 8) == [1.0] * 9
    cosine = rates(choice("scheduler=cosine"), 8)  # of 8 steps
    assert cosine == pytest.approx(rates(half_cosine(8), 8), abs=1e-9)
    assert cosine[4] == pytest.approx(0.5)
    own = ("scheduler=own", "scheduler._target_=torch.optim.lr_scheduler.StepLR")
    assert rates(choice(*own, "+scheduler.step_size=2"), 3) == pytest.approx([1, 1, 0.1, 0.1])


class Stuck(L.LightningModule):
    """A module whose validation loss never falls."""

    def __init__(self, schedule: Any) -> None:
        super().__init__()
        self.weight, self._schedule = torch.nn.Parameter(torch.ones(1)), schedule
        self.seen: list[float] = []

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=1.0)
        return [optimizer], [self._schedule(optimizer)]

    def training_step(self, batch: torch.Tensor, _: int) -> torch.Tensor:
        self.seen.append(self.optimizers().param_groups[0]["lr"])
        return (self.weight * 0).sum()

    def validation_step(self, *_: Any) -> None:
        self.log("val/loss", torch.tensor(1.0))


@pytest.mark.filterwarnings("ignore")
def test_a_plateau_counts_validations(tmp_path: Path) -> None:
    override = ("scheduler=plateau", "trainer.val_check_interval=3", "scheduler.patience=1")
    module = Stuck(configured_schedule(fast_config(tmp_path, *override)))
    trainer = L.Trainer(
        max_steps=15, max_epochs=1, val_check_interval=3, accelerator="cpu", logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
        num_sanity_val_steps=0,
    )  # fmt: skip
    trainer.fit(module, DataLoader(range(15)), DataLoader(range(1)))
    # The first validation, at step 3, is the best; the third, at step 9, is one too many.
    assert module.seen == pytest.approx([1.0] * 9 + [0.3] * 6)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["scheduler=plateau", "scheduler.factor=2"], r"ReduceLROnPlateau cannot be built \(Fact"),
        (["scheduler=own", "scheduler._target_=builtins.dict"], "cannot be built"),
        (["scheduler=own", f"scheduler._target_={__name__}.nothing"], "which has no step"),
    ],
)
def test_what_is_no_schedule_is_refused(
    tmp_path: Path, overrides: list[str], message: str
) -> None:
    check_scheduler(fast_config(tmp_path))
    with pytest.raises(InputError, match=message):
        check_scheduler(fast_config(tmp_path, *overrides))


def nothing(optimizer: object) -> object:
    return object()


def silent(_: torch.optim.Optimizer) -> None:
    raise AssertionError


def test_a_schedule_that_fails_without_a_text_is_refused(tmp_path: Path) -> None:
    config = fast_config(tmp_path, "scheduler=own", f"scheduler._target_={__name__}.silent")
    with pytest.raises(InputError, match=r"cannot be built \(AssertionError\(\)\)"):
        check_scheduler(config)
