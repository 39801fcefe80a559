"""The schema of the root configuration, and composing it from Python."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import MISSING, DictConfig

CONFIG_NAME = "train"


@dataclass
class RunConfig:
    """Keys of conf/train.yaml: without a schema a misspelt key would be added in silence."""

    data: Any = MISSING
    """Cells, regulators, truth and minibatches."""
    preprocess: Any = MISSING
    """Partial `grn.preprocess`, given the cells."""
    model: Any = MISSING
    """Gene profiles and network."""
    objective: Any = MISSING
    """Loss."""
    optimizer: Any = MISSING
    """Partial constructor, given the parameters."""
    trainer: Any = MISSING
    """Constructor of Lightning's Trainer."""
    callbacks: Any = MISSING
    """Lightning callbacks by name."""
    logger: Any = MISSING
    """Lightning logger."""
    paths: Any = MISSING
    """`run`: the run folder."""
    experiment: Any = None
    debug: Any = None
    seed: int = MISSING
    """Seeds everything; also of the simulated demo data."""
    overwrite: bool = MISSING
    """Whether an existing result may be replaced."""


def register() -> None:
    """Make the schema known to Hydra; needed before composing."""
    ConfigStore.instance().store(name="run_schema", node=RunConfig)


def config_folder() -> str:
    """Return conf/: inside the installed package, or beside it in a checkout."""
    here = Path(__file__).resolve().parent
    return str(next(c for c in (here / "conf", here.parent / "conf") if c.is_dir()))


def compose_config(overrides: Sequence[str]) -> DictConfig:
    """Compose conf/train.yaml with overrides, outside a Hydra job.

    Raises
    ------
    hydra.errors.HydraException, omegaconf.errors.OmegaConfBaseException
        An override does not fit.
    """
    register()
    # A caller may have Hydra running already: ours must not disturb theirs.
    outer = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(config_folder(), version_base="1.3"):
            return compose(CONFIG_NAME, [*overrides])
    finally:
        GlobalHydra.instance().clear()
        if outer is not None:
            GlobalHydra.instance().initialize(outer)
