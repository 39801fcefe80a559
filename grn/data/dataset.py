"""Cells as standardised rows: what the network is fed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils.data import Dataset

from grn.expression import column_moments, is_on_disk

if TYPE_CHECKING:
    from anndata import AnnData


class CellDataset(Dataset[Tensor]):
    """Column z-scores of √(log expression), made dense one minibatch at a time.

    The square root evens out the variance of log expression across genes; a gene that does not
    vary is 0 everywhere.

    Parameters
    ----------
    adata
        Cells × genes, log-normalised (`grn.preprocess`). `X` is not copied: it
        stays where it is, in memory or on disk (as CSR), and rows are cut from it.
    cells
        Which of them the rows are, each as often as it is named; None: all, in order.
    """

    def __init__(self, adata: "AnnData", cells: Int[np.ndarray, " n_rows"] | None = None) -> None:
        self.genes: list[str] = adata.var_names.tolist()
        self._expression = adata.X.tocsr() if sp.issparse(adata.X) else adata.X
        n_cells = int(self._expression.shape[0])
        self.cells = np.arange(n_cells) if cells is None else cells
        """Which cell each row is."""
        times = None if cells is None else np.bincount(cells, minlength=n_cells)
        mean, sd = column_moments(self._expression, _root, times)
        self._mean = torch.from_numpy(mean.astype(np.float32))
        scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
        self._scale = torch.from_numpy(scale.astype(np.float32))

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def on_disk(self) -> bool:
        """Whether rows are read from a file, which processes cannot share."""
        return is_on_disk(self._expression)

    def __getitem__(self, row: int) -> Float[Tensor, " n_genes"]:
        return self.rows([row])[0]

    def rows(self, rows: Sequence[int] | np.ndarray) -> Float[Tensor, "cells n_genes"]:
        """Return the given rows, standardised and dense; a row may come repeatedly."""
        return (self.roots(rows) - self._mean) * self._scale

    def roots(self, rows: Sequence[int] | np.ndarray) -> Float[Tensor, "cells n_genes"]:
        """Return √ of the expression of the given rows, dense but not standardised."""
        # Each cell is read once and in the order in which they are stored.
        stored, places = np.unique(self.cells[np.asarray(rows)], return_inverse=True)
        block = self._expression[stored]
        dense = block.toarray() if sp.issparse(block) else np.asarray(block)
        return torch.from_numpy(_root(dense)[places])


def _root(expression: np.ndarray) -> np.ndarray:
    return np.asarray(np.sqrt(expression.astype(np.float32, copy=False)))
