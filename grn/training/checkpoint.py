"""What a checkpoint holds beside parameters, reading one, and what carries over to other cells."""

from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf

from grn.errors import InputError
from grn.model.pretrained import GeneNetwork
from grn.training.module import PredictionModule

FORMAT = 2
"""Raised whenever older checkpoints can no longer be used."""

_KEYS = {"format", "grn", "settings", "network", "cells"}
# Parameters of the small networks and scales: they belong to no gene and no pair.
_OF_NO_GENE = ("value_network", "output_network", "gain_by_noise", "attention.log_")


def describe_origin(
    config: DictConfig,
    names: dict[str, list[str]],
    network: GeneNetwork,
    transformer: dict[str, Any],
    cells: str | None,
) -> dict[str, Any]:
    """Return what stands in a checkpoint beside the parameters of the predictor.

    Parameters
    ----------
    config
        `model` and `seed` are kept: what it takes to find the network of other cells.
    names
        `genes` and `tfs`, in order.
    network
        Its scores, what they stand on and their scale are kept.
    transformer
        Which weights found it (`grn.inference.infer.describe_transformer`).
    cells
        Fingerprint of the cells (`grn.runs.folder.fingerprint`), by which they are known
        again.
    """
    return {
        "format": FORMAT,
        "grn": names,
        "settings": {"model": OmegaConf.to_container(config.model), "seed": config.seed},
        "network": {
            "scores": network.scores,
            "belief": network.belief,
            "transformer": transformer,
        },
        "cells": cells,
    }


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint written by a run or by `SphericalGRN.save`.

    Raises
    ------
    InputError
        The file is missing, is no such checkpoint, was written by an earlier version, or is of a
        supervised run.
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
            f"{checkpoint.get('format', 1)}; expected {FORMAT}), whose model was another one. "
            "Leave it out, or train again."
        )
        raise InputError(msg)
    if checkpoint.get("regime") == "supervised":
        msg = (
            f"{path} is of a supervised run: known edges of its own cells trained it, so it says "
            "nothing of others. Expected a checkpoint of an unsupervised run."
        )
        raise InputError(msg)
    if not checkpoint.keys() >= _KEYS:
        raise InputError(_not_ours(path))
    return checkpoint


def stored_network(
    checkpoint: dict[str, Any], names: dict[str, list[str]], cells: str
) -> GeneNetwork | None:
    """Return the network in a checkpoint if it is of these very cells and names, else None."""
    if checkpoint["grn"] != names or checkpoint["cells"] != cells:
        return None
    stored = checkpoint["network"]
    return GeneNetwork(stored["scores"], stored["belief"])


def load_predictor(
    module: PredictionModule, checkpoint: dict[str, Any], *, same_cells: bool
) -> None:
    """Load the parameters of the predictor, as far as there are any.

    For other cells only the small networks and the two scales of attention carry over. What
    belongs to a gene or to a pair stays as it is in the module.
    """
    state = checkpoint.get("state_dict", {})
    if not same_cells:
        starts = tuple(f"predictor.{name}" for name in _OF_NO_GENE)
        state = {key: value for key, value in state.items() if key.startswith(starts)}
    module.load_state_dict(module.state_dict() | state)


def _not_ours(path: str | Path) -> str:
    return f"{path} is not a checkpoint of this project. Expected checkpoints/best.ckpt of a run."
