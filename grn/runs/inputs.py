"""The checked inputs of a run, and its findings."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.data.datasets.load import Dataset
from grn.data.preprocessing.labels import Labels
from grn.data.preprocessing.perturbed_obs import annotate, interventions_of
from grn.data.preprocessing.prepare import find_regulators, preprocess_named
from grn.edges.read import read_truth
from grn.inference.infer import batch_of
from grn.inference.networks import group_labels, perturbations_of
from grn.inference.prior import read_prior

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Inputs:
    """Inputs of a run, all of them checked."""

    name: str
    adata: "AnnData"
    """The preprocessed cells."""
    cells: CellDataset
    """The same, as rows for the model."""
    tfs: list[str]
    truth: pd.DataFrame | None
    prior: pd.DataFrame | None
    name_report: dict[str, Any] | None
    """How the names of the regulators were matched; None if every gene may regulate."""

    groups: Labels | None = None
    """Group of every cell, where a network for each is asked for."""

    @property
    def names(self) -> dict[str, list[str]]:
        """Genes and regulators in order, as a checkpoint keeps them."""
        return {"genes": self.cells.genes, "tfs": self.tfs}


@dataclass(frozen=True)
class Found:
    """Findings of a run, in any regime."""

    edges: pd.DataFrame
    """The complete edge table, best first."""
    metrics: pd.DataFrame | None
    """As `grn.evaluate` returns it; None without a truth."""
    record: dict[str, Any] = field(default_factory=dict)
    """Further entries of metrics.json."""
    by_group: pd.DataFrame | None = None
    """Edges of every group (`grn.inference.groups.edges_by_group`); None without groups."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Entries of both metrics.json and network.h5ad."""


def read_inputs(config: DictConfig) -> Inputs:
    """Read and preprocess the cells and match the names of regulators and truth to them.

    Raises
    ------
    InputError
        The cells, the names or the known edges have a problem that the user can fix.
    """
    dataset: Dataset = instantiate(config.data.source)
    group_labels(config, dataset.adata)  # before the time is spent on preprocessing
    batch_of(config, dataset.adata.obs)
    perturbations = perturbations_of(config, dataset.adata, dataset.aliases)
    truth = None if dataset.truth is None else read_truth(dataset.truth)
    preprocess = instantiate(config.preprocess)
    match = find_regulators(dataset.adata, dataset.tfs, aliases=dataset.aliases)
    perturbed = () if perturbations is None else perturbations.measured
    adata, tfs = preprocess_named(dataset.adata, match, preprocess, keep=perturbed)
    annotate(adata, perturbations)
    report = None if match is None else match.report()
    prior = None
    if config.prior is not None:
        species = config.data.get("tfs")  # human and mouse say which known edges are meant
        prior = read_prior(config.prior, adata.var_names, species=species, aliases=dataset.aliases)
    cells = CellDataset(
        adata, batch=batch_of(config, adata.obs), interventions=interventions_of(adata)
    )
    groups = group_labels(config, adata)
    return Inputs(dataset.name, adata, cells, tfs, truth, prior, report, groups)
