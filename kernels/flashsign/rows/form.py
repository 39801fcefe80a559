"""The quadratic form, for cache-sized blocks of rows of one batch element and head.

It serves scores with a bias, for which it needs no more multiplications than expanded sums and
has no cancellation; options without a linear form (a gate, l1, softmax); and the few rows of
`gram` whose sums would cancel. Beyond the results, memory does not grow with the number of rows.
Equation numbers are those of `README.md`.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from flashsign.reference import compute_dtype, inverse_norm, inverse_sum, row_total
from flashsign.units import eps_in_units

BLOCK_ELEMENTS = 1 << 18
"""Number of scores of a block: 1 MiB in float32, which fits the L2 cache of a core."""

SUM_COLUMNS = 64
"""Number of products of one sum in the gradient of the weights, however many columns a batch of
values is folded into; the errors of README §8 were measured with it."""

FEW_KEYS = 32
"""Number of keys up to which scores are in float64: sums over few keys do not average rounding
errors out, a row of nearly cancelled scores stands out, and float64 costs little there. The
errors of README §8 were measured with it."""


class Head(NamedTuple):
    """Inputs of the scores of some rows of one batch element and head, in one float dtype."""

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
    gate: Tensor | None = None
    """(R, M), of any float dtype."""
    normaliser: str = "l2"


class SharedGradients(NamedTuple):
    """Gradients shared by several blocks of rows, which each block adds to in place."""

    dk: Tensor
    """(M, d)."""
    dv: Tensor
    """(M, e)."""
    dbias: Tensor | None = None
    """(R, M)."""


def forward(head: Head, eps: float | Tensor) -> tuple[Tensor, Tensor]:
    """Return the output o (R, e) and the statistic r (R, 1), README eq. (1)–(3), (15)–(17).

    `backward` needs r of every row: the inverse norm, or for softmax log Σ exp s.
    If scores are in units, ε is a tensor (R, 1).
    """
    o, r = head.q.new_empty(len(head.q), head.v.shape[1]), head.q.new_empty(len(head.q), 1)
    for rows in _row_blocks(head):
        s = _scores(head, rows)
        row_eps = eps[rows].to(s.dtype) if isinstance(eps, Tensor) else eps
        if head.normaliser == "softmax":
            r[rows] = row_total(s, head.normaliser)
            o[rows] = s.sub_(r[rows]).exp_() @ head.v
            continue
        if head.normaliser == "l1":
            r[rows] = inverse_sum(row_total(s, head.normaliser), row_eps)
        else:
            # Unlike s.square().sum(), vector_norm makes no second block of scores.
            square_norm = torch.linalg.vector_norm(s, dim=-1, keepdim=True).square()
            r[rows] = inverse_norm(square_norm, row_eps)
        o[rows] = r[rows] * (s @ head.v)
    return o, r


def backward(head: Head, do: Tensor, r: Tensor, grads: SharedGradients) -> Tensor:
    """Return dq (R, d) and add to `grads`, README eq. (5)–(6), (18).

    `do` (R, e) is the gradient of the output, `r` (R, 1) what `forward` returned for `head`.
    """
    dq = torch.empty_like(head.q)
    for rows in _row_blocks(head):
        ds = _multiply(_score_gradient(head, rows, do[rows], r[rows], grads.dv), head, rows)
        if grads.dbias is not None:
            grads.dbias[rows].add_(ds)
        dq[rows] = ds @ head.k
        grads.dk.addmm_(ds.mT, head.q[rows])
    return dq


def _score_gradient(head: Head, rows: slice, do: Tensor, r: Tensor, dv: Tensor) -> Tensor:
    """Return ds but for m, for a block of rows, and add its part of the gradient to `dv`."""
    s = _scores(head, rows)
    if head.normaliser == "softmax":
        w = s.sub_(r).exp_()
        dv.addmm_(w.mT, do)
        dw = _weight_gradient(do, head.v)
        return dw.sub_(torch.linalg.vecdot(dw, w)[:, None]).mul_(w)
    r_do = r * do
    dv.addmm_(s.mT, r_do)
    ds = _weight_gradient(r_do, head.v)
    # D from the scores: from the output, which is rounded, it would be less exact for few keys.
    along = torch.linalg.vecdot(ds, s)[:, None]
    if head.normaliser == "l1":
        return ds.addcmul_(s.sign_(), r * along, value=-1.0)
    return ds.addcmul_(s, r.square() * along, value=-1.0)


def sum_dtype(q: Tensor, k: Tensor, v: Tensor) -> torch.dtype:
    """Return the dtype of the scores of these inputs."""
    if k.shape[-2] <= FEW_KEYS:
        return torch.float64
    return compute_dtype(torch.promote_types(q.dtype, v.dtype))


def attention_forward(
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
) -> tuple[Tensor, Tensor]:
    """Return o (B, H, N, d_v) in the dtype of `v` and r (B, H, N, 1) for every head."""
    dtype = sum_dtype(q, k, v)
    row_eps = eps_in_units(eps, exponent, normaliser)
    o = v.new_empty(*q.shape[:3], v.shape[-1])
    r = q.new_empty(*q.shape[:3], 1, dtype=dtype)
    for pair, head in _heads(q, k, v, bias, key_mask, self_index, gate, normaliser, dtype):
        one = row_eps
        if isinstance(row_eps, Tensor):
            one = row_eps.expand(len(q), -1, -1)[pair][:, None]
        o[pair], r[pair] = forward(head, one)
    return o, r


def attention_backward(
    do: Tensor,
    r: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    normaliser: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return dq, dk, dv and dbias, the last summed over the batch and empty without a bias."""
    dq, dk, dv = (t.new_empty(t.shape) for t in (q, k, v))
    like, shape = (q, (0, 0, 0)) if bias is None else (bias, tuple(bias.shape))
    dbias = like.new_zeros(shape, dtype=r.dtype)
    for pair, head in _heads(q, k, v, bias, key_mask, self_index, gate, normaliser, r.dtype):
        added = None if bias is None else dbias[pair[1]]
        grads = SharedGradients(torch.zeros_like(head.k), torch.zeros_like(head.v), added)
        dq[pair] = backward(head, do[pair].to(r.dtype), r[pair], grads)
        dk[pair], dv[pair] = grads.dk, grads.dv
    return dq, dk, dv, dbias.to(like.dtype)


def _heads(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    normaliser: str,
    dtype: torch.dtype,
) -> Iterator[tuple[tuple[int, int], Head]]:
    """Yield (batch, head) and its inputs, converted to `dtype`."""
    for b in range(q.shape[0]):
        mask = None if key_mask is None else key_mask[b]
        for h in range(q.shape[1]):
            query, key, value = (t[b, h].to(dtype) for t in (q, k, v))
            head_bias = None if bias is None else bias[h]
            head_gate = None if gate is None else gate[h] if gate.ndim == 3 else gate
            yield (
                (b, h),
                Head(query, key, value, head_bias, mask, self_index, head_gate, normaliser),
            )


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
        # One pass over memory: the product is added to the bias while it is computed.
        s = torch.addmm(head.bias[rows].to(head.q.dtype), head.q[rows], head.k.mT)
    s = _multiply(s, head, rows)
    if head.normaliser != "softmax":
        return s
    if head.gate is not None:
        s.masked_fill_(head.gate[rows] == 0, -torch.inf)
    return _fill_removed(s, head, rows, -torch.inf)


def _multiply(pairs: Tensor, head: Head, rows: slice) -> Tensor:
    """Multiply pairs by m of README eq. (1), in place."""
    if head.gate is not None:
        pairs.mul_(head.gate[rows].to(pairs.dtype))
    return _fill_removed(pairs, head, rows, 0.0)


def _fill_removed(pairs: Tensor, head: Head, rows: slice, value: float) -> Tensor:
    """Set the pairs that the key mask and the self-exclusion remove to a value, in place."""
    if head.key_mask is not None:
        pairs.masked_fill_(~head.key_mask, value)
    if head.self_index is not None:
        # One pair a row: a mask over all keys would take as long as the scores.
        column = head.self_index[rows, None]
        index = column.clamp(min=0)
        pairs.scatter_(1, index, pairs.gather(1, index).masked_fill_(column >= 0, value))
    return pairs
