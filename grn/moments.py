"""Column moments and z-scores of expression, by blocks of cells: nothing is densified whole."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float
from scipy import sparse

# (n_cells, n_genes), a numpy array or any scipy sparse matrix.
Expression: TypeAlias = Any

_CELLS_PER_BLOCK = 1024


def column_moments(
    expression: Expression,
) -> tuple[Float[np.ndarray, " n_genes"], Float[np.ndarray, " n_genes"]]:
    """Mean and standard deviation (ddof 0) of each gene; exactly 0 for a constant one."""
    n_cells = expression.shape[0]
    mean = sum(block.sum(axis=0) for block in _dense_blocks(expression)) / n_cells
    squares = sum(((block - mean) ** 2).sum(axis=0) for block in _dense_blocks(expression))
    sd = np.sqrt(squares / n_cells)
    return mean, np.where(sd > 1e-12 * np.abs(mean), sd, 0.0)


def standardised_blocks(expression: Expression) -> Iterator[Float[np.ndarray, "block n_genes"]]:
    """Yield the column z-scores, some cells at a time; a constant gene is 0 everywhere."""
    mean, sd = column_moments(expression)
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
    for block in _dense_blocks(expression):
        yield (block - mean) * scale


def _dense_blocks(expression: Expression) -> Iterator[np.ndarray]:
    for start in range(0, expression.shape[0], _CELLS_PER_BLOCK):
        block = expression[start : start + _CELLS_PER_BLOCK]
        yield np.asarray(block.toarray() if sparse.issparse(block) else block, dtype=float)
