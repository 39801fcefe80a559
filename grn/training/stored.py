"""Checks that a checkpoint holds what a run writes, before any of it is used.

`torch.load(weights_only=True)` runs no code of a file, but what it returns may still be anything:
settings that name a function to call, or tensors of another shape.
"""

from dataclasses import fields
from typing import Any

import torch
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from grn.config.schemas import ModelConfig


def problem_of(checkpoint: dict[str, Any]) -> str | None:
    """Return what in a checkpoint is not as a run writes it; None: all is.

    Parameters
    ----------
    checkpoint
        A mapping with the keys `grn`, `settings`, `network` and `cells`.
    """
    names, network = checkpoint["grn"], checkpoint["network"]
    if not all(_are_names(names[kind]) for kind in ("genes", "tfs")):
        return "its genes or regulators are not a list of different names"
    if not set(names["tfs"]) <= set(names["genes"]):
        return "its regulators are not among its genes"
    if not isinstance(checkpoint["cells"], str | None):
        return "its fingerprint of the cells is no text"
    if not _is_network(network, (len(names["genes"]), len(names["tfs"]))):
        return "its network does not fit its genes and regulators"
    state = checkpoint.get("state_dict", {})
    if not isinstance(state, dict) or not all(map(_is_parameter, state.items())):
        return "its parameters are not tensors by name"
    return _problem_of_settings(checkpoint["settings"])


def _are_names(names: Any) -> bool:
    is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
    return is_list and 0 < len(names) == len(set(names))


def _is_network(network: Any, shape: tuple[int, int]) -> bool:
    if not isinstance(network, dict) or not {"scores", "belief"} <= set(network):
        return False
    scores, belief = network["scores"], network["belief"]
    is_map = isinstance(scores, torch.Tensor) and scores.shape == shape
    return (
        is_map
        and scores.dtype == torch.float32
        and bool(scores.isfinite().all())
        and isinstance(belief, dict)
        and all(isinstance(key, str) for key in belief)
        and all(isinstance(value, float | int) for value in belief.values())
        and isinstance(network.get("transformer"), dict)
        and isinstance(network.get("prior"), str | None)
    )


def _is_parameter(item: tuple[Any, Any]) -> bool:
    return isinstance(item[0], str) and isinstance(item[1], torch.Tensor)


def _problem_of_settings(settings: Any) -> str | None:
    """Say what is wrong with the settings: those of the model, the seed, and that of the data.

    Checkpoints that were written before the seed of the data was kept have none.
    """
    data = settings.get("data", {"seed": 0}) if isinstance(settings, dict) else None
    if (
        not isinstance(data, dict)
        or set(data) != {"seed"}
        or set(settings) - {"data"} != {"model", "seed"}
    ):
        return "it has other settings than those of the model and the seed"
    if not _is_seed(settings["seed"]) or not _is_seed(data["seed"]):
        return "its seed is no whole number"
    model = settings["model"]
    try:
        OmegaConf.merge(OmegaConf.structured(ModelConfig), model)
        # An interpolation such as ${oc.env:NAME} would put what it finds here into the result.
        has_reference = "${" in OmegaConf.to_yaml(OmegaConf.create(model))
        complete = set(model) == {field.name for field in fields(ModelConfig)}
        is_plain = _is_plain(model["predictor"])
    except (
        *(OmegaConfBaseException, ValueError, TypeError, AttributeError, KeyError),
        RecursionError,  # a list that holds itself
    ):
        return "its settings of the model are none"
    if not is_plain:
        return "its settings of the predictor are not a class and plain values"
    if has_reference or not complete:
        return "its settings of the model are incomplete or refer to others"
    return None


def _is_seed(seed: Any) -> bool:
    return isinstance(seed, int) and not isinstance(seed, bool) and seed >= 0


def _is_plain(predictor: dict[str, Any]) -> bool:
    """Return whether the settings of a predictor are a class and plain values, as a run has them.

    The class may be a user's, with arguments of its own, lists and mappings among them. A class
    that is called without `_partial_`, or further ones to call, would run before any check of what
    they are; `_args_` and the like are Hydra's own.
    """
    arguments = {key: value for key, value in predictor.items() if not key.startswith("_")}
    return (
        predictor.keys() - arguments.keys() == {"_target_", "_partial_"}
        and isinstance(predictor["_target_"], str)
        and predictor["_partial_"] is True
        and _is_value(arguments)
    )


def _is_value(value: Any) -> bool:
    """Return whether a value is plain, or a list or mapping of such without keys of Hydra."""
    if isinstance(value, list):
        return all(map(_is_value, value))
    if isinstance(value, dict):
        names = [key for key in value if isinstance(key, str)]
        is_own = len(names) == len(value) and not any(name.startswith("_") for name in names)
        return is_own and all(map(_is_value, value.values()))
    return isinstance(value, str | int | float | None)
