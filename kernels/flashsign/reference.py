"""The specification: spherical attention in plain torch, quadratic in memory, any float dtype.

Equation numbers are those of `README.md` beside this file. Every other implementation is
tested against these functions, in float64.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from flashsign.units import eps_in_units, times_power

Normaliser = Literal["l2", "l1", "softmax"]
"""Normalisation that turns scores into weights: README eq. (2), (15) or (17)."""


class SphericalAttentionMap(NamedTuple):
    """Batch means of the attention weights w and of the row norm ‖s‖.

    Means of equally large minibatches can be averaged; weight others by their batch size.
    """

    weight_mean: Tensor
    """(H, N, M) mean of w, in [-1, 1]; the sign is kept."""
    weight_abs_mean: Tensor
    """(H, N, M) mean of abs(w), in [0, 1]."""
    weight_square_mean: Tensor
    """(H, N, M) mean of w², in [0, 1]; sums to at most 1 over the keys of a row."""
    row_norm_mean: Tensor
    """(H, N) mean of the row norm without ε, in units of the scores; 0 for a row without keys.

    l2: ‖s_i‖ = √(Σ_j s_ij²); l1: Σ_j |s_ij|; softmax: log Σ_j exp s_ij, of either sign.
    """

    def __repr__(self) -> str:
        """Say the shapes, as the numbers would fill the screen."""
        shape = " × ".join(map(str, self.weight_mean.shape))
        return f"SphericalAttentionMap(heads × queries × keys: {shape}, {self.weight_mean.dtype})"


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the dtype of scores and sums: float32 for half precision inputs."""
    return torch.promote_types(dtype, torch.float32)


def autocast_dtype(t: Tensor) -> torch.dtype | None:
    """Return the dtype of matrix products of `t` under autocast, or None if it is off."""
    device = t.device.type
    if device == "meta" or not torch.is_autocast_enabled(device):  # meta has no autocast at all
        return None
    return torch.get_autocast_dtype(device)


def without_autocast(t: Tensor) -> AbstractContextManager[Any]:
    """Turn autocast off, so that matrix products of `t` keep their dtype."""
    device = t.device.type
    return nullcontext() if device == "meta" else torch.autocast(device, enabled=False)


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
        (N, M), or (H, N, M) for each head its own; multiplies the scores.
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


def inverse_norm(square_norm: Tensor, eps: float | Tensor) -> Tensor:
    """Return 1/√(Σ s² + ε), README eq. (2); 0 (with zero gradient) where the root is 0."""
    shifted = square_norm + eps
    positive = shifted > 0
    return torch.where(positive, torch.where(positive, shifted, 1.0).rsqrt(), 0.0)


def inverse_sum(sum_abs: Tensor, eps: float | Tensor) -> Tensor:
    """Return 1/(Σ |s| + ε), README eq. (15); 0 (with zero gradient) where the sum is 0."""
    shifted = sum_abs + eps
    positive = shifted > 0
    return torch.where(positive, 1.0 / torch.where(positive, shifted, 1.0), 0.0)


def logits(
    s: Tensor, key_mask: Tensor | None, self_index: Tensor | None, gate: Tensor | None
) -> Tensor:
    """Return masked scores with -∞ for removed pairs, whose weight is then exp(-∞) = 0."""
    kept = masked(torch.ones_like(s), key_mask, self_index, gate) != 0
    return s.masked_fill(~kept, -torch.inf)


def row_total(s: Tensor, normaliser: str) -> Tensor:
    """Return the sum by which each row of `s` (…, M) is normalised, (…, 1).

    l2: Σ_j s_ij²; l1: Σ_j |s_ij|; softmax, where `s` are `logits`: log Σ_j exp s_ij, and 0 for a
    row without keys.
    """
    if normaliser == "l2":
        return s.square().sum(-1, keepdim=True)
    if normaliser == "l1":
        return s.abs().sum(-1, keepdim=True)
    empty = (s == -torch.inf).all(-1, keepdim=True)
    total = s.masked_fill(empty, 0.0).logsumexp(-1, keepdim=True)
    return total.masked_fill(empty, 0.0)


def weights(s: Tensor, total: Tensor, eps: float | Tensor, normaliser: str) -> Tensor:
    """Return the weights w of scores `s` with `row_total`s, README eq. (3), (16) or (17)."""
    if normaliser == "l2":
        return s * inverse_norm(total, eps)
    if normaliser == "l1":
        return s * inverse_sum(total, eps)
    return (s - total).exp()


def row_norm(total: Tensor, normaliser: str) -> Tensor:
    """Return the row norm of `SphericalAttentionMap` from `row_total`s."""
    return total * inverse_norm(total, 0.0) if normaliser == "l2" else total


def _row_eps(
    eps: float, exponent: Tensor | None, normaliser: str, dtype: torch.dtype
) -> float | Tensor:
    """Return ε for rows of scores (B, H, N, M) in units."""
    row_eps = eps_in_units(eps, exponent, normaliser)
    return row_eps[..., None].to(dtype) if isinstance(row_eps, Tensor) else row_eps


def attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> Tensor:
    """Return o = w v, README eq. (1)–(3), (15)–(17), shape (B, H, N, d_v), dtype of `v`.

    With `exponent`, q, k and bias are those of `units.in_units`, and ε is in units of 1.
    """
    dtype = compute_dtype(torch.promote_types(q.dtype, v.dtype))
    with without_autocast(q):
        s = scores(q.to(dtype), k.to(dtype), bias, key_mask, self_index, gate)
        if normaliser == "softmax":
            s = logits(s, key_mask, self_index, gate)
        row_eps = _row_eps(eps, exponent, normaliser, dtype)
        w = weights(s, row_total(s, normaliser), row_eps, normaliser)
        return (w @ v.to(dtype)).to(v.dtype)


def attention_map(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> SphericalAttentionMap:
    """Return the batch means of README eq. (4) from all B maps at once; scores may be in units."""
    dtype = compute_dtype(q.dtype)
    with without_autocast(q):
        s = scores(q.to(dtype), k.to(dtype), bias, key_mask, self_index, gate)
        if normaliser == "softmax":
            s = logits(s, key_mask, self_index, gate)
        total = row_total(s, normaliser)
        w = weights(s, total, _row_eps(eps, exponent, normaliser, dtype), normaliser)
        norm = row_norm(total, normaliser)[..., 0]
        if exponent is not None:
            norm = times_power(norm, exponent)
        return SphericalAttentionMap(w.mean(0), w.abs().mean(0), w.square().mean(0), norm.mean(0))
