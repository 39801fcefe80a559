"""Settings of a run: their schemas, and composing them from Python."""

from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from grn.config.here import import_from
from grn.config.overrides import explain
from grn.config.schemas import DATA_SCHEMAS, SCHEMAS
from grn.errors import InputError

__all__ = [
    "CONFIG_NAME",
    "NO_FOLDER",
    "compose_config",
    "config_folder",
    "explain",
    "import_from",
    "register",
]

CONFIG_NAME = "train"

# From Python no files are written unless they are requested.
NO_FOLDER = ("paths=folder", "logger=none")


def register() -> None:
    """Make the schemas known to Hydra, which is necessary before settings are composed."""
    store = ConfigStore.instance()
    for name, schema in SCHEMAS.items():
        store.store(name=name, node=schema)
    for name, schema in DATA_SCHEMAS.items():
        store.store(group="schema/data", name=name, node=schema)


def config_folder() -> str:
    """Return the path of conf/: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    return str(next(c for c in (package / "conf", package.parent / "conf") if c.is_dir()))


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """Compose conf/train.yaml with overrides, outside a Hydra job.

    Raises
    ------
    InputError
        An override names no setting, has a value of a wrong type, or asks for many runs.
    """
    _refuse_search(overrides)
    register()
    # The caller may be running Hydra itself, so its state is put back afterwards.
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(config_folder(), version_base="1.3"):
            try:
                return compose(CONFIG_NAME, [*overrides])
            except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
                # The last for what Hydra's own grammar does not expect, such as `+=`.
                raise explain(error, overrides, CONFIG_NAME) from error
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)


def _refuse_search(overrides: Sequence[str]) -> None:
    """Refuse what only Hydra's own command can do; composed here it would change nothing."""
    if any(override.lstrip("+").startswith("hparams_search=") for override in overrides):
        msg = (
            "a search for settings is many runs, and this is one. Use the command: grn train "
            "hparams_search=optuna; best.yaml has overrides that can be passed here."
        )
        raise InputError(msg)
