"""The exact linear-time form of scores without a bias: two small matrices per head, README §2.

Sums are held in float64 whatever the input: they are squares of scores, so where scores cancel
they lose twice the digits of the quadratic form, and float64 has more than twice the digits of
float32. Heads are converted a few at a time, so the float64 copies stay small and in cache.

Self-exclusion subtracts the self term from each sum. Rows where that term makes up more than
1 - CANCELLED of the squared norm are computed again by the quadratic form. There are at most
d / (1 - CANCELLED) such rows per head where no key is the self of two queries (README §4), so
the time stays linear for every input.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.linalg import vecdot

from flashsign import row_blocks
from flashsign.reference import inverse_norm

CANCELLED = 1e-3
"""Share of the squared norm left without the self term under which a row is computed exactly."""
CHUNK_ELEMENTS = 1 << 17
"""Elements of one operand converted at once: 1 MiB in float64."""


class Sums(NamedTuple):
    """What the backward pass takes over from the forward pass; float64."""

    key_key: Tensor
    """(B, H, d, d) G = Σ_j k_j k_jᵀ."""
    key_value: Tensor
    """(B, H, d, e) KV = Σ_j k_j v_jᵀ."""
    r: Tensor
    """(B, H, N) 1/√(Σ s² + ε); 0 for rows that are computed exactly."""
    cancelled: Tensor
    """Bool (B, H, N), rows that are computed exactly."""


def empty_sums(q: Tensor, v: Tensor) -> Sums:
    """Return sums of the right shapes, to be filled in."""
    batch, n_heads, n_queries, head_dim = q.shape

    def empty(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
        return q.new_empty(batch, n_heads, *shape, dtype=dtype)

    key_key, key_value = empty(head_dim, head_dim), empty(head_dim, v.shape[-1])
    return Sums(key_key, key_value, empty(n_queries), empty(n_queries, dtype=torch.bool))


def forward(
    q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None, eps: float
) -> tuple[Tensor, Sums]:
    """Return o (B, H, N, e), README eq. (7)–(8), for q (B, H, N, d), k (B, H, M, d), v (…, e)."""
    out, sums = v.new_empty(*q.shape[:3], v.shape[-1]), empty_sums(q, v)
    own = _SelfPairs.of(self_index, k)
    for chunk in _chunks(q, k):
        query, key = _double(q[chunk]), _double(k[chunk])
        key_key = key.mT @ key
        total = vecdot(query, query @ key_key)
        self_score = own.score(query, key)
        rest = own.subtract_from_queries(total.clone(), self_score, self_score)
        cancelled = rest < CANCELLED * total
        r = inverse_norm(rest.clamp_(min=0.0), eps).masked_fill_(cancelled, 0.0)
        _merged(sums.key_key[chunk]).copy_(key_key)
        _merged(sums.r[chunk]).copy_(r)
        _merged(sums.cancelled[chunk]).copy_(cancelled)
        for cols in _columns(query, key, v.shape[-1]):
            value = _double(v[chunk][..., cols])
            key_value = key.mT @ value
            numerator = query @ key_value
            own.subtract_from_queries(numerator, self_score[..., None], own.of_keys(value))
            _merged(out[chunk][..., cols]).copy_(numerator.mul_(r[..., None]))
            _merged(sums.key_value[chunk][..., cols]).copy_(key_value)
        for pair, rows, head in _exact_rows(cancelled, query, key, v[chunk], self_index):
            _merged(out[chunk])[pair, rows] = row_blocks.forward(head, eps)[0].to(out.dtype)
    return out, sums


def backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    sums: Sums,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv, README eq. (9)–(12)."""
    dq, dk, dv = (t.new_empty(t.shape) for t in (q, k, v))
    own = _SelfPairs.of(self_index, k)
    for chunk in _chunks(q, k):
        query, key = _double(q[chunk]), _double(k[chunk])
        key_key, r = _merged(sums.key_key[chunk]), _merged(sums.r[chunk])
        self_score = own.score(query, key)
        dself = torch.zeros_like(self_score)
        dquery, dkey = torch.empty_like(query), torch.empty_like(key)
        for cols in _columns(query, key, v.shape[-1]):
            value, r_do = _double(v[chunk][..., cols]), _double(do[chunk][..., cols])
            r_do = r_do * r[..., None]
            query_do = query.mT @ r_do
            own_do = own.of_queries(r_do)
            dself += vecdot(own_do, own.of_keys(value))
            key_value = _double(sums.key_value[chunk][..., cols])
            beta = 1 if cols.start else 0  # 0 overwrites
            dquery.baddbmm_(r_do, key_value.mT, beta=beta)
            dkey.baddbmm_(value, query_do.mT, beta=beta)
            dvalue = own.subtract_from_keys(key @ query_do, self_score[..., None], own_do)
            _merged(dv[chunk][..., cols]).copy_(dvalue)
        c = own.subtract_from_queries(vecdot(query, dquery), self_score, dself).mul_(r.square())
        c_query = c[..., None] * query
        dquery.baddbmm_(c_query, key_key, alpha=-1)
        dkey.baddbmm_(key, query.mT @ c_query, alpha=-1)
        dself = (dself - own.of_queries(c) * self_score)[..., None]
        own.subtract_from_queries(dquery, dself, own.of_keys(key))
        own.subtract_from_keys(dkey, dself, own.of_queries(query))
        for pair, rows, head in _exact_rows(
            _merged(sums.cancelled[chunk]), query, key, v[chunk], self_index
        ):
            _, row_r = row_blocks.forward(head, eps)
            row_do = _double(do[chunk])[pair, rows]
            grads = row_blocks.Grads(dkey[pair], torch.zeros_like(head.v))
            dquery[pair, rows] = row_blocks.backward(head, row_do, row_r, grads)
            _merged(dv[chunk])[pair] += grads.dv.to(dv.dtype)
        _merged(dq[chunk]).copy_(dquery)
        _merged(dk[chunk]).copy_(dkey)
    return dq, dk, dv


class _SelfPairs(NamedTuple):
    """The pairs (query, key) that self-exclusion removes; tensors are (chunk, tokens, …)."""

    queries: slice | Tensor
    keys: slice | Tensor

    @classmethod
    def of(cls, self_index: Tensor | None, k: Tensor) -> "_SelfPairs":
        if self_index is None:
            return cls(slice(0), slice(0))
        if torch.equal(self_index, torch.arange(k.shape[2], device=k.device)):
            return cls(slice(None), slice(None))  # no gather needed
        queries = (self_index >= 0).nonzero()[:, 0]
        return cls(queries, self_index[queries])

    def of_queries(self, t: Tensor) -> Tensor:
        return _take(t, self.queries)

    def of_keys(self, t: Tensor) -> Tensor:
        return _take(t, self.keys)

    def score(self, q: Tensor, k: Tensor) -> Tensor:
        s: Tensor = vecdot(self.of_queries(q), self.of_keys(k))
        return s

    def subtract_from_queries(self, total: Tensor, factor: Tensor, t: Tensor) -> Tensor:
        return _subtract_product(total, factor, t, self.queries)

    def subtract_from_keys(self, total: Tensor, factor: Tensor, t: Tensor) -> Tensor:
        return _subtract_product(total, factor, t, self.keys)


def _take(t: Tensor, index: slice | Tensor) -> Tensor:
    return t[:, index] if isinstance(index, slice) else t.index_select(1, index)


def _subtract_product(total: Tensor, factor: Tensor, t: Tensor, index: slice | Tensor) -> Tensor:
    """Subtract factor · t from the tokens `index` of `total`, in place; twice if named twice."""
    if isinstance(index, slice):
        total[:, index].addcmul_(factor, t, value=-1)
        return total
    return total.index_add_(1, index, factor * t, alpha=-1)


def _double(t: Tensor) -> Tensor:
    """Return a (b, h, …) part of an input as contiguous float64, (b · h, …)."""
    return t.to(torch.float64, memory_format=torch.contiguous_format).flatten(0, 1)


def _merged(t: Tensor) -> Tensor:
    """Return a (b, h, …) part of a result as (b · h, …), a view."""
    return t.view(-1, *t.shape[2:])


def _chunks(q: Tensor, k: Tensor) -> Iterator[tuple[slice, slice]]:
    """Yield (batch, head) slices whose queries and keys hold about CHUNK_ELEMENTS each."""
    batch, n_heads = q.shape[:2]
    n_pairs = max(1, CHUNK_ELEMENTS // (q.shape[3] * max(q.shape[2], k.shape[2])))
    heads, elements = min(n_heads, n_pairs), max(1, n_pairs // n_heads)
    for b in range(0, batch, elements):
        for h in range(0, n_heads, heads):
            yield slice(b, b + elements), slice(h, h + heads)


def _columns(q: Tensor, k: Tensor, n_columns: int) -> Iterator[slice]:
    """Yield slices of the value columns, so that values of a shared map are converted in parts."""
    width = max(q.shape[2], 4 * CHUNK_ELEMENTS // (q.shape[0] * max(q.shape[1], k.shape[1])))
    for start in range(0, n_columns, width):
        yield slice(start, start + width)


def _exact_rows(
    cancelled: Tensor, q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None
) -> Iterator[tuple[int, Tensor, row_blocks.Head]]:
    """Yield the pairs of a chunk with cancelled rows, those rows, and what their scores need."""
    if self_index is None:
        return
    for pair in cancelled.any(-1).nonzero()[:, 0].tolist():
        rows = cancelled[pair].nonzero()[:, 0]
        head = row_blocks.Head(q[pair, rows], k[pair], v.flatten(0, 1)[pair].double())
        yield pair, rows, head._replace(self_index=self_index[rows])
