"""Several processes, on one machine or more, that train one predictor together."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from grn.errors import InputError
from grn.launched import Launched, launched

# Names of the scripts of `grn`, which Lightning can run again for the other processes.
_COMMANDS = ("grn", "train")
# Parts of the names of strategies whose processes do not run the command again.
_CHILDREN = ("fork", "spawn")


def count_all(trainer: Mapping[str, Any]) -> int:
    """Return how many processes the settings of `trainer` ask for, over all machines.

    Raises
    ------
    InputError
        `devices` or `num_nodes` is no number of at least 1, nor a list of devices.
    """
    return _count_here(trainer) * _whole("num_nodes", trainer.get("num_nodes", 1))


def check_processes(config: DictConfig) -> None:
    """Make sure that the processes that the settings ask for can train together here.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `trainer`, `data.loader` and `split` are read.

    Raises
    ------
    InputError
        There are too few devices, another number of processes was started, or the training
        cannot be divided among so many.
    """
    trainer, found = config.trainer, launched()
    n_all, n_here = count_all(trainer), _count_here(trainer)
    if found.n_processes not in (None, n_all) and not (n_all == 1 and _may_be_alone(found)):
        _refuse(
            f"{found.by} started {found.n_processes} process(es)",
            f"trainer.devices × trainer.num_nodes to be {found.n_processes}, and it is {n_all}",
        )
    strategy = trainer.get("strategy")
    if n_all == 1:
        if strategy not in (None, "auto", "single_device"):
            _refuse(f"trainer.strategy={strategy}", "auto, or ddp for several processes")
        return
    if config.split is not None:
        _refuse(_asked(trainer), "1: known edges are trained on in one process")
    if strategy not in (None, "auto", "ddp"):
        _refuse(f"trainer.strategy={strategy}", "ddp for several processes")
    _check_devices(trainer, n_here)
    size = config.data.loader.minibatch_size
    if size % n_all:
        _refuse(
            f"data.loader.minibatch_size={size}",
            f"a multiple of the {n_all} processes: each takes an equal share of every minibatch",
        )
    if found.by is None and Path(sys.argv[0]).stem not in _COMMANDS:
        _refuse(
            _asked(trainer),
            "1 in Python: the other processes run the same command again, so start several with "
            "grn train, grn infer --train or torchrun",
        )


def check_one_process(trainer: Mapping[str, Any]) -> None:
    """Make sure that a training in Python is not asked to start further processes."""
    if count_all(trainer) != 1:
        _refuse(_asked(trainer), "1: grn train and grn infer --train use several processes")


def check_one_machine(trainer: Mapping[str, Any]) -> None:
    """Make sure that pretraining has as many processes as this machine can start by itself.

    Raises
    ------
    InputError
        There are too few devices, processes that something else started, or a strategy that runs
        the command again for each process.
    """
    found = launched()
    if found.n_processes not in (None, 1) and not _may_be_alone(found):
        _refuse(
            f"{found.by} started {found.n_processes} process(es)",
            "1: pretraining starts the others of trainer.devices by itself, on one machine",
        )
    if _whole("num_nodes", trainer.get("num_nodes", 1)) != 1:
        _refuse(_asked(trainer), "trainer.num_nodes=1: pretraining runs on one machine")
    n_here = _count_here(trainer)
    if n_here == 1:
        return
    _check_devices(trainer, n_here)
    strategy = str(trainer.get("strategy", "auto"))
    if not any(word in strategy for word in _CHILDREN):
        _refuse(
            f"{_asked(trainer)}, trainer.strategy={strategy}",
            "trainer.strategy=ddp_fork or ddp_spawn for several processes of pretraining, or "
            "trainer.devices=1",
        )
    if "fork" in strategy and not hasattr(os, "fork"):
        _refuse(_asked(trainer), "1, or trainer.strategy=ddp_spawn: this system has no fork")


def environment() -> list[ClusterEnvironment]:
    """Return the plugin by which Lightning does not count the tasks of SLURM; none elsewhere.

    It is for a training that starts its processes itself, or has one alone.
    """
    return [LightningEnvironment()] if _may_be_alone(launched()) else []


def own_share(trainer: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Return the rows of some tensors on which this process trains: every n-th of n processes.

    All processes draw the same minibatches and the same noise, and gradients are averaged over
    them. So the result is that of one process, up to rounding.
    """
    if trainer is None or trainer.world_size == 1:
        return tensors
    mine = slice(trainer.global_rank, None, trainer.world_size)
    return tuple(one[mine] for one in tensors)


def helper_settings(config: DictConfig, folder: str) -> DictConfig:
    """Return the settings of a process that helps to train and writes nothing but to `folder`."""
    found = OmegaConf.merge(config, {"paths": {"run": folder}})
    assert isinstance(found, DictConfig)
    found.logger = OmegaConf.create({"_target_": "grn.training.fit.no_logger"})
    found.callbacks.progress_bar = None
    return found


def leave_if_helper(trainer: Any) -> None:
    """End this process if it only helped to train; the first one has the result."""
    if not trainer.is_global_zero:
        raise SystemExit(0)


def _may_be_alone(found: Launched) -> bool:
    """Return whether this can be a step alone in an allocation of SLURM, whatever its tasks."""
    return found.by == "SLURM" and found.is_first


def _count_here(trainer: Mapping[str, Any]) -> int:
    devices = trainer.get("devices", 1)
    listed = OmegaConf.to_container(devices) if OmegaConf.is_list(devices) else devices
    if isinstance(listed, list) and listed:
        return len(listed)
    return _whole("devices", listed, " or a list such as [0]")


def _whole(name: str, value: object, otherwise: str = "") -> int:
    if value is None and name == "num_nodes":
        return 1
    said = str(value)
    if isinstance(value, bool) or not said.isdecimal() or int(said) < 1:
        shown = "null" if value is None else value
        _refuse(f"trainer.{name}={shown}", f"a whole number of at least 1{otherwise}")
    return int(said)


def _check_devices(trainer: Mapping[str, Any], n_here: int) -> None:
    """Make sure that this machine has so many devices, and that processes on them can talk."""
    if not torch.distributed.is_available():
        _refuse(_asked(trainer), "1: this build of torch has no torch.distributed")
    accelerator = trainer.get("accelerator", "auto")
    n_gpus = torch.cuda.device_count()
    if accelerator in ("gpu", "cuda") or (accelerator == "auto" and n_gpus):
        n_found, what = n_gpus, "GPU(s)"
    elif accelerator in ("cpu", "auto"):
        affinity = getattr(os, "sched_getaffinity", None)
        n_found, what = len(affinity(0)) if affinity else (os.cpu_count() or 1), "core(s)"
    else:
        n_found, what = 1, f"device(s) for trainer.accelerator={accelerator}"
    if n_here > n_found:
        _refuse(
            f"trainer.devices={n_here}", f"at most {n_found}: this machine has {n_found} {what}"
        )


def _asked(trainer: Mapping[str, Any]) -> str:
    asked = f"trainer.devices={trainer.get('devices', 1)}"
    n_nodes = trainer.get("num_nodes", 1)
    return asked if n_nodes in (None, 1) else f"{asked}, trainer.num_nodes={n_nodes}"


def _refuse(got: str, expected: str) -> NoReturn:
    msg = f"got {got}; expected {expected}."
    raise InputError(msg)
