"""Schedules of the learning rate: those that settings choose, and that of the predictor."""

import math
from collections.abc import Callable
from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig
from torch.optim.lr_scheduler import LambdaLR, ReduceLROnPlateau

from grn.errors import InputError, causes, first_line

Schedule = Callable[[torch.optim.Optimizer], dict[str, Any]]
"""Returns what Lightning takes as `lr_scheduler`."""

MONITORED = "val/loss"
"""The metric that chooses the step of the result, and that a plateau is one of."""


def configured_schedule(config: DictConfig) -> Schedule | None:
    """Return the configured schedule; None where the module keeps its own (`scheduler=default`).

    A schedule counts optimisation steps, except one of a metric, which counts validations.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `scheduler` and `trainer.val_check_interval` are read.
    """
    if not config.scheduler:
        return None
    build = instantiate(config.scheduler)
    validates_every = config.trainer.val_check_interval

    def schedule(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        made = build(optimizer)
        if isinstance(made, ReduceLROnPlateau):
            # An epoch is the whole training, so validations are counted by their steps.
            at = {"interval": "step", "frequency": validates_every, "monitor": MONITORED}
            return {"scheduler": made, **at}
        return {"scheduler": made, "interval": "step"}

    return schedule


def half_cosine(max_steps: int) -> Schedule:
    """Return the schedule of a rate that falls along a half cosine to 0."""

    def schedule(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
        falling = LambdaLR(
            optimizer, lambda step: (1 + math.cos(math.pi * min(step / max_steps, 1))) / 2
        )
        return {"scheduler": falling, "interval": "step"}

    return schedule


def check_scheduler(config: DictConfig) -> None:
    """Build the configured schedule for a dummy optimiser.

    Raises
    ------
    InputError
        It does not take its settings, or is no schedule of the learning rate.
    """
    if not config.scheduler:
        return
    target = str(config.scheduler.get("_target_"))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    try:
        made = instantiate(config.scheduler)(optimizer)
    except Exception as error:
        *_, first = causes(error)
        msg = (
            f"scheduler._target_={target} cannot be built ({first_line(first)}). "
            "Expected a class of torch.optim.lr_scheduler, with settings that it takes."
        )
        raise InputError(msg) from error
    missing = [name for name in ("step", "state_dict") if not hasattr(made, name)]
    if missing:
        msg = (
            f"scheduler._target_={target} returns {type(made).__name__}, which has no "
            f"{missing[0]}; expected a class of torch.optim.lr_scheduler."
        )
        raise InputError(msg)
