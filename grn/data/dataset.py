"""Cells as standardised rows: what the network is fed."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils.data import Dataset

from grn.moments import column_moments

if TYPE_CHECKING:
    from anndata import AnnData


class CellDataset(Dataset[Tensor]):
    """Column z-scores of √(log expression), made dense one minibatch at a time.

    The square root evens out the variance of log expression across genes; a gene that does not
    vary is 0 everywhere.

    Parameters
    ----------
    adata
        Cells × genes, log-normalised (`grn.data.preprocess.preprocess`); sparse stays sparse.
    """

    def __init__(self, adata: "AnnData") -> None:
        self.genes: list[str] = adata.var_names.tolist()
        matrix = adata.X
        self._root = matrix.sqrt().tocsr() if sp.issparse(matrix) else np.sqrt(matrix)
        mean, sd = column_moments(self._root)
        self._mean = mean.astype(np.float32)
        self._scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0).astype(np.float32)

    def __len__(self) -> int:
        return int(self._root.shape[0])

    def __getitem__(self, cell: int) -> Float[Tensor, " n_genes"]:
        return self.rows([cell])[0]

    def rows(self, cells: Sequence[int] | np.ndarray) -> Float[Tensor, "cells n_genes"]:
        """Return the standardised rows of the given cells, dense."""
        block = self._root[np.asarray(cells)]
        dense = block.toarray() if sp.issparse(block) else np.asarray(block)
        return torch.from_numpy((dense.astype(np.float32) - self._mean) * self._scale)
