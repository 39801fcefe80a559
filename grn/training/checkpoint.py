"""Writes and reads checkpoints, and transfers their parameters to other cells."""

import copy
import logging
import sys
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from grn.errors import InputError
from grn.files import is_file
from grn.model.pretrained import GeneNetwork
from grn.training.module import PredictionModule
from grn.training.stored import problem_of

logger = logging.getLogger(__name__)

FORMAT = 2
"""Version of the format; it increases when older checkpoints can no longer be used."""

_KEYS = {"format", "grn", "settings", "network", "cells"}
# Parameters of the multilayer perceptrons (MLPs) and of the two scales of attention, which belong
# to no gene and no pair.
_OF_NO_GENE = ("value_network", "output_network", "gain_by_noise", "attention.log_")


def describe_origin(
    config: DictConfig,
    names: dict[str, list[str]],
    network: GeneNetwork,
    transformer: dict[str, Any],
    cells: str | None,
) -> dict[str, Any]:
    """Return the contents of a checkpoint other than the parameters of the predictor.

    Parameters
    ----------
    config
        `model` and `seed` are kept, since finding the network of other cells needs them;
        `data.seed`, which decides what cells are held out; and the name of `prior`.
    names
        `genes` and `tfs`, in order.
    network
        The scores and their origin (`belief`) are kept.
    transformer
        Weights that found the network (`grn.inference.infer.describe_transformer`).
    cells
        Fingerprint of the cells (`grn.expression.fingerprint`), by which they are recognised.
    """
    return {
        "format": FORMAT,
        "grn": names,
        "settings": {
            "model": OmegaConf.to_container(config.model),
            "seed": config.seed,
            "data": {"seed": config.data.seed},
        },
        "network": {
            "scores": network.scores,
            "belief": network.belief,
            "transformer": transformer,
            "prior": config.prior,
        },
        "cells": cells,
    }


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint written by a run or by `SphericalGRN.save`.

    Raises
    ------
    InputError
        The file is missing, is not such a checkpoint, was written by an earlier version, comes
        from a supervised run, or holds what no run writes.
    """
    if not isinstance(path, str | Path) or not is_file(path):
        msg = f"no checkpoint at {path}. Expected the path of a .ckpt file, see checkpoints/."
        raise InputError(msg)
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        is_ours = {"genes", "tfs"} == set(checkpoint["grn"]) and "settings" in checkpoint
    except Exception as error:
        raise InputError(_not_ours(path)) from error
    if not is_ours:
        raise InputError(_not_ours(path))
    written_as = checkpoint.get("format", 1)
    if not isinstance(written_as, int):
        raise InputError(_not_ours(path))
    if written_as > FORMAT:
        msg = (
            f"{path} was written by a later version of spherical-grn (format {written_as}; "
            f"expected {FORMAT}). Update it (pip install --upgrade spherical-grn), or leave the "
            "checkpoint out."
        )
        raise InputError(msg)
    if written_as != FORMAT:
        msg = (
            f"{path} was written by an earlier version of spherical-grn (format {written_as}; "
            f"expected {FORMAT}), which had another model. "
            "Leave it out, or train again."
        )
        raise InputError(msg)
    if str(checkpoint.get("regime")) == "supervised":
        msg = (
            f"{path} is of a supervised run: it was trained on known edges of its own cells and "
            "does not apply to others. Expected a checkpoint of an unsupervised run."
        )
        raise InputError(msg)
    if not checkpoint.keys() >= _KEYS:
        raise InputError(_not_ours(path))
    try:
        problem = problem_of(checkpoint)
    except (KeyError, TypeError) as error:
        raise InputError(_not_ours(path)) from error
    if problem is not None:
        msg = f"{path} is no checkpoint as a run writes it: {problem}. Do not use it."
        raise InputError(msg)
    return checkpoint


def settings_of(config: DictConfig, checkpoint: dict[str, Any]) -> DictConfig:
    """Return the settings, with those of the model and the seeds replaced by a checkpoint's.

    The seed of the data is replaced where it follows the other one: who names it wants to hold
    out other cells. A checkpoint that does not say it comes from before it was kept.

    Raises
    ------
    InputError
        The checkpoint names another class of predictor than the settings do, and none that was
        imported before: what code is run is not for a file to say.
    """
    asked, stored = config.model.predictor._target_, checkpoint["settings"]["model"]["predictor"]
    if stored["_target_"] != asked and not _is_imported_module(stored["_target_"]):
        msg = (
            f"the checkpoint has a predictor of the class {stored['_target_']!r}, the settings "
            f"have {asked}. A file does not choose what code is run: if the class is yours, "
            "import its module first, or name it with model.predictor._target_; else do not use "
            "this checkpoint."
        )
        raise InputError(msg)
    replaced = copy.deepcopy(config)
    replaced.model.predictor = stored  # not merged: arguments of one class are none of another
    kept = dict(checkpoint["settings"])
    if not OmegaConf.is_interpolation(config.data, "seed"):
        kept.pop("data", None)
    merged = OmegaConf.merge(replaced, kept)
    assert isinstance(merged, DictConfig)
    return merged


def _is_imported_module(target: str) -> bool:
    """Return whether a name is that of a class of modules that has been imported already."""
    home, _, name = target.rpartition(".")
    found = getattr(sys.modules.get(home), name, None)
    return isinstance(found, type) and issubclass(found, torch.nn.Module)


def stored_network(
    checkpoint: dict[str, Any], names: dict[str, list[str]], cells: str
) -> GeneNetwork | None:
    """Return the network of a checkpoint if cells and names are the same, else None.

    Warns where a prior guided it, which is not stored.
    """
    if checkpoint["network"].get("prior") is not None:
        logger.warning(
            "the network of the checkpoint was guided by the prior %s, which is not stored: "
            "networks of other cells, of groups and of bootstraps are found without it",
            checkpoint["network"]["prior"],
        )
    if checkpoint["grn"] != names or checkpoint["cells"] != cells:
        return None
    stored = checkpoint["network"]
    return GeneNetwork(stored["scores"], stored["belief"])


def load_predictor(
    module: PredictionModule, checkpoint: dict[str, Any], *, same_cells: bool
) -> None:
    """Load the parameters of the predictor, if the checkpoint has any.

    For other cells only the MLPs and the two scales of attention are loaded. Parameters
    that belong to a gene or to a pair keep the values that they have in the module.

    Raises
    ------
    InputError
        They do not fit the predictor.
    """
    state = checkpoint.get("state_dict", {})
    if not same_cells:
        starts = tuple(f"predictor.{name}" for name in _OF_NO_GENE)
        state = {key: value for key, value in state.items() if key.startswith(starts)}
    try:
        module.load_state_dict(module.state_dict() | state)
    except RuntimeError as error:  # other names, or other shapes
        msg = (
            f"the predictor of the checkpoint does not fit its own settings: {error}. The file "
            "was changed; do not use it."
        )
        raise InputError(msg) from error


def _not_ours(path: str | Path) -> str:
    return f"{path} is not a checkpoint of this project. Expected checkpoints/best.ckpt of a run."
