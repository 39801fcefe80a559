"""A network for every group of cells, such as a cell type, by partial pooling."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.data.preprocessing.labels import Labels
from grn.errors import InputError
from grn.inference.infer import infer_network
from grn.model.pretrained import GeneNetwork
from grn.progress import track
from grn.readout import read_edges_off

logger = logging.getLogger(__name__)

LEAST_CELLS = 20
"""Smaller groups get the network of all cells, since their own would be chance. As for whole data
sets (`grn.data.preprocessing.check.MIN_CELLS`), chosen by hand."""
# With this many cells, a group's own cells have half of the weight in its network. Measured on
# simulated groups, of which a third and four fifths of the edges differ (docs/experiments.md).
_HALF = 600.0

COLUMNS = ("group", "source", "target", "weight", "importance")
"""Columns of a table of edges by group."""


@dataclass(frozen=True)
class GroupNetwork:
    """The network of one group of cells.

    Parameters
    ----------
    network
        Partially pooled, as `infer_groups` says.
    n_cells
        Cells of the group.
    own_share
        Share of the group's own cells in the scores; the rest is that of all cells.
    """

    network: GeneNetwork
    n_cells: int
    own_share: float


def check_groups(labels: Labels) -> None:
    """Make sure that at least one group has enough cells for a network of its own.

    Raises
    ------
    InputError
        None has.
    """
    sizes = labels.sizes
    if max(sizes.values()) < LEAST_CELLS:
        msg = (
            f"--groupby {labels.key}: the largest of {len(sizes)} groups has {max(sizes.values())}"
            f" cells; expected at least one with {LEAST_CELLS}. Name a coarser column, or leave "
            "--groupby out."
        )
        raise InputError(msg)


def infer_groups(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    labels: Labels,
    shared: GeneNetwork,
    *,
    prior: pd.DataFrame | None = None,
) -> dict[str, GroupNetwork]:
    r"""Find the network of every group, which leans on that of all cells where cells are few.

    .. math:: s^{(g)} = (1 - \alpha_g)\, s + \alpha_g\, s^{\text{own}}, \qquad
        \alpha_g = n_g / (n_g + 600)

    with s the scores found on all cells, s^own those found on the n_g cells of the group alone.
    Groups of fewer than 20 cells have α = 0. The transformer is applied once per group, so the
    time grows with the number of groups, and nothing is fitted.

    Parameters
    ----------
    config, cells, tfs, prior
        As in `grn.inference.infer.infer_network`.
    labels
        Group of every cell.
    shared
        Network of all cells.

    Raises
    ------
    InputError
        As `infer_network`.
    """
    found = {}
    for name, n_cells in track(labels.sizes.items(), "groups"):
        if n_cells < LEAST_CELLS:
            found[name] = GroupNetwork(shared, n_cells, 0.0)
            continue
        own = infer_network(config, cells, tfs, rows=labels.rows(name), prior=prior)
        share = n_cells / (n_cells + _HALF)
        scores = (1 - share) * shared.scores + share * own.scores
        found[name] = GroupNetwork(replace(own, scores=scores), n_cells, share)
        logger.info("group %s: %d cells make %.0f %% of its network", name, n_cells, 100 * share)
    small = [f"{name} ({one.n_cells})" for name, one in found.items() if one.own_share == 0]
    if small:
        logger.warning(
            "groups of fewer than %d cells have the network of all cells: %s",
            *(LEAST_CELLS, ", ".join(small)),
        )
    return found


def edges_by_group(
    groups: dict[str, GroupNetwork],
    tfs: Sequence[str],
    genes: Sequence[str],
    top: int | None = None,
) -> pd.DataFrame:
    """Build one tidy table of the edges of all groups.

    Parameters
    ----------
    groups
        From `infer_groups`.
    tfs, genes
        Names of the regulators and genes, in order.
    top
        Edges of each group, its best ones; None: every TF × gene pair but self.

    Returns
    -------
    Columns `group, source, target, weight, importance`: the groups in their order, the best edge
    of each first. `group` is categorical.
    """
    tables = []
    for group in groups.values():
        edges = read_edges_off(group.network.scores, tfs, genes)
        tables.append(edges if top is None else edges.head(top))
    table = pd.concat(tables, ignore_index=True)
    codes = np.repeat(np.arange(len(tables)), [len(one) for one in tables])
    table.insert(0, "group", pd.Categorical.from_codes(codes, list(groups)))
    return table[list(COLUMNS)]


def describe_groups(groups: dict[str, GroupNetwork]) -> dict[str, dict[str, float]]:
    """Return what the network of each group stands on, for metrics.json and `uns`."""
    return {
        name: {
            "n_cells": group.n_cells,
            "own_share": round(group.own_share, 4),
            "share_of_closed_form": group.network.share,
        }
        for name, group in groups.items()
    }
