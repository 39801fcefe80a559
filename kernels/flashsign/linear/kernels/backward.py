"""The linear-time backward pass on the matrix units, for half precision; README eq. (9)–(12).

`query_kernel` reads q and do for dq and the factors c; [M2 | M1] is summed from the same tokens
by `state`; `key_kernel` reads k and v for dk and dv. Queries that share a key as
their own are listed by key, so that each sum has one order.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from flashsign.linear.kernels.forward import LaunchShape, Saved, times_state
from flashsign.linear.kernels.state import load_rows, over_unit, query_state, row_units
from flashsign.streaming import backward as streaming_backward
from flashsign.streaming import forward as streaming_forward
from flashsign.streaming.arguments import Options, Strided, padded
from flashsign.streaming.tiles import (
    load_own,
    load_tokens,
    row_pointers,
    split_program,
    store_tokens,
)


@triton.jit
def times_transposed(
    whole,
    t,
    unit,
    i_b,
    i_h,
    rows,
    keep,
    state,
    units,
    first,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    COLUMNS: tl.constexpr,
    STATE_WIDTH: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Return t @ S[:, first : first + BLOCK]ᵀ / unit for rows of `t`.

    `whole` is the tile of t, [ROWS, BLOCK], times the column units of S. S is taken CHUNK columns
    at a time, and t with it.
    """
    product = tl.zeros([ROWS, COLUMNS], tl.float32)
    origin = state + first + tl.arange(0, COLUMNS)[:, None] * STATE_WIDTH
    trailing: tl.constexpr = COLUMNS * STATE_WIDTH
    # As in `times_state`: trailing parts first, and a wide S in chunks.
    if BLOCK <= CHUNK:
        pointers = origin + tl.arange(0, BLOCK)
        left = over_unit(whole, unit).to(tl.float16)
        product = tl.dot(left, tl.trans(tl.load(pointers + trailing)), product)
        product = tl.dot(left, tl.trans(tl.load(pointers)), product)
    else:
        for start in range(0, BLOCK, CHUNK):
            columns = start + tl.arange(0, CHUNK)
            left = load_rows(t, i_b, i_h, rows, keep, start, ROWS, WIDTH, CHUNK).to(tl.float32)
            left *= tl.load(units + first + columns)[None, :]
            left = over_unit(left, unit).to(tl.float16)
            pointers = origin + columns
            product = tl.dot(left, tl.trans(tl.load(pointers + trailing)), product)
            product = tl.dot(left, tl.trans(tl.load(pointers)), product)
    return product


@triton.jit
def query_kernel(
    q,
    k,
    v,
    self_index,
    do,
    parts,
    units,
    r,
    dq,
    c,
    own_w,
    own_ds,
    n_heads,
    N,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Write dq and c for a block of queries, and w and ds of their own pairs, eq. (9)–(10)."""
    block, i_b, i_h = split_program(tl.cdiv(N, BLOCK_N), n_heads)
    start = block * BLOCK_N
    rows = start + tl.arange(0, BLOCK_N)
    inside = rows < N
    head = tl.cast(i_b, tl.int64) * n_heads + i_h
    WIDTH: tl.constexpr = BLOCK_D + BLOCK_E
    state = parts + head * (2 * BLOCK_D * WIDTH)
    units += head * WIDTH
    r_tile = tl.load(row_pointers(r, i_b, i_h, n_heads, N, start, BLOCK_N), mask=inside, other=0.0)
    do_tile = load_tokens(do, i_b, i_h, start, inside, BLOCK_N, VALUE_DIM, BLOCK_E).to(tl.float32)
    if self_index is not None:
        own = load_own(self_index, start, N, BLOCK_N)
        v_tile = load_rows(v, i_b, i_h, own, own >= 0, 0, BLOCK_N, VALUE_DIM, BLOCK_E)
        own_value = tl.sum(do_tile * v_tile.to(tl.float32), axis=1)
    # S is summed over its columns here, so their units go into the left factor: powers of two,
    # exact in float32. The row unit then brings the product into the range of float16.
    do_tile *= tl.load(units + BLOCK_D + tl.arange(0, BLOCK_E))[None, :]
    unit = row_units(do_tile)
    t = times_transposed(
        do_tile, do, unit, i_b, i_h, rows, inside, state, units, BLOCK_D,
        BLOCK_N, VALUE_DIM, BLOCK_E, BLOCK_D, WIDTH, CHUNK,
    )  # fmt: skip
    t *= unit * r_tile[:, None]
    q_tile = load_tokens(q, i_b, i_h, start, inside, BLOCK_N, HEAD_DIM, BLOCK_D).to(tl.float32)
    c_tile = tl.sum(q_tile * t, axis=1)
    if self_index is not None:
        k_tile = load_rows(k, i_b, i_h, own, own >= 0, 0, BLOCK_N, HEAD_DIM, BLOCK_D)
        own_score = tl.sum(q_tile * k_tile.to(tl.float32), axis=1)
        c_tile -= r_tile * own_score * own_value
    c_tile *= r_tile * r_tile
    tl.store(row_pointers(c, i_b, i_h, n_heads, N, start, BLOCK_N), c_tile, mask=inside)
    unit = row_units(q_tile)
    g = times_state(
        q_tile, q, unit, i_b, i_h, rows, inside, state, 0,
        BLOCK_N, HEAD_DIM, BLOCK_D, BLOCK_D, WIDTH, CHUNK,
    )  # fmt: skip
    dq_tile = t - c_tile[:, None] * (g * (unit * tl.load(units + tl.arange(0, BLOCK_D))[None, :]))
    if self_index is not None:
        ds_tile = r_tile * own_value - c_tile * own_score
        dq_tile -= ds_tile[:, None] * k_tile.to(tl.float32)
        w_pointers = row_pointers(own_w, i_b, i_h, n_heads, N, start, BLOCK_N)
        tl.store(w_pointers, r_tile * own_score, mask=inside)
        ds_pointers = row_pointers(own_ds, i_b, i_h, n_heads, N, start, BLOCK_N)
        tl.store(ds_pointers, ds_tile, mask=inside)
    store_tokens(dq, i_b, i_h, start, inside, dq_tile, HEAD_DIM)


@triton.jit
def key_kernel(
    k,
    v,
    q,
    do,
    order,
    starts,
    own_w,
    own_ds,
    parts,
    units,
    dk,
    dv,
    n_heads,
    N,
    M,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Write dk and dv for a block of keys, eq. (12); q and do are read for own pairs only."""
    block, i_b, i_h = split_program(tl.cdiv(M, BLOCK_N), n_heads)
    start = block * BLOCK_N
    rows = start + tl.arange(0, BLOCK_N)
    inside = rows < M
    head = tl.cast(i_b, tl.int64) * n_heads + i_h
    WIDTH: tl.constexpr = BLOCK_D + BLOCK_E
    state = parts + head * (2 * BLOCK_D * WIDTH)
    units += head * WIDTH
    v_tile = load_tokens(v, i_b, i_h, start, inside, BLOCK_N, VALUE_DIM, BLOCK_E).to(tl.float32)
    v_tile *= tl.load(units + BLOCK_D + tl.arange(0, BLOCK_E))[None, :]
    unit = row_units(v_tile)
    dk_tile = unit * times_transposed(
        v_tile, v, unit, i_b, i_h, rows, inside, state, units, BLOCK_D,
        BLOCK_N, VALUE_DIM, BLOCK_E, BLOCK_D, WIDTH, CHUNK,
    )  # fmt: skip
    k_tile = load_tokens(k, i_b, i_h, start, inside, BLOCK_N, HEAD_DIM, BLOCK_D).to(tl.float32)
    unit = row_units(k_tile)
    dk_tile -= (unit * tl.load(units + tl.arange(0, BLOCK_D))[None, :]) * times_state(
        k_tile, k, unit, i_b, i_h, rows, inside, state, 0,
        BLOCK_N, HEAD_DIM, BLOCK_D, BLOCK_D, WIDTH, CHUNK,
    )  # fmt: skip
    dk_tile = _subtract_own(
        dk_tile, own_ds, q, order, starts, i_b, i_h, head * N, rows, inside, HEAD_DIM
    )
    store_tokens(dk, i_b, i_h, start, inside, dk_tile, HEAD_DIM)
    dv_tile = (unit * tl.load(units + BLOCK_D + tl.arange(0, BLOCK_E))[None, :]) * times_state(
        k_tile, k, unit, i_b, i_h, rows, inside, state, BLOCK_D,
        BLOCK_N, HEAD_DIM, BLOCK_D, BLOCK_E, WIDTH, CHUNK,
    )  # fmt: skip
    dv_tile = _subtract_own(
        dv_tile, own_w, do, order, starts, i_b, i_h, head * N, rows, inside, VALUE_DIM
    )
    store_tokens(dv, i_b, i_h, start, inside, dv_tile, VALUE_DIM)


@triton.jit
def _subtract_own(
    total, factor, t, order, starts, i_b, i_h, queries, rows, inside, WIDTH: tl.constexpr
):
    """Return total - Σ factor_i t_i over the queries i whose own key each row is."""
    if order is not None:
        first = tl.load(starts + rows, mask=inside, other=0)
        n_own = tl.load(starts + rows + 1, mask=inside, other=0) - first
        # Key by key in the listed order, not by atomic additions: every run gives the same bits.
        for n in range(tl.max(n_own, axis=0)):
            taken = n < n_own
            query = tl.load(order + first + n, mask=taken, other=0)
            factor_tile = tl.load(factor + queries + query, mask=taken, other=0.0)[:, None]
            tokens_tile = load_rows(
                t, i_b, i_h, query, taken, 0, total.shape[0], WIDTH, total.shape[1]
            )
            total -= factor_tile * tokens_tile.to(tl.float32)
    return total


def backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    saved: Saved,
    eps: float | Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv, README eq. (9)–(12); inputs as of `forward`, do (B, H, N, d_v)."""
    batch, n_heads, n_queries, head_dim = q.shape
    n_keys, value_dim = k.shape[2], v.shape[3]
    dq, dk, dv = (t.new_empty(t.shape) for t in (q, k, v))
    c = torch.empty_like(saved.r)
    own = own_w = own_ds = order = starts = None
    if self_index is not None:
        own = self_index.contiguous()
        own_w, own_ds = torch.empty_like(c), torch.empty_like(c)
        order, starts = queries_by_key(own, n_keys)
    block_d, block_e = padded(head_dim), padded(value_dim)
    tile = LaunchShape.of(max(block_d, block_e))
    sizes = {
        "HEAD_DIM": head_dim,
        "VALUE_DIM": value_dim,
        "BLOCK_D": block_d,
        "BLOCK_E": block_e,
        **tile.arguments(),
    }
    of_q, of_k, of_v, of_do = (Strided.of(t) for t in (q, k, v, do))
    state = saved.parts, saved.units
    query_kernel[(batch * n_heads * triton.cdiv(n_queries, tile.rows),)](
        of_q, of_k, of_v, own, of_do, *state, saved.r,
        Strided.of(dq), c, own_w, own_ds, n_heads, n_queries, **sizes,
    )  # fmt: skip
    sums = query_state(q, do, c, saved.r)
    key_kernel[(batch * n_heads * triton.cdiv(n_keys, tile.rows),)](
        of_k, of_v, of_q, of_do, order, starts, own_w, own_ds, sums.parts, sums.units,
        Strided.of(dk), Strided.of(dv), n_heads, n_queries, n_keys, **sizes,
    )  # fmt: skip
    _add_flagged(do, q, k, v, self_index, saved.flag, eps, (dq, dk, dv))
    return dq, dk, dv


def _add_flagged(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    flag: Tensor,
    eps: float | Tensor,
    grads: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Put the share of flagged queries into `grads`; their outputs are worked out again."""
    options = Options(None, None, self_index, None)
    out = v.new_empty(*q.shape[:3], v.shape[3])
    square_norm = streaming_forward.forward(q, k, v, options, eps, out, flag)
    r, projection = streaming_backward.rows(out, do, square_norm, eps, flag)
    streaming_backward.gradients(q, k, v, options, do, r, projection, flag, grads)


def queries_by_key(self_index: Tensor, n_keys: int) -> tuple[Tensor, Tensor]:
    """Return the queries ordered by their own key, and where each key's begin; int32.

    Query order[n] names key j for starts[j] ≤ n < starts[j + 1]; `starts` is (M + 1,).
    """
    keys, order = self_index.sort(stable=True)
    bounds = torch.arange(n_keys + 1, device=keys.device, dtype=keys.dtype)
    return order.int(), torch.searchsorted(keys, bounds, out_int32=True)
