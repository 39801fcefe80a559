"""Checks the settings of training, so that unusable ones raise before any work."""

from collections.abc import Callable
from numbers import Integral
from typing import Any, NoReturn

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig

from grn.errors import InputError, causes, first_line
from grn.training.components import check_components
from grn.training.distributed import check_processes
from grn.training.schedules import MONITORED, check_scheduler

# A step of Adam moves every parameter by about the learning rate, so larger rates surely diverge.
# Chosen by hand, far above any useful rate.
_LARGEST_RATE = 1000.0
_LOGGED = (MONITORED, "val/r2", "val/auprc", "train/loss")
_PRECISIONS = (None, 32, "32", "32-true", "16-mixed", "bf16-mixed")
_COUNTS = (
    "max_steps", "val_check_interval", "log_every_n_steps", "max_epochs",
    "limit_train_batches", "limit_val_batches",
)  # fmt: skip


def check_settings(config: DictConfig) -> None:
    """Make sure that all parts of a training can be built and serve a run, even if it trains none.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.

    Raises
    ------
    InputError
        A setting of `trainer`, `callbacks`, `optimizer`, `scheduler` or `objective` is unknown,
        out of its range, or one that a run cannot serve.
    """
    check_components(config)
    if config.split is not None and "n_axes" not in config.model.predictor:
        _refuse(
            "model.predictor.n_axes", None,
            "a number: the length of a gene's profile, of which a supervised run makes its "
            "features. It trains no predictor, so leave model/predictor out",
        )  # fmt: skip
    _check_trainer(config.trainer)
    check_processes(config)
    _check_callbacks(config.callbacks)
    check_optimizer(config.optimizer)
    check_scheduler(config)


def _check_trainer(trainer: DictConfig) -> None:
    for name in _COUNTS:
        value = trainer.get(name)
        if value is None or (name == "max_epochs" and value == -1):
            continue
        whole = isinstance(value, Integral) and not isinstance(value, bool)
        share = name.startswith("limit") and isinstance(value, int | float) and 0 < value <= 1
        if not (share or (whole and value >= 1)):
            also = ", or a share above 0" if name.startswith("limit") else ""
            _refuse(f"trainer.{name}", value, f"a whole number of at least 1{also}")
    if trainer.get("max_steps") is None:
        _refuse("trainer.max_steps", None, "a whole number of at least 1")
    if trainer.get("fast_dev_run"):
        _refuse(
            "trainer.fast_dev_run", trainer.fast_dev_run,
            "false, since it keeps no checkpoint for the result. debug=fast makes a short run",
        )  # fmt: skip
    if trainer.get("accumulate_grad_batches", 1) != 1:
        _refuse(
            "trainer.accumulate_grad_batches", trainer.accumulate_grad_batches,
            "1; for larger minibatches: data.loader.minibatch_size",
        )  # fmt: skip
    if trainer.get("precision") not in _PRECISIONS:
        _refuse("trainer.precision", trainer.precision, "one of 32-true, 16-mixed, bf16-mixed")
    if trainer.get("enable_checkpointing") is False:
        _refuse(
            "trainer.enable_checkpointing", False,
            "true: the result is read from the checkpoint with the lowest validation loss",
        )  # fmt: skip


def _check_callbacks(callbacks: DictConfig | None) -> None:
    configured = {} if callbacks is None else {k: c for k, c in callbacks.items() if c is not None}
    keepers = {k: c for k, c in configured.items() if "Checkpoint" in str(c.get("_target_"))}
    if not any(c.get("monitor") for c in keepers.values()):
        _refuse(
            "callbacks.checkpoint", None,
            "a ModelCheckpoint: the result is read from that with the lowest validation loss",
        )  # fmt: skip
    for name, callback in configured.items():
        key = str(name)
        monitor = callback.get("monitor")
        if name in keepers and monitor is not None:
            if monitor != MONITORED or callback.get("mode", "min") != "min":
                seen = f"{monitor}, mode {callback.get('mode', 'min')}"
                _refuse(f"callbacks.{key}.monitor", seen, f"{MONITORED}, mode min")
            if callback.get("save_top_k", 1) == 0:
                _refuse(f"callbacks.{key}.save_top_k", 0, "at least 1, or -1 for all")
        elif monitor is not None and monitor not in _LOGGED:
            _refuse(f"callbacks.{key}.monitor", monitor, f"one of {', '.join(_LOGGED)}")


def check_optimizer(optimizer: DictConfig) -> None:
    """Take one step of the configured optimiser on dummy parameters.

    Raises
    ------
    InputError
        It does not take its settings, is no optimiser, or needs more than gradients.
    """
    rate = optimizer.get("lr")
    if "lr" in optimizer and not _is_rate(rate):
        what = f"a number from 0 to {_LARGEST_RATE:g}"
        if isinstance(rate, int | float) and rate > 0:
            what += ". Training would diverge at its first step"
        _refuse("optimizer.lr", rate, what)
    # A matrix and a vector: some optimisers take only one of them.
    parameters = [torch.nn.Parameter(torch.zeros(*shape)) for shape in ((2, 3), (3,))]
    target = str(optimizer.get("_target_"))

    def attempt(what: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:
            *_, first = causes(error)
            msg = (
                f"optimizer._target_={target} {what} ({first_line(first)}). Expected an "
                "optimiser like torch.optim.Adam, with settings that it takes."
            )
            raise InputError(msg) from error

    made = attempt("cannot be built", lambda: instantiate(optimizer)(parameters))
    if not isinstance(made, torch.optim.Optimizer):
        msg = (
            f"optimizer._target_={target} returns {type(made).__name__}; expected a "
            "torch.optim.Optimizer."
        )
        raise InputError(msg)
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    attempt("cannot take a step", made.step)


def _is_rate(rate: object) -> bool:
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        return False
    return 0 <= rate <= _LARGEST_RATE


def _refuse(name: str, value: object, expected: str) -> NoReturn:
    said = "null" if value is None else value
    msg = f"{name}={said}; expected {expected}."
    raise InputError(msg)
