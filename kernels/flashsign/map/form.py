"""Batch means of the attention map and their gradient, in blocks of rows that fit the cache.

Each block of rows of one batch element and head is formed, added to the means and dropped, so that
memory beyond the results does not grow with B, N or M. The backward pass forms the blocks again.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vecdot

from flashsign.batches import n_maps
from flashsign.reference import (
    SphericalAttentionMap,
    compute_dtype,
    inverse_norm,
    inverse_sum,
    logits,
    masked,
    row_norm,
    row_total,
    scores,
    weights,
)
from flashsign.units import eps_in_units, times_power

BLOCK_ELEMENTS = 1 << 18
"""Number of scores of a block: 1 MiB in float32, which fits the L2 cache of a core."""


class _Block(NamedTuple):
    """A block of rows of one batch element and head, whose axes are kept with size 1."""

    b: int
    at: tuple[slice, slice]
    """Slices of heads and rows of the means."""
    q: Tensor
    k: Tensor
    s: Tensor
    """Masked scores; for softmax `reference.logits`."""
    masks: tuple[Tensor | None, Tensor | None, Tensor | None]
    """Key mask, self index and gate of these rows."""
    eps: float | Tensor
    """ε, in the units of the rows if they have units."""
    exponent: Tensor | None
    """(1, 1, R): scores are in units of 2^exponent."""


def forward(
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
    """Return the batch means of README eq. (4); arguments as in `reference.attention_map`."""
    means = empty_means(q, k)
    for mean in means:
        mean.zero_()
    for block in _blocks(q, k, bias, key_mask, self_index, gate, eps, normaliser, exponent):
        total = row_total(block.s, normaliser)
        w = weights(block.s, total, block.eps, normaliser)
        norm = row_norm(total, normaliser)[..., 0]
        if block.exponent is not None:
            norm = times_power(norm, block.exponent)
        for mean, part in zip(means, (w, w.abs(), w.square(), norm), strict=True):
            mean[block.at].add_(part[0])
    return SphericalAttentionMap(*(mean.div_(n_maps(q, k, key_mask)) for mean in means))


def backward(
    dmeans: SphericalAttentionMap,
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dbias, empty without a bias, README eq. (13), (18)."""
    dtype = compute_dtype(q.dtype)
    dq, dk = torch.zeros_like(q, dtype=dtype), torch.zeros_like(k, dtype=dtype)
    shape = (0, 0, 0) if bias is None else bias.shape
    dbias = q.new_zeros(shape, dtype=dtype)
    batch = n_maps(q, k, key_mask)
    if key_mask is not None:  # whatever masked keys hold, even NaN, must not meet a product
        k = k.masked_fill(~key_mask[:, None, :, None], 0.0)
    for block in _blocks(q, k, bias, key_mask, self_index, gate, eps, normaliser, exponent):
        dmean, dabs, dsquare, dnorm = (d[block.at][None] / batch for d in dmeans)
        total = row_total(block.s, normaliser)
        w = weights(block.s, total, block.eps, normaliser)
        if block.exponent is not None:
            dnorm = times_power(dnorm, block.exponent[0])
        dw = dmean + w.sign() * dabs + 2 * w * dsquare
        ds = _score_gradient(block.s, w, dw, total, dnorm[..., None], block.eps, normaliser)
        ds = masked(ds, *block.masks)
        heads, rows = block.at
        dq[_element(q, block.b), heads, rows] += ds @ block.k
        dk[_element(k, block.b), heads] += ds.mT @ block.q
        if bias is not None:
            dbias[block.at] += ds[0]
    return dq.to(q.dtype), dk.to(k.dtype), dbias if bias is None else dbias.to(bias.dtype)


def _score_gradient(
    s: Tensor,
    w: Tensor,
    dw: Tensor,
    total: Tensor,
    dnorm: Tensor,
    eps: float | Tensor,
    normaliser: str,
) -> Tensor:
    """Return ds but for m, from dw (1, 1, R, M) and the gradient dnorm (1, 1, R, 1)."""
    along: Tensor = vecdot(dw, w)[..., None]
    if normaliser == "softmax":
        return w * (dw + (dnorm - along))
    if normaliser == "l1":
        r = inverse_sum(total, eps)
        return r * dw + (dnorm - r * along) * s.sign()
    r = inverse_norm(total, eps)
    return r * dw + (dnorm * inverse_norm(total, 0.0) - r.square() * along) * s


def empty_means(q: Tensor, k: Tensor) -> SphericalAttentionMap:
    """Return results of the right shapes, to be filled in."""
    dtype, shape = compute_dtype(q.dtype), (q.shape[1], q.shape[2], k.shape[2])
    mean, abs_mean, square_mean = (q.new_empty(shape, dtype=dtype) for _ in range(3))
    norm = q.new_empty(shape[:2], dtype=dtype)
    return SphericalAttentionMap(mean, abs_mean, square_mean, norm)


def _blocks(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None,
) -> Iterator[_Block]:
    """Yield blocks of about BLOCK_ELEMENTS scores that cover every row."""
    dtype = compute_dtype(q.dtype)
    n_heads, n_queries, n_keys = q.shape[1], q.shape[2], k.shape[2]
    n_rows = max(1, BLOCK_ELEMENTS // n_keys)
    row_eps = eps_in_units(eps, exponent, normaliser)
    for h in range(n_heads):
        for start in range(0, n_queries, n_rows):
            heads, rows = slice(h, h + 1), slice(start, start + n_rows)
            row_bias = None if bias is None else bias[heads, rows]
            row_self_index = None if self_index is None else self_index[rows]
            row_gate = None if gate is None else gate.expand(n_heads, -1, -1)[heads, rows]
            for b in range(n_maps(q, k, key_mask)):
                element_mask = None if key_mask is None else key_mask[_element(key_mask, b)]
                query = q[_element(q, b), heads, rows].to(dtype)
                key = k[_element(k, b), heads].to(dtype)
                masks = (element_mask, row_self_index, row_gate)
                s = scores(query, key, row_bias, *masks)
                if normaliser == "softmax":
                    s = logits(s, *masks)
                block_eps, block_exponent = row_eps, exponent
                if isinstance(row_eps, Tensor) and exponent is not None:
                    at = _element(exponent, b), heads, rows
                    block_eps, block_exponent = row_eps[at][..., None].to(dtype), exponent[at]
                yield _Block(b, (heads, rows), query, key, s, masks, block_eps, block_exponent)


def _element(t: Tensor, b: int) -> slice:
    """Return the slice of batch element `b`; a batch of 1 stands for all elements."""
    return slice(b, b + 1) if len(t) > 1 else slice(0, 1)
