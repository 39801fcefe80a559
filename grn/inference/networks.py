"""The networks of some cells, found when they are first needed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.data.preprocessing.labels import Labels, read_labels
from grn.data.preprocessing.perturbations import Perturbations, read_perturbations
from grn.data.preprocessing.perturbed_obs import describe_perturbations, interventions_of
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.inference.confidence import Confidence, assess
from grn.inference.cost import log_cost
from grn.inference.differences import check_bootstraps, edge_differences, resample_groups
from grn.inference.groups import (
    GroupNetwork,
    check_groups,
    describe_groups,
    edges_by_group,
    infer_groups,
)
from grn.inference.infer import (
    batch_of,
    describe_transformer,
    infer_network,
    log_belief,
    log_labels,
)
from grn.model.pretrained import GeneNetwork
from grn.readout import read_edges_off, with_cells

if TYPE_CHECKING:
    from anndata import AnnData


LABELS = ("groupby", "batch", "perturbations", "control", "perturbation_kind")
"""Keys of the configuration of data that say what columns of obs mean."""


class Networks:
    """The network of all cells, and one for each group of them.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model`, `seed`, `data.groupby` and `data.batch` are
        read.
    adata
        The preprocessed cells; `annotate` has written their perturbations, if any, into obs.
    tfs
        Regulators, in the order of the genes.
    known
        The network of all cells, where it is known already.
    prior
        Known edges or motifs in the names of the genes (`grn.inference.prior.read_prior`).

    Raises
    ------
    InputError
        The column of the groups or of the batches cannot be used.
    """

    def __init__(
        self,
        config: DictConfig,
        adata: "AnnData",
        tfs: Sequence[str],
        known: GeneNetwork | None = None,
        prior: pd.DataFrame | None = None,
    ) -> None:
        self._config, self._adata, self._tfs, self.prior = config, adata, tfs, prior
        self._batch, self._interventions = batch_of(config, adata.obs), interventions_of(adata)
        self._labels = group_labels(config, adata)
        self._shared = known
        self._groups: dict[str, GroupNetwork] | None = None

    def __repr__(self) -> str:
        """Say of what cells the networks are, and whether they are found."""
        found = "not found yet" if self._shared is None else f"found, {self._shared!r}"
        lines = [f"network: {found}"]
        if self._labels is not None:
            state = "not found yet" if self._groups is None else "found"
            names = ", ".join(map(str, self._labels.names))
            lines.append(f"networks of {len(self._labels.names)} groups, {state}: {names}")
        if self.prior is not None:
            lines.append(f"prior: {len(self.prior)} known edges")
        return "\n".join(lines)

    def with_settings(self, config: DictConfig) -> "Networks":
        """Return the networks under other settings; what these do not change stays found."""
        same = (config.model, config.seed) == (self._config.model, self._config.seed)
        known = self._shared if same else None
        return Networks(config, self._adata, self._tfs, known, self.prior)

    @property
    def cells(self) -> CellDataset:
        """The cells as rows for the model."""
        return CellDataset(self._adata, batch=self._batch, interventions=self._interventions)

    @property
    def shared(self) -> GeneNetwork:
        """The network of all cells."""
        if self._shared is None:
            cells = self.cells
            log_labels(self._config, cells)
            n_cells, n_genes = self._adata.shape
            log_cost(self._config, n_cells, n_genes, len(self._tfs), self._labels)
            self._shared = infer_network(self._config, cells, self._tfs, prior=self.prior)
            log_belief(self._shared)
        return self._shared

    @property
    def groups(self) -> dict[str, GroupNetwork]:
        """The network of every group.

        Raises
        ------
        InputError
            There are no groups.
        """
        if self._groups is None:
            args = (self._config, self.cells, self._tfs, self._of_groups(), self.shared)
            self._groups = infer_groups(*args, prior=self.prior)
        return self._groups

    def assess(self, config: DictConfig) -> Confidence:
        """Compute what `config.confidence` asks for (`grn.inference.confidence.assess`)."""
        return assess(config, self._adata, self._tfs, self.shared, self.prior)

    def edges(self, **columns: np.ndarray) -> pd.DataFrame:
        """Return the edges of the network of all cells, best first.

        Parameters
        ----------
        columns
            Further columns, as `grn.edges.matrix.edge_table` takes them.
        """
        genes = self._adata.var_names
        edges = read_edges_off(self.shared.scores, self._tfs, genes, **columns)
        return with_cells(edges, self._adata.var)

    def edges_by_group(self, top: int | None = None) -> pd.DataFrame:
        """Return the edges of every group (`grn.inference.groups.edges_by_group`)."""
        return edges_by_group(self.groups, self._tfs, self._adata.var_names, top)

    def differences(
        self, group: str, reference: str | None, *, n_bootstraps: int, replicate: str | None
    ) -> pd.DataFrame:
        """Compare the edges of two groups (`grn.inference.differences.edge_differences`).

        Parameters
        ----------
        group, reference
            Names of the groups; the reference None: all other cells.
        n_bootstraps
            Draws of cells, each of which takes two networks.
        replicate
            Column of obs with the donor of every cell, where donors are to be drawn; None: cells.

        Raises
        ------
        InputError
            There are no groups, a name is unknown, or there are too few cells, donors or draws.
        """
        check_bootstraps(n_bootstraps)
        obs, seed = self._adata.obs, self._config.seed
        donors = None if replicate is None else read_labels(obs, replicate, "--replicate")
        samples = resample_groups(self._of_groups(), group, reference, donors, seed)
        tf_index = locate(self._tfs, self._adata.var_names)
        return edge_differences(
            self._config, self.cells, self._tfs, tf_index, samples, n_bootstraps
        )

    def _of_groups(self) -> Labels:
        if self._labels is None:
            msg = (
                "the cells are in no groups. Expected a column of adata.obs with the group of "
                "every cell, such as --groupby cell_type."
            )
            raise InputError(msg)
        return self._labels

    @property
    def transformer(self) -> dict[str, Any]:
        """Which weights found the network of all cells."""
        return describe_transformer(self._config, self.shared)

    @property
    def provenance(self) -> dict[str, Any]:
        """How the networks came about, for `uns`."""
        groups = None if self._labels is None else describe_groups(self.groups)
        return {
            "seed": self._config.seed,
            "n_tfs": len(self._tfs),
            "belief": self.shared.belief,
            "transformer": self.transformer,
            "groupby": self._config.data.groupby,
            "groups": groups,
            "batch": self._config.data.batch,
            "perturbations": describe_perturbations(self._adata),
        }


def group_labels(config: DictConfig, adata: "AnnData") -> Labels | None:
    """Return the group of every cell, None where `data.groupby` names no column.

    Raises
    ------
    InputError
        The column cannot be used, or no group has enough cells.
    """
    if config.data.groupby is None:
        return None
    labels = read_labels(adata.obs, config.data.groupby, "--groupby")
    check_groups(labels)
    return labels


def perturbations_of(
    config: DictConfig, adata: "AnnData", aliases: Mapping[str, str] | None = None
) -> Perturbations | None:
    """Read the perturbations of cells, None where `data.perturbations` names no column.

    Parameters
    ----------
    config
        `data.perturbations`, `data.control` and `data.perturbation_kind` are read.
    adata
        Cells × genes, with all measured genes.
    aliases
        Other names of genes, each with the name it stands for.

    Raises
    ------
    InputError
        As `read_perturbations`, or something is said of perturbations without their column.
    """
    data = config.data
    if data.perturbations is None:
        asked = {"--control": data.control, "--perturbation-kind": data.perturbation_kind}
        said = [f"{option} {value}" for option, value in asked.items() if value is not None]
        if said:
            msg = (
                f"got {' and '.join(said)} without --perturbations. Name the column of adata.obs "
                "that says which genes are perturbed: --perturbations KEY."
            )
            raise InputError(msg)
        return None
    return read_perturbations(
        adata.obs,
        data.perturbations,
        adata.var_names,
        control=data.control,
        kind=data.perturbation_kind,
        aliases=aliases,
    )


def describe(
    shape: tuple[int, int],
    n_tfs: int,
    networks: Networks,
    prediction: Mapping[str, float | None] | None,
) -> str:
    """Return what `repr` shows of a `grn.SphericalGRN`.

    Parameters
    ----------
    shape
        Numbers of cells and genes.
    n_tfs
        Number of regulators.
    networks
        Of which it is said whether they are found.
    prediction
        R² on held-out cells by name, beside its controls; None before training.
    """
    lines = [f"SphericalGRN: {shape[0]} cells × {shape[1]} genes, {n_tfs} regulators"]
    lines += repr(networks).splitlines()
    if prediction is None:
        lines.append("predictor of expression: not trained")
    else:
        known = (f"{name} {value:.3f}" for name, value in prediction.items() if value is not None)
        lines.append(f"predictor of expression, R² on held-out cells: {', '.join(known)}")
    return "\n  ".join(lines)
