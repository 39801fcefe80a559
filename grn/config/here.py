"""Finds the classes of the user that settings name, in files of the current folder."""

import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf


def import_from(folder: Path, settings: Any) -> None:
    """Let modules of a folder be imported if a `_target_` names one that is found nowhere else.

    Called when Hydra has looked for its plugins: it would import all of `hydra_plugins` in the
    folder. Otherwise no code of a folder runs only because a command is run in it. The folder
    stays on the path, after all else, as a module may import others when it is used.

    Parameters
    ----------
    folder
        Where the command was started.
    settings
        Settings as composed, with `_target_` at any depth.
    """
    here = str(folder)
    if sys.flags.safe_path or here in sys.path:
        return
    modules = {target.partition(".")[0] for target in _targets(OmegaConf.to_container(settings))}
    unknown = [one for one in modules if one not in sys.modules and one.isidentifier()]
    if any(find_spec(one) is None and PathFinder.find_spec(one, [here]) for one in unknown):
        sys.path.append(here)


def _targets(settings: Any) -> Iterator[str]:
    if isinstance(settings, dict):
        if isinstance(settings.get("_target_"), str):
            yield settings["_target_"]
        settings = list(settings.values())
    if isinstance(settings, list):
        for below in settings:
            yield from _targets(below)
