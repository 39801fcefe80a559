"""The quadratic form, a cache-sized block of rows of one batch element and head at a time.

`gram` uses it for scores with a bias, where it needs no more multiplications than the expanded
sums and cancels nowhere, and for the few rows whose sums would cancel. Beyond the results,
memory does not grow with the number of rows. Equation numbers are those of `README.md`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from flashsign.reference import compute_dtype, inverse_norm

BLOCK_ELEMENTS = 1 << 18
"""Scores formed at once: 1 MiB in float32, which fits the second-level cache of one core."""

SUM_COLUMNS = 64
"""Products summed at once in the gradient of the weights."""

FEW_KEYS = 32
"""Number of keys up to which biased scores are held in float64: sums over few keys do not
average rounding out, a row of nearly cancelled scores stands out, and few keys cost little."""


class Head(NamedTuple):
    """What the scores of some rows of one batch element and head are made of; one float dtype."""

    q: Tensor
    """(R, d) queries of the rows."""
    k: Tensor
    """(M, d) keys."""
    v: Tensor
    """(M, e) values."""
    bias: Tensor | None = None
    """(R, M), of any float dtype."""
    key_mask: Tensor | None = None
    """Bool (M,), True keeps the key."""
    self_index: Tensor | None = None
    """(R,), the key each row leaves out; -1 for none."""


class Grads(NamedTuple):
    """Gradients shared by several blocks of rows, which each block adds to in place."""

    dk: Tensor
    """(M, d)."""
    dv: Tensor
    """(M, e)."""
    dbias: Tensor | None = None
    """(R, M)."""


def forward(head: Head, eps: float) -> tuple[Tensor, Tensor]:
    """Return the output o (R, e) and the inverse norm r (R, 1), README eq. (1)–(3)."""
    o, r = head.q.new_empty(len(head.q), head.v.shape[1]), head.q.new_empty(len(head.q), 1)
    for rows in _row_blocks(head):
        s = _scores(head, rows)
        square_norm = torch.linalg.vector_norm(s, dim=-1, keepdim=True).square()
        r[rows] = inverse_norm(square_norm, eps)
        o[rows] = r[rows] * (s @ head.v)
    return o, r


def backward(head: Head, do: Tensor, r: Tensor, grads: Grads) -> Tensor:
    """Return dq (R, d) and add to `grads`, README eq. (5)–(6).

    `do` (R, e) is the gradient of the output, `r` (R, 1) what `forward` returned for `head`.
    """
    dq = torch.empty_like(head.q)
    for rows in _row_blocks(head):
        s = _scores(head, rows)
        r_do = r[rows] * do[rows]
        grads.dv.addmm_(s.mT, r_do)
        ds = _weight_gradient(r_do, head.v)
        # D from the scores themselves: from the output, rounded, it is less exact for few keys
        c = r[rows].square() * torch.linalg.vecdot(ds, s)[:, None]
        ds = _drop(ds.addcmul_(s, c, value=-1.0), head, rows)
        if grads.dbias is not None:
            grads.dbias[rows].add_(ds)
        dq[rows] = ds @ head.k
        grads.dk.addmm_(ds.mT, head.q[rows])
    return dq


def sum_dtype(q: Tensor, k: Tensor, v: Tensor) -> torch.dtype:
    """Return the dtype that biased scores of these inputs are held in."""
    if k.shape[-2] <= FEW_KEYS:
        return torch.float64
    return compute_dtype(torch.promote_types(q.dtype, v.dtype))


def biased_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Return o (B, H, N, d_v) in the dtype of `v` and r (B, H, N, 1) for every head."""
    dtype = sum_dtype(q, k, v)
    o = v.new_empty(*q.shape[:3], v.shape[-1])
    r = q.new_empty(*q.shape[:3], 1, dtype=dtype)
    for pair, head in _heads(q, k, v, bias, key_mask, self_index, dtype):
        o[pair], r[pair] = forward(head, eps)
    return o, r


def biased_backward(
    do: Tensor,
    r: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor,
    key_mask: Tensor | None,
    self_index: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return dq, dk, dv and dbias, README eq. (5)–(6), the last summed over the batch."""
    dq, dk, dv = (t.new_empty(t.shape) for t in (q, k, v))
    dbias = bias.new_zeros(bias.shape, dtype=r.dtype)
    for pair, head in _heads(q, k, v, bias, key_mask, self_index, r.dtype):
        grads = Grads(torch.zeros_like(head.k), torch.zeros_like(head.v), dbias[pair[1]])
        dq[pair] = backward(head, do[pair].to(r.dtype), r[pair], grads)
        dk[pair], dv[pair] = grads.dk, grads.dv
    return dq, dk, dv, dbias.to(bias.dtype)


def _heads(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    dtype: torch.dtype,
) -> Iterator[tuple[tuple[int, int], Head]]:
    """Yield (batch, head) and its inputs, converted to `dtype`."""
    for b in range(q.shape[0]):
        mask = None if key_mask is None else key_mask[b]
        for h in range(q.shape[1]):
            query, key, value = (t[b, h].to(dtype) for t in (q, k, v))
            yield (b, h), Head(query, key, value, bias[h], mask, self_index)


def _weight_gradient(do: Tensor, v: Tensor) -> Tensor:
    """Return do vᵀ, summed over SUM_COLUMNS columns at a time.

    The values of a shared map have as many columns as the batch has elements times d_v. In
    one sum over all of them float32 would lose more digits than in a sum per element.
    """
    dw = do[:, :SUM_COLUMNS] @ v[:, :SUM_COLUMNS].mT
    for start in range(SUM_COLUMNS, v.shape[1], SUM_COLUMNS):
        columns = slice(start, start + SUM_COLUMNS)
        dw.addmm_(do[:, columns], v[:, columns].mT)
    return dw


def _row_blocks(head: Head) -> Iterator[slice]:
    n_rows = max(1, BLOCK_ELEMENTS // max(1, len(head.k)))
    for start in range(0, len(head.q), n_rows):
        yield slice(start, start + n_rows)


def _scores(head: Head, rows: slice) -> Tensor:
    """Return the masked scores of a block of rows, README eq. (1)."""
    if head.bias is None:
        s = head.q[rows] @ head.k.mT
    else:
        s = torch.addmm(head.bias[rows].to(head.q.dtype), head.q[rows], head.k.mT)
    return _drop(s, head, rows)


def _drop(pairs: Tensor, head: Head, rows: slice) -> Tensor:
    """Set the pairs that the key mask and the self-exclusion remove to 0, in place."""
    if head.key_mask is not None:
        pairs.masked_fill_(~head.key_mask, 0.0)
    if head.self_index is not None:
        column = head.self_index[rows, None]
        index = column.clamp(min=0)
        pairs.scatter_(1, index, pairs.gather(1, index).masked_fill_(column >= 0, 0.0))
    return pairs
