"""Expression of cells by group, and what a knock-out or an over-expression does to it."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float, Int

from grn.data.dataset import CellDataset
from grn.data.preprocessing.labels import Labels
from grn.edges.matrix import locate
from grn.expression import column_moments
from grn.names.symbols import first_of

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

_CELLS_PER_BLOCK = 2000  # limits memory to 48 MB for 3000 genes, in float64
# Over-expression sets a gene to this quantile of the cells that express it. A shift of less than
# _LITTLE standard deviations gives a warning. Both were chosen by hand.
_HIGH = 0.99
_LITTLE = 0.1


@dataclass(frozen=True)
class PerturbedCells:
    """Expression by group, and the values to which perturbed genes are set."""

    dataset: CellDataset
    labels: Labels
    sd: Float[np.ndarray, " n_genes"]
    """Standard deviation of √(log expression) over all cells."""
    target: Float[np.ndarray, " n_genes"]
    """√(log expression) to which a gene is set; NaN if it is not perturbed."""
    group_mean: Float[np.ndarray, "n_groups n_genes"]
    bounds: tuple[Float[np.ndarray, "n_groups n_genes"], Float[np.ndarray, "n_groups n_genes"]]
    """Largest changes that keep each gene within its range in the cells."""

    @classmethod
    def read(
        cls,
        network: "AnnData",
        labels: Labels,
        values: Mapping[str, float | None],
    ) -> "PerturbedCells":
        """Compute the statistics from the cells, block by block.

        Parameters
        ----------
        network
            Log-normalised cells.
        labels
            Group of each cell.
        values
            Log expression to which each perturbed gene is set; None means its 0.99 quantile in
            the cells that express it.
        """
        dataset, names = CellDataset(network), list(values)
        _, sd = column_moments(network.X, np.sqrt)
        sums = np.zeros((len(labels.names), network.n_vars))
        low, high = np.full(network.n_vars, np.inf), np.full(network.n_vars, -np.inf)
        places, seen = locate(names, network.var_names), []
        for rows, block in _blocks(dataset):
            np.add.at(sums, labels.codes[rows], block)
            low, high = np.minimum(low, block.min(axis=0)), np.maximum(high, block.max(axis=0))
            seen.append(block[:, places])
        target = np.full(network.n_vars, np.nan)
        for place, name, column in zip(places, names, np.concatenate(seen).T, strict=True):
            value = values[name]
            expressed = column[column > 0]
            target[place] = np.quantile(expressed, _HIGH) if value is None else np.sqrt(value)
        group_mean = sums / np.bincount(labels.codes)[:, None]
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
        bounds = (low - group_mean) * scale, (high - group_mean) * scale
        cells = cls(dataset, labels, sd, target, group_mean, bounds)
        cells._warn_of_little(names, places)
        return cells

    @property
    def perturbed(self) -> Bool[np.ndarray, " n_genes"]:
        """Whether each gene is."""
        perturbed: np.ndarray = ~np.isnan(self.target)
        return perturbed

    @property
    def shift(self) -> Float[np.ndarray, "n_groups n_genes"]:
        """By how many standard deviations the perturbed genes change; 0 for the others."""
        shift: np.ndarray = np.nan_to_num(self.target - self.group_mean) / np.where(
            self.sd > 0, self.sd, 1
        )
        return shift

    def _warn_of_little(self, names: list[str], places: np.ndarray) -> None:
        """Say where a gene hardly changes, so that nothing can be predicted."""
        for name, shifts in zip(names, self.shift[:, places].T, strict=True):
            few = [
                g
                for g, shift in zip(self.labels.names, shifts, strict=True)
                if abs(shift) < _LITTLE
            ]
            if few:
                logger.warning(
                    "%s changes by less than %s standard deviations in %s: it is there already "
                    "where it is set to, so the responses say little",
                    *(name, _LITTLE, first_of(few)),
                )

    def standardised(self, rows: np.ndarray) -> Float[np.ndarray, "cells n_genes"]:
        """Return the z-scores of some cells."""
        z: np.ndarray = self.dataset.rows(rows).numpy().astype(float)
        return z

    def log_response(
        self, response: Float[np.ndarray, "n_groups n_genes"]
    ) -> Float[np.ndarray, "n_groups n_genes"]:
        """Return the mean change of log expression, where none falls below 0."""
        change = response * self.sd
        total, codes = np.zeros(response.shape), self.labels.codes
        for rows, block in _blocks(self.dataset):
            moved = np.maximum(block + change[codes[rows]], 0)
            moved = np.where(self.perturbed, self.target, moved)
            np.add.at(total, codes[rows], moved**2 - block**2)
        mean: np.ndarray = total / np.bincount(codes)[:, None]
        return mean


def _blocks(
    dataset: CellDataset,
) -> Iterator[tuple[Int[np.ndarray, " rows"], Float[np.ndarray, "rows n_genes"]]]:
    for start in range(0, len(dataset), _CELLS_PER_BLOCK):
        rows = np.arange(start, min(start + _CELLS_PER_BLOCK, len(dataset)))
        yield rows, dataset.roots(rows).numpy().astype(float)
