"""Detects cancellation: a float32 sum is accurate if its terms are not much larger than it is.

A row x of d elements times a matrix A sums products of mean square |x|² |A|² / d, each with a
relative rounding error of 6e-8. If their sum is much smaller, most of it is rounding error.
"""

import torch
from torch import Tensor

from flashsign.reference import compute_dtype

CERTAIN = 2.0
"""Largest accepted ratio of the terms' mean square to the result's (README §4). Heads above it are
recomputed in float64."""


def needs_float64(total: Tensor, result: Tensor) -> Tensor:
    """Return bool (n,): heads whose terms are much larger than the result, or one of both is NaN.

    Both are squared norms of a head.
    """
    return ~(total <= CERTAIN * result)


def squared_norm(t: Tensor) -> Tensor:
    """Return the squared norm of each head of t (n, …, …), float64 (n,)."""
    norm: Tensor = torch.linalg.vector_norm(t, dim=(1, 2), dtype=compute_dtype(t.dtype))
    return norm.double().square_()


def mean_squared_norm(matrix: Tensor) -> Tensor:
    """Return the mean squared norm of x A, float64 (n,), for x of norm 1 and A (n, d, e)."""
    return squared_norm(matrix) / matrix.shape[1]
