"""Builds the components that settings name by `_target_`, and refuses those that do not fit."""

import copy
import difflib
import inspect
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from traceback import extract_tb
from typing import Any

import torch
from hydra.utils import get_object, instantiate
from jaxtyping import Float, Int
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from grn.errors import InputError, causes, first_line
from grn.training.protocols import OF_A_MODEL, OF_AN_OBJECTIVE, ExpressionModel, Objective

logger = logging.getLogger(__name__)

_GENES_TRIED = 25  # regulators, and as many genes evenly over all

# Methods that a run calls, which a component of the user has to have too.
_METHODS = {
    "model.*": OF_A_MODEL,
    "objective": OF_AN_OBJECTIVE,
    "trainer": ("fit", "save_checkpoint"),
    "optimizer": ("step", "zero_grad", "state_dict", "load_state_dict"),
    "callbacks.*": ("setup", "state_dict", "on_validation_end", "on_exception"),
}


_TYPES: dict[object, tuple[type, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    bool: (bool, "true or false"),
    str: (str, "text"),
}


def check_components(config: DictConfig) -> None:
    """Make sure that every `_target_` exists, takes the settings beside it, and can be used.

    Without this check a wrong setting would show only when its component is built, after long
    work, and never if the component is not needed.

    Raises
    ------
    InputError
        There is no such target, it does not take a setting, or it lacks a method.
    """
    _check_keys(config, "")
    # Not resolved: the folder of the run may not be known yet.
    for key, node in _components(OmegaConf.to_container(config), ""):
        target = _find(key, node["_target_"])
        _check_arguments(key, node, target)
        if isinstance(target, type):
            group = f"{key.split('.')[0]}.*" if "." in key else key
            # An objective of known edges compares scores of edges, and changes no expression.
            needed = () if getattr(target, "needs_split", False) else _METHODS.get(group, ())
            _check_methods(key, node["_target_"], target, needed)


def build(node: DictConfig, key: str, *methods: str, given: tuple[Any, ...] = ()) -> Any:
    """Build a component and make sure that it has the methods that a run calls.

    Parameters
    ----------
    node
        Settings with `_target_`.
    key
        Key of these settings, for the message.
    methods
        Names of the methods that are called.
    given
        Arguments of a partial constructor; without any, the settings build the component.

    Raises
    ------
    InputError
        The component cannot be built, or lacks a method.
    """
    made = instantiate(node)
    if given:
        try:
            made = made(*given)
        except TypeError as error:
            target = str(node.get("_target_"))
            if target.startswith("grn."):
                raise  # our own component: not the user's to mend
            msg = (
                f"{key}._target_={target} cannot be built: {error}. Expected a class or function "
                f"that takes {len(given)} argument(s) beside the settings; see the default in "
                "conf/ for what they are."
            )
            raise InputError(msg) from error
    _check_methods(key, node.get("_target_"), made, methods)
    return made


def try_out(
    config: DictConfig,
    model: ExpressionModel,
    objective: Objective,
    cells: Float[Tensor, "cells n_genes"],
    genes: Sequence[str],
    tf_index: Int[Tensor, " n_tfs"],
) -> None:
    """Take the loss of some cells and predict them, as training and validation will.

    An error inside a class of the user would else show late, and look like one of ours. Warns of a
    model in which genes predict themselves, whose R² says nothing.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model.predictor` and `objective` are named in messages.
    model, objective
        From `build`; left as they are.
    cells
        A few cells, standardised.
    genes, tf_index
        Names of the genes, for the warning, and which of them are regulators.

    Raises
    ------
    InputError
        One of the two raises, or what it returns has another shape than is expected.
    """
    names = {"model.predictor": config.model.predictor, "objective": config.objective}
    if all(str(node.get("_target_")).startswith("grn.") for node in names.values()):
        return
    model, objective = _copied(model), _copied(objective)
    said = " with ".join(f"{key}._target_={node._target_}" for key, node in names.items())
    try:
        with torch.random.fork_rng(devices=[]):
            predicted = model(*objective.corrupt(cells, torch.Generator().manual_seed(0)))
            loss = objective(predicted, cells)
            judged = model(*objective.without_noise(cells))
    except Exception as error:
        where = _line_of(error, type(model), type(objective))
        msg = f"{said} fails on {len(cells)} cells{where}: {type(error).__name__}: {error}."
        raise InputError(msg) from error
    shapes = {"a prediction": (predicted, cells.shape), "the loss": (loss, torch.Size())}
    shapes["a prediction without noise"] = (judged, cells.shape)
    for what, (found, shape) in shapes.items():
        if getattr(found, "shape", None) != shape:
            got = tuple(found.shape) if isinstance(found, Tensor) else type(found).__name__
            msg = f"{said}: {what} has the shape {got}; expected {tuple(shape)}."
            raise InputError(msg)
    if not loss.requires_grad:
        msg = f"{said}: the loss depends on no parameter of the model; expected one that trains."
        raise InputError(msg)
    step = max(1, len(genes) // _GENES_TRIED)
    tried = [*tf_index[:_GENES_TRIED].tolist(), *range(0, len(genes), step)]
    seen = _sees_itself(model, *objective.without_noise(cells), tried)
    if seen is not None:
        logger.warning(
            "%s predicts genes from their own expression, such as %s: its R² on held-out cells is "
            "too good, and not comparable with that of ridge regression. Leave every gene out of "
            "its own prediction (docs/plugins.md)",
            *(names["model.predictor"]._target_, genes[seen]),
        )


def _copied(part: Any) -> Any:
    """Return a copy, whose running means may change; the part itself where it has no copy."""
    try:
        return copy.deepcopy(part)
    except Exception:  # noqa: BLE001 - that of a class of the user, which need not be copied
        return part


def _sees_itself(
    model: ExpressionModel,
    cells: Float[Tensor, "cells n_genes"],
    level: Float[Tensor, " cells"],
    genes: Sequence[int],
) -> int | None:
    """Return the first gene whose prediction changes with its own expression; None if none does.

    A gene for which the parameters happen to be 0 at the start is not noticed.
    """
    inputs = cells.detach().clone().requires_grad_()
    with torch.random.fork_rng(devices=[]):
        predicted = model(inputs, level)
    for gene in genes:
        (slope,) = torch.autograd.grad(
            predicted[:, gene].sum(), inputs, retain_graph=True, allow_unused=True
        )
        if slope is not None and slope[:, gene].any():
            return gene
    return None


def _line_of(error: Exception, *classes: type) -> str:
    """Return the last line of these classes that an error came through; empty if there is none."""
    files = set()
    for one in classes:
        with suppress(OSError, TypeError):  # the class of a notebook has no file
            files.add(inspect.getfile(one))
    passed = [one for one in extract_tb(error.__traceback__) if one.filename in files]
    return f" ({passed[-1].filename}, line {passed[-1].lineno})" if passed else ""


def _components(settings: Any, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if not isinstance(settings, dict):
        return
    if settings.get("_target_") is not None:
        yield key, settings
    for name, below in settings.items():
        yield from _components(below, f"{key}.{name}" if key else str(name))


def _check_keys(config: Any, key: str) -> None:
    """Refuse keys that a schema does not have, since `+key=value` adds any key."""
    if not OmegaConf.is_dict(config):
        return
    schema = OmegaConf.get_type(config)
    known = getattr(schema, "__dataclass_fields__", None)
    for name in config:
        full = f"{key}.{name}" if key else str(name)
        if known is not None and name not in known:
            msg = f"there is no setting {full}. Existing beside it: {', '.join(known)}."
            raise InputError(msg)
        if known is not None and not OmegaConf.is_interpolation(config, name):
            _check_keys(None if OmegaConf.is_missing(config, name) else config[name], full)


def _find(key: str, target: str) -> Any:
    if target == "???":
        msg = f"{key}._target_ is not given; expected the class to use, such as my_parts.Model."
        raise InputError(msg)
    talkative = logging.getLogger("hydra.utils")  # it would log the same error a second time
    before, talkative.disabled = talkative.disabled, True
    try:
        return get_object(target)
    except Exception as error:
        *_, first = causes(error)
        msg = (
            f"{key}._target_={target} cannot be found ({first_line(first)}). "
            "Expected the full name of a class or function, such as my_parts.Model, in a file of "
            "the current folder or in an installed package."
        )
        raise InputError(msg) from error
    finally:
        talkative.disabled = before


def _check_arguments(key: str, node: dict[str, Any], target: Any) -> None:
    parameters = _parameters(target)
    open_ended = any(one.kind is one.VAR_KEYWORD for one in parameters.values())
    for name, value in node.items():
        if str(name).startswith("_"):
            continue
        if name in parameters:
            _check_type(f"{key}.{name}", value, parameters[name].annotation)
        elif not open_ended and parameters:
            close = difflib.get_close_matches(str(name), parameters, n=1)
            listed = ", ".join(parameters)
            hint = f"Did you mean {key}.{close[0]}?" if close else f"It takes: {listed}."
            msg = f"{key}.{name} is no setting of {node['_target_']}. {hint}"
            raise InputError(msg)


def _parameters(target: Any) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a target; none if they are unknown, as for compiled code."""
    for eval_str in (True, False):
        # Annotations may name types that are imported for type checkers only.
        with suppress(TypeError, ValueError, NameError, AttributeError):
            return inspect.signature(target, eval_str=eval_str).parameters
    return {}


def _check_type(key: str, value: object, annotation: object) -> None:
    if annotation not in _TYPES or (isinstance(value, str) and value.startswith(("${", "???"))):
        return
    kinds, expected = _TYPES[annotation]
    # In Python, True is a whole number too.
    if not isinstance(value, kinds) or (isinstance(value, bool) and annotation is not bool):
        said = "null" if value is None else value
        msg = f"{key}={said}; expected {expected}."
        raise InputError(msg)


def _check_methods(key: str, name: object, made: Any, methods: tuple[str, ...]) -> None:
    lacking = [method for method in methods if not callable(getattr(made, method, None))]
    if lacking:
        msg = (
            f"{key}._target_={name} lacks {', '.join(lacking)}; expected a component with "
            f"{', '.join(methods)}."
        )
        raise InputError(msg)
