"""Returns cells as one dense array, which the libraries of the peers need."""

import numpy as np
from jaxtyping import Float
from scipy import sparse

from grn.expression import Expression


def dense(expression: Expression) -> Float[np.ndarray, "n_cells n_genes"]:
    """Copy a matrix as float64: dense, sparse, or one whose rows are read by slices."""
    rows = expression if sparse.issparse(expression) else expression[:]
    return np.array(rows.toarray() if sparse.issparse(rows) else rows, dtype=float)
