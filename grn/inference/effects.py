"""Adds up perturbed cells block by block: effects need all of them, and only their means."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from grn.data.dataset import CellDataset
from grn.interventions import Interventions
from grn.model.group_moments import GroupMoments

_CELLS_PER_BLOCK = 4096  # of memory alone: 64 MB for 2000 genes, twice


def moments_of_groups(
    cells: CellDataset, rows: Int[np.ndarray, " n_rows"], interventions: Interventions
) -> GroupMoments:
    """Return the moments of cells that were perturbed alike, centred within batches if there are.

    Parameters
    ----------
    cells
        Preprocessed cells.
    rows
        Rows of the cells to use.
    interventions
        Perturbation of every one of these rows.
    """
    shift = _batch_shifts(cells, rows)

    def blocks() -> Iterator[tuple[Float[Tensor, "cells n_genes"], Int[Tensor, " cells"]]]:
        for some in _blocks(len(rows)):
            roots = cells.roots(rows[some])
            batch = cells.batch(rows[some])
            if shift is not None and batch is not None:
                roots = roots - shift[batch]
            yield roots, torch.from_numpy(interventions.group[some])

    return GroupMoments.of(blocks(), len(interventions.dose))


def _batch_shifts(
    cells: CellDataset, rows: Int[np.ndarray, " n_rows"]
) -> Float[Tensor, "n_batches n_genes"] | None:
    """Return by how much the mean of every batch is above that of all cells."""
    batch = cells.batch(rows)
    if batch is None:
        return None
    sums = torch.zeros(int(batch.max()) + 1, len(cells.genes), dtype=torch.float64)
    for some in _blocks(len(rows)):
        sums.index_add_(0, batch[some], cells.roots(rows[some]).double())
    sizes = torch.bincount(batch, minlength=len(sums))[:, None].clamp_min(1)
    return (sums / sizes - sums.sum(dim=0) / len(rows)).float()


def _blocks(n_rows: int) -> Iterator[slice]:
    for first in range(0, n_rows, _CELLS_PER_BLOCK):
        yield slice(first, min(first + _CELLS_PER_BLOCK, n_rows))
