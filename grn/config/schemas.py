"""The schemas of the root configurations and of the sources of cells."""

from dataclasses import dataclass, field
from typing import Any

from omegaconf import MISSING


@dataclass
class ConfidenceConfig:
    """Columns that take further networks (grn/inference/confidence.py); 0: no such column."""

    bootstraps: int = MISSING
    """Networks of other draws of the cells, for `stability`."""
    permutations: int = MISSING
    """Networks of independent genes, for `p_value` and `fdr`."""


@dataclass
class ModelConfig:
    """Keys of conf/model: of these, no constructor would check those that code reads."""

    transformer: str | None = MISSING
    """File of pretrained weights; null: those that come with the package."""
    max_cells: int = MISSING
    """Cells on which statistics are computed."""
    predictor: Any = MISSING
    """Partial constructor, given what is known of the genes."""


@dataclass
class RunConfig:
    """Keys of conf/train.yaml: without a schema a misspelt key would be added in silence."""

    data: Any = MISSING
    """Cells, regulators, truth and minibatches."""
    preprocess: Any = MISSING
    """Partial `grn.preprocess`, given the cells."""
    model: ModelConfig = field(default_factory=ModelConfig)
    """Transformer that finds the network, and predictor of expression."""
    objective: Any = MISSING
    """Loss."""
    split: Any = None
    """Partial split of the known edges, of a supervised run; else null."""
    optimizer: Any = MISSING
    """Partial constructor, given the parameters."""
    scheduler: Any = None
    """Partial schedule of the learning rate, given the optimiser; null: as measured."""
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
    hparams_search: Any = None
    seed: int = MISSING
    """Seeds everything; `data.seed` sets that of the data apart."""
    prior: str | None = None
    """Known edges that are to come first: a file, or a name that `grn data fetch` has fetched."""
    top: int | None = None
    """How many edges, the best ones, the tables hold; null: every pair."""
    report: bool = MISSING
    """Whether report.html is written."""
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
    not_on: dict[str, list[str]] = field(default_factory=dict)
    """Methods that do not run on a collection of data sets, by its name."""
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
class KindsConfig:
    """A whole number for every kind of simulated networks (grn/simulation/curriculum.py)."""

    boolean: int = MISSING
    large_boolean: int = MISSING
    single_cell: int = MISSING
    bulk: int = MISSING
    bulk_screen: int = MISSING
    cell_screen: int = MISSING
    boolean_screen: int = MISSING


@dataclass
class SharesConfig:
    """A share of the steps for every kind."""

    boolean: float = MISSING
    large_boolean: float = MISSING
    single_cell: float = MISSING
    bulk: float = MISSING
    bulk_screen: float = MISSING
    cell_screen: float = MISSING
    boolean_screen: float = MISSING


@dataclass
class TransformerConfig:
    """Arguments of `grn.model.transformer.SphericalTransformer`."""

    width: int = MISSING
    n_heads: int = MISSING
    head_dim: int = MISSING
    n_blocks: int = MISSING
    n_channels: int = MISSING
    hidden_size: int = MISSING
    normaliser: str = MISSING


@dataclass
class OptimisationConfig:
    """Arguments of `grn.pretraining.module.PretrainingModule`."""

    learning_rate: float = MISSING
    weight_decay: float = MISSING
    warm_up_steps: int = MISSING
    sign_weight: float = MISSING


@dataclass
class PretrainConfig:
    """Keys of conf/pretrain.yaml."""

    n_networks: KindsConfig = field(default_factory=KindsConfig)
    """Simulated networks; 0: none of the kind."""
    batch_size: KindsConfig = field(default_factory=KindsConfig)
    """Networks of one step."""
    share: SharesConfig = field(default_factory=SharesConfig)
    start: str | None = None
    """File of weights to go on from; `package`: those of the package; null: random ones."""
    stage: Any = None
    transformer: TransformerConfig = field(default_factory=TransformerConfig)
    max_steps: int = MISSING
    optimisation: OptimisationConfig = field(default_factory=OptimisationConfig)
    real: list[str] = MISSING
    """Real cells with known networks, as collection/name/network."""
    trainer: Any = MISSING
    """Arguments of Lightning's Trainer."""
    seed: int = MISSING
    n_jobs: int = MISSING
    """Processes that simulate side by side; -1: one per core."""
    output: str = MISSING
    """Folder of the result."""
    overwrite: bool = MISSING
    """Whether an existing result may be replaced."""
    logger: Any = MISSING
    """Lightning logger."""
    paths: Any = MISSING
    """`run`: where the logger writes."""


@dataclass
class DataConfig:
    """What every group of conf/data holds."""

    seed: int = MISSING
    """Seed of what the data are: simulation, draws of cells, held-out cells and edges."""
    groupby: str | None = None
    """Column of obs whose groups get a network each."""
    batch: str | None = None
    """Column of obs within whose groups expression is centred."""
    perturbations: str | None = None
    """Column of obs that says which genes are perturbed in which cells."""
    control: str | None = None
    """Label of the controls in that column, beside the usual words."""
    perturbation_kind: str | None = None
    """knock-out, knock-down or activation; null: another column of obs says it."""
    source: Any = MISSING
    """Constructor of the data set; its arguments are checked by its signature."""
    loader: Any = MISSING
    """Partial constructor of the minibatches, likewise."""


@dataclass
class FileConfig(DataConfig):
    """Keys of conf/data/file.yaml."""

    cells: str = MISSING
    tfs: str | None = None
    truth: str | None = None
    layer: str | None = None
    gene_column: str | None = None
    aliases: str | None = None
    on_disk: bool | None = None


@dataclass
class NamedConfig(DataConfig):
    """Keys of conf/data/beeline.yaml."""

    dataset: str = MISSING
    network: str | None = None
    collection: str | None = None


@dataclass
class SimulatedConfig(DataConfig):
    """Keys of conf/data/simulated.yaml."""

    model: str = MISSING
    n_cells: int = MISSING
    dropout: float = MISSING


SCHEMAS: dict[str, type] = {
    "run_schema": RunConfig,
    "benchmark_schema": BenchmarkConfig,
    "pretrain_schema": PretrainConfig,
}
"""By the name that the root files give them."""
DATA_SCHEMAS: dict[str, type] = {
    "demo": DataConfig,
    "file": FileConfig,
    "named": NamedConfig,
    "simulated": SimulatedConfig,
}
"""By the name under schema/data that the files of conf/data give them."""
