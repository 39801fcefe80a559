"""Batch means of the attention map, without a map per batch element in memory.

The maps are formed one batch element, head and block of rows at a time, small enough to stay in
cache, and added to the means at once: beyond the result, memory does not grow with B, N or M.
Under autograd each block is checkpointed, that is formed again in the backward pass.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from flashsign.reference import SphericalAttentionMap, compute_dtype, inverse_norm, scores

BLOCK_ELEMENTS = 1 << 18
"""Scores formed at once: 1 MiB in float32, which fits the second-level cache of one core."""


def attention_map(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> SphericalAttentionMap:
    """Return the batch means of README eq. (4); arguments as in `reference.attention_map`."""
    dtype = compute_dtype(q.dtype)
    n_heads, n_queries, n_keys = q.shape[1], q.shape[2], k.shape[2]
    batch = max(q.shape[0], k.shape[0], 1 if key_mask is None else key_mask.shape[0])
    needs_grad = torch.is_grad_enabled() and any(
        t is not None and t.requires_grad for t in (q, k, bias)
    )
    means = [q.new_zeros(n_heads, n_queries, n_keys, dtype=dtype) for _ in range(3)]
    means.append(q.new_zeros(n_heads, n_queries, dtype=dtype))
    for head, rows in _blocks(n_heads, n_queries, n_keys):
        block_bias = None if bias is None else bias[head, rows]
        block_self = None if self_index is None else self_index[rows]
        block_gate = None if gate is None else gate[rows]
        for b in range(batch):
            mask_b = None if key_mask is None else _element(key_mask, b)
            q_b, k_b = _element(q, b)[:, head, rows], _element(k, b)[:, head]
            args = (q_b, k_b, block_bias, mask_b, block_self, block_gate)
            parts = (
                checkpoint(_block_map, *args, eps, use_reentrant=False)
                if needs_grad
                else _block_map(*args, eps)
            )
            for mean, part in zip(means, parts, strict=True):
                mean[head, rows].add_(part)
    return SphericalAttentionMap(*(mean.div_(batch) for mean in means))


def _element(t: Tensor, b: int) -> Tensor:
    """Return batch element `b`, or the only one there is, keeping the axis."""
    return t[b : b + 1] if t.shape[0] > 1 else t


def _blocks(n_heads: int, n_queries: int, n_keys: int) -> Iterator[tuple[slice, slice]]:
    """Yield (head, rows) slices that cover all score rows, each of about BLOCK_ELEMENTS."""
    n_rows = max(1, BLOCK_ELEMENTS // max(1, n_keys))
    for head in range(n_heads):
        for start in range(0, n_queries, n_rows):
            yield slice(head, head + 1), slice(start, start + n_rows)


def _block_map(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return w, |w|, w² and ‖s‖ of one block of rows of one batch element and head."""
    dtype = compute_dtype(q.dtype)
    with torch.autocast(q.device.type, enabled=False):
        s = scores(q.to(dtype), k.to(dtype), bias, key_mask, self_index, gate)[0]
        square_norm = s.square().sum(-1)
        w = s * inverse_norm(square_norm, eps)[..., None]
        return w, w.abs(), w.square(), square_norm * inverse_norm(square_norm, 0.0)
