"""Writes and reads checkpoints, and transfers their parameters to other cells."""

import logging
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from grn.errors import InputError
from grn.model.pretrained import GeneNetwork
from grn.training.module import PredictionModule

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
        `model` and `seed` are kept, since finding the network of other cells needs them, and the
        name of `prior`.
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
        "settings": {"model": OmegaConf.to_container(config.model), "seed": config.seed},
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
        The file is missing, is not such a checkpoint, was written by an earlier version, or comes
        from a supervised run.
    """
    if not isinstance(path, str | Path) or not Path(path).is_file():
        msg = f"no checkpoint at {path}. Expected the path of a .ckpt file, see checkpoints/."
        raise InputError(msg)
    try:
        checkpoint: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        is_ours = {"genes", "tfs"} == set(checkpoint["grn"]) and "settings" in checkpoint
    except Exception as error:
        raise InputError(_not_ours(path)) from error
    if not is_ours:
        raise InputError(_not_ours(path))
    if checkpoint.get("format") != FORMAT:
        msg = (
            f"{path} was written by an earlier version of spherical-grn (format "
            f"{checkpoint.get('format', 1)}; expected {FORMAT}), which had another model. "
            "Leave it out, or train again."
        )
        raise InputError(msg)
    if checkpoint.get("regime") == "supervised":
        msg = (
            f"{path} is of a supervised run: it was trained on known edges of its own cells and "
            "does not apply to others. Expected a checkpoint of an unsupervised run."
        )
        raise InputError(msg)
    if not checkpoint.keys() >= _KEYS:
        raise InputError(_not_ours(path))
    return checkpoint


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
    """
    state = checkpoint.get("state_dict", {})
    if not same_cells:
        starts = tuple(f"predictor.{name}" for name in _OF_NO_GENE)
        state = {key: value for key, value in state.items() if key.startswith(starts)}
    module.load_state_dict(module.state_dict() | state)


def _not_ours(path: str | Path) -> str:
    return f"{path} is not a checkpoint of this project. Expected checkpoints/best.ckpt of a run."
