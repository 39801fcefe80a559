"""What a run starts from, all of it checked, and what it finds."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.data.datasets.load import Dataset
from grn.data.preprocessing.prepare import prepare
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.names.symbols import match_names

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Inputs:
    """What a run starts from, all of it checked."""

    name: str
    adata: "AnnData"
    """The preprocessed cells."""
    cells: CellDataset
    """The same, as rows for the model."""
    tfs: list[str]
    truth: pd.DataFrame | None
    prior: pd.DataFrame | None
    name_report: dict[str, Any] | None
    """How the names of the regulators met those of the genes; None: every gene regulates."""

    @property
    def names(self) -> dict[str, list[str]]:
        """Genes and regulators in order, as a checkpoint keeps them."""
        return {"genes": self.cells.genes, "tfs": self.tfs}


@dataclass(frozen=True)
class Found:
    """What a run found, in whatever regime."""

    edges: pd.DataFrame
    """The complete edge table, best first."""
    metrics: pd.DataFrame | None
    """As `grn.evaluate` returns it; None without a truth."""
    record: dict[str, Any] = field(default_factory=dict)
    """What stands in metrics.json besides."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """What stands in network.h5ad too."""


def read_inputs(config: DictConfig) -> Inputs:
    """Read and preprocess the cells and match the names of regulators and truth to them.

    Raises
    ------
    InputError
        Something about the cells, the names or the known edges that the user can fix.
    """
    if config.prior is not None and config.split is not None:
        msg = "got a prior and a split. A prior guides an unsupervised run: leave one of them out."
        raise InputError(msg)
    dataset: Dataset = instantiate(config.data.source)
    truth = None if dataset.truth is None else read_truth(dataset.truth)
    preprocess = instantiate(config.preprocess)
    adata, tfs = prepare(dataset.adata, dataset.tfs, preprocess, aliases=dataset.aliases)
    report = None
    if dataset.tfs is not None:
        report = match_names(dataset.tfs, dataset.adata.var_names, dataset.aliases).report()
    prior = None if config.prior is None else read_truth(config.prior)
    return Inputs(dataset.name, adata, CellDataset(adata), tfs, truth, prior, report)
