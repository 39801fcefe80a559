from pathlib import Path

import pytest
import torch

from grn.config import compose_config
from grn.errors import InputError
from grn.training.settings import check_settings
from tests.helpers import fast_config


class Bare:
    """An optimiser in name only."""

    def __init__(self, parameters: object, lr: float) -> None:
        self.lr = lr


def no_optimizer(parameters: object, lr: float) -> object:
    return object()


def test_the_settings_of_conf_are_served(tmp_path: Path) -> None:
    check_settings(compose_config(["paths=folder", "logger=none"]))  # no folder is known yet
    check_settings(fast_config(tmp_path, "objective=supervised"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.devices=2", r"trainer\.devices=2; expected 1"),
        ("trainer.devices=-1", r"trainer\.devices=-1"),
        ("trainer.devices=auto", r"trainer\.devices=auto"),
        ("trainer.devices=[0,1]", r"trainer\.devices=\[0, 1\]"),
        ("trainer.num_nodes=2", r"trainer\.num_nodes=2"),
        ("trainer.strategy=ddp", r"trainer\.strategy=ddp"),
        ("trainer.max_steps=-1", r"trainer\.max_steps=-1; expected a whole number of at least 1"),
        ("trainer.max_steps=0", r"trainer\.max_steps=0; .*at least 1"),
        ("trainer.max_steps=1.5", r"trainer\.max_steps=1\.5"),
        ("trainer.max_steps=many", r"trainer\.max_steps=many"),
        ("trainer.max_steps=null", r"trainer\.max_steps=null"),
        ("trainer.val_check_interval=0", r"trainer\.val_check_interval=0"),
        ("trainer.val_check_interval=0.5", r"trainer\.val_check_interval=0\.5"),
        ("trainer.max_epochs=0", r"trainer\.max_epochs=0"),
        ("+trainer.limit_val_batches=0", r"trainer\.limit_val_batches=0; .*share"),
        ("+trainer.accumulate_grad_batches=4", r"minibatch_size"),
        ("+trainer.fast_dev_run=true", r"trainer\.fast_dev_run=True.*debug=fast"),
        ("+trainer.precision=64", r"trainer\.precision=64"),
        ("+trainer.enable_checkpointing=false", r"trainer\.enable_checkpointing"),
        ("callbacks.checkpoint=null", r"callbacks\.checkpoint=null; expected a ModelCheckpoint"),
        ("callbacks.checkpoint.monitor=val/lose", r"callbacks\.checkpoint\.monitor=val/lose"),
        ("+callbacks.checkpoint.mode=max", r"mode max; expected val/loss, mode min"),
        ("+callbacks.checkpoint.save_top_k=0", r"save_top_k=0"),
        ("callbacks.early_stopping.monitor=x", r"expected one of val/loss"),
        ("optimizer.lr=-1", r"optimizer\.lr=-1; expected a number from 0"),
        ("optimizer.lr=abc", r"optimizer\.lr=abc"),
        ("optimizer.lr=true", r"optimizer\.lr=True"),
        ("optimizer.lr=nan", r"optimizer\.lr=nan"),
        ("optimizer.lr=1e30", r"optimizer\.lr=1e\+30; .*diverge at its first step"),
        ("optimizer._target_=torch.optim.LBFGS", r"LBFGS cannot take a step \(.*closure"),
        ("optimizer._target_=torch.optim.SparseAdam", r"SparseAdam cannot take a step"),
        ("+optimizer.betas=[2,3]", r"Adam cannot be built \(Invalid beta"),
        (f"optimizer._target_={__name__}.no_optimizer", r"returns object; expected a torch"),
    ],
    ids=lambda value: value if "=" in value else "",
)
def test_a_setting_that_cannot_be_served_is_refused(
    tmp_path: Path, override: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_settings(fast_config(tmp_path, override))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "override",
    [
        "trainer.devices=[0]",
        "trainer.max_epochs=-1",
        "+trainer.limit_val_batches=0.5",
        "+trainer.precision=bf16-mixed",
        "+trainer.gradient_clip_val=1",
        "callbacks.early_stopping=null",
        "callbacks.early_stopping.monitor=val/r2",
        "+callbacks.checkpoint.save_top_k=-1",
        "optimizer.lr=0",
        "optimizer._target_=torch.optim.AdamW",
        "+optimizer.weight_decay=0.1",
    ],
)
def test_what_can_be_served_is_not_refused(tmp_path: Path, override: str) -> None:
    state = torch.get_rng_state()
    check_settings(fast_config(tmp_path, override))
    assert torch.equal(torch.get_rng_state(), state)
