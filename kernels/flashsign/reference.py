"""The specification: spherical attention in plain torch, quadratic in memory, any float dtype.

Equation numbers are those of `README.md` beside this file. Every other implementation is
tested against these four functions, in float64.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class SphericalAttentionMap(NamedTuple):
    """Batch means of the attention weights w and of the row norm ‖s‖.

    Means over equally large minibatches can be averaged; otherwise weigh them by batch size.
    """

    weight_mean: Tensor
    """(H, N, M) mean of w, in [-1, 1]; the sign is kept."""
    weight_abs_mean: Tensor
    """(H, N, M) mean of abs(w), in [0, 1]."""
    weight_square_mean: Tensor
    """(H, N, M) mean of w², in [0, 1]; sums to at most 1 over the keys of a row."""
    row_norm_mean: Tensor
    """(H, N) mean of ‖s_i‖ without ε, in units of the scores; 0 for a row without keys."""


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype that scores and sums are held in: float32 for half precision inputs."""
    return torch.promote_types(dtype, torch.float32)


def scores(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None = None,
    key_mask: Tensor | None = None,
    self_index: Tensor | None = None,
    gate: Tensor | None = None,
) -> Tensor:
    """Return the masked scores s = (q·k + b) · m, README eq. (1), shape (B, H, N, M).

    Parameters
    ----------
    q, k
        (B, H, N, d) and (B, H, M, d); a batch of 1 broadcasts.
    bias
        (H, N, M), added to every batch element.
    key_mask
        Bool (B, M), True keeps the key.
    self_index
        Integer (N,): the key that is query i itself, which is left out; -1 for none.
    gate
        (N, M), multiplies the scores.
    """
    s = q @ k.transpose(-1, -2)
    if bias is not None:
        s = s + bias.to(s.dtype)
    return masked(s, key_mask, self_index, gate)


def masked(
    pairs: Tensor, key_mask: Tensor | None, self_index: Tensor | None, gate: Tensor | None
) -> Tensor:
    """Return `pairs` (B, H, N, M) times m of README eq. (1): the gate, 0 for removed pairs."""
    if gate is not None:
        pairs = pairs * gate.to(pairs.dtype)
    if key_mask is not None:
        pairs = pairs.masked_fill(~key_mask[:, None, None, :], 0.0)
    if self_index is not None:
        keys = torch.arange(pairs.shape[-1], device=pairs.device)
        pairs = pairs.masked_fill(keys == self_index[:, None], 0.0)
    return pairs


def inverse_norm(square_norm: Tensor, eps: float) -> Tensor:
    """Return 1/√(Σ s² + ε), README eq. (2); 0 (with zero gradient) where the root is 0."""
    shifted = square_norm + eps
    positive = shifted > 0
    return torch.where(positive, torch.where(positive, shifted, 1.0).rsqrt(), 0.0)


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> Tensor:
    """Return o = w v, README eq. (1)–(3), shape (B, H, N, d_v), dtype of `v`."""
    dtype = compute_dtype(torch.promote_types(q.dtype, v.dtype))
    with torch.autocast(q.device.type, enabled=False):
        s = scores(q.to(dtype), k.to(dtype), bias, key_mask, self_index, gate)
        w = s * inverse_norm(s.square().sum(-1, keepdim=True), eps)
        return (w @ v.to(dtype)).to(v.dtype)


def attention_map(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> SphericalAttentionMap:
    """Return the batch means of README eq. (4), by way of all B maps at once."""
    dtype = compute_dtype(q.dtype)
    with torch.autocast(q.device.type, enabled=False):
        s = scores(q.to(dtype), k.to(dtype), bias, key_mask, self_index, gate)
        square_norm = s.square().sum(-1)
        w = s * inverse_norm(square_norm, eps)[..., None]
        norm = square_norm * inverse_norm(square_norm, 0.0)
        return SphericalAttentionMap(w.mean(0), w.abs().mean(0), w.square().mean(0), norm.mean(0))
