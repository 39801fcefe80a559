"""The schemas of the root configurations, and composing that of a run from Python."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import MISSING, DictConfig

CONFIG_NAME = "train"

# In Python nothing is written unless asked for.
NO_FOLDER = ("paths=folder", "logger=none")


@dataclass
class ConfidenceConfig:
    """Columns that take further fits (grn/training/confidence.py); 0: no such column."""

    bootstraps: int = MISSING
    """Fits for `stability`."""
    permutations: int = MISSING
    """Fits for `p_value` and `fdr`."""


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
    split: Any = None
    """Partial split of the known edges, of a supervised run; else null."""
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
    confidence: ConfidenceConfig = field(default_factory=ConfidenceConfig)
    """How far to trust each edge."""
    experiment: Any = None
    debug: Any = None
    seed: int = MISSING
    """Seeds everything; also of the simulated demo data."""
    prior: str | None = None
    """File of known edges from which the pair bias starts."""
    overwrite: bool = MISSING
    """Whether an existing result may be replaced."""


@dataclass
class BenchmarkConfig:
    """Keys of conf/benchmark.yaml."""

    methods: list[str] = MISSING
    datasets: list[str] = MISSING
    seeds: list[int] = MISSING
    regimes: list[str] = MISSING
    """What may be known besides the cells: nothing, part of a network, or another network."""
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Arguments by the name of the method."""
    n_jobs: int = MISSING
    """Jobs that run side by side; -1: one per core."""
    output: str = MISSING
    """Folder of the result."""
    cache: str = MISSING
    """Folder of the predictions."""
    logger: Any = MISSING
    """Lightning logger."""
    paths: Any = MISSING
    """`run`: where the logger writes."""


@dataclass
class NetworksConfig:
    """Simulated networks of every kind (grn/simulation/curriculum.py); 0: none of it."""

    boolean: int = MISSING
    single_cell: int = MISSING
    bulk: int = MISSING


@dataclass
class EncoderConfig:
    """Arguments of `grn.model.pair_encoder.PairEncoder`."""

    n_channels: int = MISSING
    n_blocks: int = MISSING


@dataclass
class PretrainConfig:
    """Keys of conf/pretrain.yaml."""

    n_networks: NetworksConfig = field(default_factory=NetworksConfig)
    n_encoders: int = MISSING
    """Encoders whose log-odds are averaged."""
    max_steps: int = MISSING
    """Of each."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    seed: int = MISSING
    n_jobs: int = MISSING
    """Processes that simulate, and encoders that train, side by side; -1: one per core."""
    output: str = MISSING
    """Folder of the result."""
    overwrite: bool = MISSING
    """Whether an existing result may be replaced."""
    logger: Any = MISSING
    """Lightning logger."""
    paths: Any = MISSING
    """`run`: where the logger writes."""


def register() -> None:
    """Make the schemas known to Hydra; needed before composing."""
    store = ConfigStore.instance()
    store.store(name="run_schema", node=RunConfig)
    store.store(name="benchmark_schema", node=BenchmarkConfig)
    store.store(name="pretrain_schema", node=PretrainConfig)


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
