"""Sums over the tokens of a head that are more accurate than float32 sums, README §4."""

import torch
from torch import Tensor
from torch.linalg import vecdot

BLOCK_TOKENS = 512
"""Tokens summed in float32 before they are added up in float64; the errors of README §8 were
measured with it."""


def square_norm(query: Tensor, key_key: Tensor) -> Tensor:
    """Return q · G q (n, N); in float32 as |Lᵀq|², G = L Lᵀ, which loses half as many digits."""
    if query.dtype == torch.float64:
        total: Tensor = vecdot(query, query @ key_key)
        return total
    root, failed = torch.linalg.cholesky_ex(key_key)  # fails where rounding hides the rank of G
    root.masked_fill_(failed[:, None, None] != 0, torch.nan)
    norm: Tensor = torch.linalg.vector_norm(query @ root.to(query.dtype), dim=-1)
    return norm.square_()


def trace(matrix: Tensor) -> Tensor:
    """Return the trace (n,) of each matrix (n, d, d)."""
    return matrix.diagonal(dim1=1, dim2=2).sum(-1)


def outer_sum(a: Tensor, b: Tensor) -> Tensor:
    """Return Σ_i a_i b_iᵀ, float64 (n, d, e), for a (n, tokens, d), b (n, tokens, e)."""
    if a.dtype == torch.float64:
        return a.mT @ b
    n_blocks = a.shape[1] // BLOCK_TOKENS
    whole, sizes = n_blocks * BLOCK_TOKENS, (n_blocks, BLOCK_TOKENS)
    blocks, others = (torch.unflatten(t[:, :whole], 1, sizes) for t in (a, b))
    rest = a[:, whole:].mT @ b[:, whole:]
    total: Tensor = (blocks.mT @ others).sum(1, dtype=torch.float64)
    return total.add_(rest)
