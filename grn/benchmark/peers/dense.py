"""The cells as one dense array, which is what the libraries of the peers read."""

import numpy as np
from jaxtyping import Float
from scipy import sparse

from grn.expression import Expression


def dense(expression: Expression) -> Float[np.ndarray, "n_cells n_genes"]:
    """Copy a dense or sparse matrix in memory, or one that gives rows by slice, as float64."""
    rows = expression if sparse.issparse(expression) else expression[:]
    return np.array(rows.toarray() if sparse.issparse(rows) else rows, dtype=float)
