"""Builds the components that settings name by `_target_`, and refuses those that do not fit."""

import difflib
import inspect
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from numbers import Integral, Real
from typing import Any

from hydra.utils import get_object, instantiate
from omegaconf import DictConfig, OmegaConf

from grn.errors import InputError, causes

# Methods that a run calls, which a component of the user has to have too.
_METHODS = {
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
            _check_methods(key, node["_target_"], target, _METHODS.get(group, ()))


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
    talkative = logging.getLogger("hydra.utils")  # it would log the same error a second time
    before, talkative.disabled = talkative.disabled, True
    try:
        return get_object(target)
    except Exception as error:
        *_, first = causes(error)
        msg = (
            f"{key}._target_={target} cannot be found ({str(first).splitlines()[0]}). "
            "Expected the full name of a class or function that can be imported."
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
