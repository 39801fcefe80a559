"""The exact linear-time form of scores without a bias: two small matrices per head, README §2.

A head is computed in float32 first. Its sums can cancel where scores do not, so the sizes of the
terms are compared with those of the results. A head with much larger terms is recomputed in
float64, which float64 inputs and short sequences always use (README §4).

Self-exclusion subtracts the self term from each sum. Rows of a float64 head where that term makes
up more than 1 - CANCELLED of the squared norm are computed again by the quadratic form. There are
at most d / (1 - CANCELLED) such rows per head where no key is the self of two queries (README
§4), so the time stays linear for every input.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.linalg import vecdot

from flashsign.linear.cancellation import mean_squared_norm, needs_float64, squared_norm
from flashsign.linear.chunks import Chunk, Part, chunk_of, merged, put
from flashsign.linear.self_pairs import SelfPairs
from flashsign.linear.sums import outer_sum, square_norm, trace
from flashsign.linear.threads import each_part
from flashsign.reference import inverse_norm
from flashsign.rows import form as row_form
from flashsign.units import eps_in_units

CANCELLED = 1e-3
"""A row is EXACT if a smaller share of its squared norm is left without the self term. The
subtraction costs the other rows at most three of float64's sixteen digits, and at most d / 0.999
rows of a head are EXACT (README §4). Any share from 1e-6 (six digits) to 0.1 (d / 0.9 rows) would
do as well."""

SINGLE, DOUBLE, EXACT = range(3)
"""How a row is computed: in float32, in float64, or by the quadratic form in float64."""


class Sums(NamedTuple):
    """Results of the forward pass that the backward pass needs."""

    key_key: Tensor
    """Float64 (B, H, d, d) G = Σ_j k_j k_jᵀ."""
    key_value: Tensor
    """Float64 (B, H, d, e) KV = Σ_j k_j v_jᵀ."""
    r: Tensor
    """Float64 (B, H, N) 1/√(Σ s² + ε); 0 for EXACT rows."""
    form: Tensor
    """Uint8 (B, H, N), SINGLE, DOUBLE or EXACT."""


class TokenGradients(NamedTuple):
    """Gradients, which the backward pass fills in."""

    dq: Tensor
    """(B, H, N, d)."""
    dk: Tensor
    """(B, H, M, d)."""
    dv: Tensor
    """(B, H, M, e)."""


class _Rows(NamedTuple):
    """Terms of the queries of a chunk that the gradients of keys and values need."""

    own: SelfPairs
    r_do: Tensor
    """(n, N, e), r_i do_i."""
    c_query: Tensor
    """(n, N, d), c_i q_i."""
    self_score: Tensor
    """(n, pairs, 1), s_ie."""
    dself: Tensor
    """(n, pairs, 1), ds_ie."""


def empty_sums(q: Tensor, v: Tensor) -> Sums:
    """Return sums of the right shapes, to be filled in."""
    batch, n_heads, n_queries, head_dim = q.shape

    def empty(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
        return q.new_empty(batch, n_heads, *shape, dtype=dtype)

    key_key, key_value = empty(head_dim, head_dim), empty(head_dim, v.shape[-1])
    return Sums(key_key, key_value, empty(n_queries), empty(n_queries, dtype=torch.uint8))


def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    eps: float,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Sums]:
    """Return o (B, H, N, e), README eq. (7)–(8), for q (B, H, N, d), k (B, H, M, d), v (…, e).

    With `exponent` (B, H, N), q and k are those of `units.in_units`.
    """
    out, sums = v.new_empty(*q.shape[:3], v.shape[-1]), empty_sums(q, v)
    row_eps = eps_in_units(eps, exponent, "l2")

    def compute(part: Part) -> None:
        chunk = chunk_of(part, q, k, v, self_index)
        results = [merged(t[part]) for t in (out, *sums)]
        few = _eps_of(row_eps, part)
        uncertain_heads = _forward_chunk(chunk, results[0], Sums(*results[1:]), few)
        for heads, double in chunk.in_double(uncertain_heads):
            again = [t[heads] for t in results]
            _forward_chunk(double, again[0], Sums(*again[1:]), _eps_of(few, heads))
            put(results, heads, again)

    each_part(q, k, compute)
    return out, sums


def backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    sums: Sums,
    eps: float,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv, README eq. (9)–(12)."""
    grads = TokenGradients(*(t.new_empty(t.shape) for t in (q, k, v)))
    row_eps = eps_in_units(eps, exponent, "l2")

    def compute(part: Part) -> None:
        chunk = chunk_of(part, q, k, v, self_index)
        chunk_do, chunk_sums = do[part].flatten(0, 1), Sums(*(merged(t[part]) for t in sums))
        results = TokenGradients(*(merged(t[part]) for t in grads))
        few = _eps_of(row_eps, part)
        uncertain_heads = _backward_chunk(chunk_do, chunk, chunk_sums, results, few)
        for heads, double in chunk.in_double(uncertain_heads):
            double_do, double_sums = chunk_do[heads], Sums(*(t[heads] for t in chunk_sums))
            if (double_sums.form == SINGLE).any():
                out = torch.empty_like(double_do)
                _forward_chunk(double, out, double_sums, _eps_of(few, heads))
            again = TokenGradients(*(t[heads] for t in results))
            _backward_chunk(double_do, double, double_sums, again, _eps_of(few, heads))
            put(results, heads, again)

    each_part(q, k, compute)
    return grads


def _forward_chunk(chunk: Chunk, out: Tensor, sums: Sums, eps: float | Tensor) -> Tensor:
    """Fill in `out` (n, N, e) and `sums`; return bool (n,), heads to do in float64 instead."""
    query, key, dtype = chunk.query, chunk.key, chunk.query.dtype
    own = SelfPairs.of(chunk.self_index, key.shape[1])
    # G in float64: it is factorised, and the rounding of its entries would hide small eigenvalues.
    for few_keys, key_key in zip(chunk.few(key), chunk.few(sums.key_key), strict=True):
        double = few_keys.double()
        torch.bmm(double.mT, double, out=key_key)
    total = square_norm(query, sums.key_key)
    self_score = own.score(query, key)
    rest = own.subtract_from_queries(total.clone(), self_score, self_score)
    if dtype == torch.float64:
        sums.form.copy_(DOUBLE + (rest < CANCELLED * total))
    else:
        sums.form.fill_(SINGLE)
    row_eps = eps.to(dtype) if isinstance(eps, Tensor) else eps
    r = inverse_norm(rest.clamp_(min=0.0), row_eps).masked_fill_(sums.form == EXACT, 0.0)
    sums.r.copy_(r)
    again = torch.zeros_like(total[:, 0], dtype=torch.bool)
    if dtype != torch.float64:
        weight = torch.linalg.vector_norm(query, dim=-1, keepdim=True).mul_(r[..., None])
        norm_size = (
            (weight[..., 0].square() * total * r.square()).mean(-1)
            * trace(sums.key_key)
            / key.shape[2]
        )
        again |= needs_float64(norm_size, torch.ones_like(norm_size))
        if again.all():  # all of these heads are recomputed in float64: no need to finish
            return again
    for cols in chunk.columns():
        value = chunk.value[..., cols].to(dtype)
        key_value = outer_sum(key, value)
        numerator = _buffer(out[..., cols], dtype)
        torch.bmm(query, key_value.to(dtype), out=numerator)
        own.subtract_from_queries(numerator, self_score[..., None], own.of_keys(value))
        out[..., cols].copy_(numerator.mul_(r[..., None]))
        sums.key_value[..., cols].copy_(key_value)
    for pair, rows, head in _exact_rows(chunk, sums.form):
        out[pair, rows] = row_form.forward(head, _eps_of(eps, (pair, rows, None)))[0].to(out.dtype)
    if dtype != torch.float64:
        again |= needs_float64(
            squared_norm(weight) * mean_squared_norm(sums.key_value), squared_norm(out)
        )
    return again


def _backward_chunk(
    do: Tensor, chunk: Chunk, sums: Sums, grads: TokenGradients, eps: float | Tensor
) -> Tensor:
    """Fill in `grads` for `do` (n, N, e); return bool (n,), heads to do in float64 instead."""
    again, single = (sums.form != SINGLE).any(-1), chunk.query.dtype != torch.float64
    if single and again.all():
        return again
    rows = _query_gradients(do, chunk, sums, grads.dq)
    if single:
        dq_size = squared_norm(rows.r_do) * mean_squared_norm(sums.key_value.mT)
        dq_size += squared_norm(rows.c_query) * mean_squared_norm(sums.key_key)
        again |= needs_float64(dq_size, squared_norm(grads.dq))
        if again.all():
            return again
    query_do, query_query = _key_gradients(do, chunk, rows, sums.form, grads, eps)
    if not single:
        return torch.zeros_like(again)
    key_size = trace(sums.key_key)
    dk_size = squared_norm(chunk.value) * mean_squared_norm(
        query_do.mT
    ) + key_size * mean_squared_norm(query_query)
    again |= needs_float64(dk_size, squared_norm(grads.dk))
    return again | needs_float64(key_size * mean_squared_norm(query_do), squared_norm(grads.dv))


def _query_gradients(do: Tensor, chunk: Chunk, sums: Sums, dq: Tensor) -> _Rows:
    """Fill in `dq` (n, N, d) but for EXACT rows; return what the gradients of keys need."""
    query, key, dtype = chunk.query, chunk.key, chunk.query.dtype
    own, r = SelfPairs.of(chunk.self_index, key.shape[1]), sums.r.to(dtype)[..., None]
    self_score = own.score(query, key)[..., None]
    dself, r_do = torch.zeros_like(self_score), do.to(dtype) * r
    dquery = _buffer(dq, dtype)
    for cols in chunk.columns():
        value, key_value = chunk.value[..., cols].to(dtype), sums.key_value[..., cols].to(dtype)
        dself += vecdot(own.of_queries(r_do[..., cols]), own.of_keys(value))[..., None]
        dquery.baddbmm_(r_do[..., cols], key_value.mT, beta=1 if cols.start else 0)
    c = own.subtract_from_queries(vecdot(query, dquery)[..., None], self_score, dself)
    c_query = c.mul_(r).mul_(r) * query
    dquery.baddbmm_(c_query, sums.key_key.to(dtype), alpha=-1)
    dself -= own.of_queries(c) * self_score
    own.subtract_from_queries(dquery, dself, own.of_keys(key))
    dq.copy_(dquery)
    return _Rows(own, r_do, c_query, self_score, dself)


def _key_gradients(
    do: Tensor, chunk: Chunk, rows: _Rows, form: Tensor, grads: TokenGradients, eps: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Fill in dk, dv and the EXACT rows of dq; return M1 (n, d, e) and M2 (n, d, d), float64."""
    query, key, dtype = chunk.query, chunk.key, chunk.query.dtype
    own, dkey = rows.own, _buffer(grads.dk, dtype)
    query_query = outer_sum(query, rows.c_query)
    dkey.baddbmm_(key, query_query.to(dtype), beta=0, alpha=-1)  # beta = 0 overwrites
    own.subtract_from_keys(dkey, rows.dself, own.of_queries(query))
    parts = []
    for cols in chunk.columns():
        value, r_do = chunk.value[..., cols].to(dtype), rows.r_do[..., cols]
        parts.append(outer_sum(query, r_do))
        query_do = parts[-1].to(dtype)
        dkey.baddbmm_(value, query_do.mT)
        dvalue = torch.bmm(key, query_do, out=_buffer(grads.dv[..., cols], dtype))
        own.subtract_from_keys(dvalue, rows.self_score, own.of_queries(r_do))
        grads.dv[..., cols].copy_(dvalue)
    for pair, exact, head in _exact_rows(chunk, form):
        row_r, row_do = (
            row_form.forward(head, _eps_of(eps, (pair, exact, None)))[1],
            do[pair, exact].double(),
        )
        added = row_form.SharedGradients(dkey[pair], torch.zeros_like(head.v))
        dq = row_form.backward(head, row_do, row_r, added)
        grads.dq[pair, exact] = dq.to(grads.dq.dtype)
        grads.dv[pair] += added.dv.to(grads.dv.dtype)
    grads.dk.copy_(dkey)
    return torch.cat(parts, -1), query_query


def _eps_of(eps: float | Tensor, part: Any) -> float | Tensor:
    """Return ε of some rows: a part of a chunk's (n, N), or, by a tuple, of all (B, H, N)."""
    if not isinstance(eps, Tensor):
        return eps
    rows: Tensor = eps[part]
    return rows.flatten(0, 1) if rows.ndim == 3 else rows


def _buffer(t: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a buffer for the result `t` in `dtype`: `t` itself if it has that dtype."""
    return t if t.dtype == dtype else torch.empty_like(t, dtype=dtype)


def _exact_rows(chunk: Chunk, form: Tensor) -> Iterator[tuple[int, Tensor, row_form.Head]]:
    """Yield the heads of a float64 chunk with EXACT rows, those rows, and their inputs."""
    if chunk.self_index is None:
        return
    exact = form == EXACT
    for pair in exact.any(-1).nonzero()[:, 0].tolist():
        rows = exact[pair].nonzero()[:, 0]
        value = chunk.value[pair].double()
        head = row_form.Head(chunk.query[pair, rows], chunk.key[pair], value)
        yield pair, rows, head._replace(self_index=chunk.self_index[rows])
