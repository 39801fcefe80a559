"""Cells as standardised rows, the input of the models."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from grn.expression import column_moments, is_on_disk
from grn.interventions import Interventions

if TYPE_CHECKING:
    from anndata import AnnData


class CellDataset(Dataset[Tensor]):
    """Column z-scores of √(log expression), computed as dense arrays for some rows at a time.

    The square root makes the variances of genes more similar. A gene that does not vary is 0 in
    every cell.

    Parameters
    ----------
    adata
        Cells × genes, log-normalised (`grn.preprocess`). `X` is not copied: rows are read from
        it in memory or on disk (as CSR).
    cells
        Cell of each row, where cells may repeat; None for all cells in order.
    batch
        Number of the batch of every cell of `adata`; None: there are no batches.
    interventions
        Perturbations of the cells of `adata`; None: they are not known.
    """

    def __init__(
        self,
        adata: "AnnData",
        cells: Int[np.ndarray, " n_rows"] | None = None,
        batch: Int[np.ndarray, " n_cells"] | None = None,
        interventions: Interventions | None = None,
    ) -> None:
        self.genes: list[str] = adata.var_names.tolist()
        self._expression = adata.X.tocsr() if sp.issparse(adata.X) else adata.X
        n_cells = int(self._expression.shape[0])
        self.cells = np.arange(n_cells) if cells is None else cells
        """Number of the cell of each row."""
        self._batch = batch
        self._interventions = interventions
        self._times = None if cells is None else np.bincount(cells, minlength=n_cells)

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def on_disk(self) -> bool:
        """Whether rows are read from a file, which processes cannot share."""
        return is_on_disk(self._expression)

    def batch(self, rows: Sequence[int] | np.ndarray) -> Int[Tensor, " cells"] | None:
        """Return the batch of the given rows, None where there are no batches."""
        if self._batch is None:
            return None
        return torch.from_numpy(self._batch[self.cells[np.asarray(rows)]])

    def interventions(self, rows: Sequence[int] | np.ndarray) -> Interventions | None:
        """Return the perturbations of the given rows, None where they are not known."""
        if self._interventions is None:
            return None
        return self._interventions.of_cells(self.cells[np.asarray(rows)])

    def __getitem__(self, row: int) -> Float[Tensor, " n_genes"]:
        return self.rows([row])[0]

    def rows(self, rows: Sequence[int] | np.ndarray) -> Float[Tensor, "cells n_genes"]:
        """Return the given rows, standardised and dense; a row may come repeatedly."""
        mean, scale = self._moments
        return (self.roots(rows) - mean) * scale

    @cached_property
    def _moments(self) -> tuple[Float[Tensor, " n_genes"], Float[Tensor, " n_genes"]]:
        """Mean and inverse standard deviation of the genes.

        They take two passes over all cells, a third of the time of a run with a million, and a
        network alone does not need them.
        """
        mean, sd = column_moments(self._expression, _root, self._times)
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
        return (
            torch.from_numpy(mean.astype(np.float32)),
            torch.from_numpy(scale.astype(np.float32)),
        )

    def roots(self, rows: Sequence[int] | np.ndarray) -> Float[Tensor, "cells n_genes"]:
        """Return √ of the expression of the given rows, dense but not standardised."""
        # Each cell is read once, in the order of storage.
        stored, places = np.unique(self.cells[np.asarray(rows)], return_inverse=True)
        block = self._expression[stored]
        dense = block.toarray() if sp.issparse(block) else np.asarray(block)
        return torch.from_numpy(_root(dense)[places])


def _root(expression: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(expression.astype(np.float32, copy=False)))
