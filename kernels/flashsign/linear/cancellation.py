"""When a float32 result is exact enough: if what was summed to it is not much larger than it is.

A row x of d elements times a matrix A sums products of mean square |x|² |A|² / d, each rounded by
a share of 6e-8. What is left of them may be much smaller, and then most of it is rounding.
"""

import torch
from torch import Tensor

from flashsign.reference import compute_dtype

CERTAIN = 2.0
"""Mean square of the sums over that of the result up to which float32 is taken, README §4."""


def uncertain(total: Tensor, result: Tensor) -> Tensor:
    """Return bool (n,), heads where a sum is much larger than its result, both squared norms.

    Heads where the comparison is NaN are among them.
    """
    return ~(total <= CERTAIN * result)


def size(t: Tensor) -> Tensor:
    """Return the squared norm of each head of t (n, …, …), float64 (n,)."""
    norm: Tensor = torch.linalg.vector_norm(t, dim=(1, 2), dtype=compute_dtype(t.dtype))
    return norm.double().square_()


def mean_size(matrix: Tensor) -> Tensor:
    """Return the mean squared norm of x A, float64 (n,), for x of norm 1 and A (n, d, e)."""
    return size(matrix) / matrix.shape[1]
