"""Explains what is wrong with an override, and how to write it correctly."""

import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from hydra import compose
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException, ValidationError

from grn.errors import InputError, causes, first_line

# Files of conf/data that the others include and that cannot be chosen themselves.
_PARTS = {"loader"}


def explain(error: Exception, overrides: Sequence[str], config_name: str) -> InputError:
    """Return an error that states what was found, what was expected and how to fix it.

    Parameters
    ----------
    error
        Error of Hydra or OmegaConf while composing; Hydra is still initialised.
    overrides
        The overrides as the user wrote them.
    config_name
        Name of the root file in conf/.
    """
    if isinstance(error, MissingConfigException):
        return InputError(_no_such_option(error))
    first = _origin(error)
    said = first_line(first)
    culprit = _culprit(error, overrides)
    key, equals, value = culprit.partition("=")
    if isinstance(first, AssertionError):  # Hydra does not expect it
        return InputError(f"{culprit!r} is no setting; expected KEY=VALUE.")
    of_type = isinstance(first, ValidationError)
    brackets = of_type and value.startswith(("[", "{"))
    if isinstance(error, OverrideParseException) or said.startswith("Ambiguous value") or brackets:
        if not equals:
            return InputError(f"{culprit!r} is no setting; expected KEY=VALUE.")
        return InputError(
            f"{culprit}: commas, =, quotes and brackets in a value have a meaning for Hydra. "
            f"Quote the value for Hydra, and the whole for the shell: {_quoted(key, value)}"
        )
    if of_type:
        return InputError(f"{_full_key(first) or culprit}: {said}.")
    if str(error).startswith("Could not override"):
        name = key.lstrip("+~")
        return InputError(f"there is no setting {name}. {_alike(name, overrides, config_name)}")
    text = str(error).strip()
    return InputError(text if said in text else f"{text}: {said}")


def _origin(error: Exception) -> BaseException:
    """Return the innermost error that names its setting; if none does, the innermost error.

    OmegaConf completes its message while the error propagates. With OC_CAUSE set, in a debugger or
    under coverage, it keeps the incomplete error ("Value '$VALUE' ...") as the cause.
    """
    chain = list(causes(error))
    about = [one for one in chain if _full_key(one)]
    return (about or chain)[-1]


def _no_such_option(error: MissingConfigException) -> str:
    group, _, name = str(error.missing_cfg_file).rpartition("/")
    options = sorted({*(error.options or [])} - _PARTS)
    if not options:
        return first_line(error)
    close = difflib.get_close_matches(name, options, n=1)
    hint = f" Did you mean {group}={close[0]}?" if close else ""
    if group == "hydra/launcher":
        hint += " Others: pip install 'spherical-grn[launchers]' (docs/several_machines.md)."
    return f"there is no {group}={name}. Existing: {', '.join(options)}.{hint}"


def _culprit(error: Exception, overrides: Sequence[str]) -> str:
    """Return the override that caused an error; the text of the error if none is found."""
    named = getattr(error, "override", None)
    if named:
        return str(named)
    text = str(error)
    whole = [override for override in overrides if override in text]
    by_key = [one for one in overrides if one.partition("=")[0].lstrip("+~") in text]
    found = whole or by_key
    return max(found, key=len) if found else first_line(error)


def _quoted(key: str, value: str) -> str:
    bare = value.strip("\"'")
    escaped = bare.replace("\\", "\\\\").replace('"', '\\"')
    override = f'{key}="{escaped}"'
    # The shell takes everything inside single quotes literally, except single quotes.
    return "'" + override.replace("'", "'\\''") + "'"


def _full_key(error: BaseException) -> str:
    key = getattr(error, "full_key", None)
    return str(key) if key else ""


def _alike(name: str, overrides: Sequence[str], config_name: str) -> str:
    """Return the setting that is most similar to a name, or the settings of the same group."""
    choices = [one for one in overrides if "." not in one.partition("=")[0]]
    choices = [one for one in choices if one.partition("=")[0].lstrip("+~") != name]
    try:
        config = compose(config_name, choices)
    except (HydraException, OmegaConfBaseException):
        return "python train.py --cfg job shows all."
    known = sorted(_keys(OmegaConf.to_container(config), ""))
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]}?"
    group = name.rpartition(".")[0]
    beside = [key for key in known if key.rpartition(".")[0] == group]
    return f"Existing: {', '.join(beside)}." if beside else "python train.py --cfg job shows all."


def _keys(settings: Any, key: str) -> Iterator[str]:
    if isinstance(settings, dict):
        for name, below in settings.items():
            if not str(name).startswith("_"):
                full = f"{key}.{name}" if key else str(name)
                yield full
                yield from _keys(below, full)
