"""The backward pass over tiles; no two programs write to one place, so sums have one order.

With w = r s and D_i = do_i · o_i, README eq. (5) is ds_ij = r_i x_ij with
x_ij = m_ij (do_i · v_j - D_i w_ij), for l1 with sgn w_ij in place of w_ij. `queries_kernel`
walks over keys for dq, `keys_kernel` over queries for dk and dv; each forms the scores of its
tiles again.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from flashsign.streaming import configs
from flashsign.streaming.arguments import Options, Strided, half_range, padded, problem
from flashsign.streaming.tiles import (
    add_bias,
    direction,
    inverse_norm,
    load_eps,
    load_keep,
    load_only,
    load_own,
    load_tokens,
    pair_factor,
    row_pointers,
    split_program,
    store_tokens,
)

ROWS = 64
"""Queries that one program of `rows_kernel` takes."""

WIDE_GRADIENTS = 256
"""Features of dk and dv together that fit the registers; wider, each has a pass of its own."""


@triton.jit
def rows_kernel(
    out,
    do,
    total,
    r,
    projection,
    only,
    n_heads,
    N,
    eps,
    row_eps,
    L1: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Write r_i and D_i = do_i · o_i for a block of queries; 0 for those not flagged in `only`."""
    block, i_b, i_h = split_program(tl.cdiv(N, BLOCK_N), n_heads)
    start = block * BLOCK_N
    inside = start + tl.arange(0, BLOCK_N) < N
    wanted = inside
    if only is not None:
        wanted = load_only(only, i_b, i_h, n_heads, N, start, BLOCK_N)
    o_tile = load_tokens(out, i_b, i_h, start, wanted, BLOCK_N, VALUE_DIM, BLOCK_E)
    do_tile = load_tokens(do, i_b, i_h, start, wanted, BLOCK_N, VALUE_DIM, BLOCK_E)
    d = tl.sum(o_tile.to(tl.float32) * do_tile.to(tl.float32), axis=1)
    total_pointers = row_pointers(total, i_b, i_h, n_heads, N, start, BLOCK_N)
    eps = load_eps(eps, row_eps, i_b, i_h, n_heads, N, start, wanted, BLOCK_N)
    r_tile = inverse_norm(tl.load(total_pointers, mask=wanted, other=0.0), eps, L1)
    if only is not None:
        r_tile = tl.where(wanted, r_tile, 0.0)
    tl.store(row_pointers(r, i_b, i_h, n_heads, N, start, BLOCK_N), r_tile, mask=inside)
    tl.store(row_pointers(projection, i_b, i_h, n_heads, N, start, BLOCK_N), d, mask=inside)


@triton.jit
def queries_kernel(
    q,
    k,
    v,
    optional,
    do,
    r,
    projection,
    dq,
    only,
    n_heads,
    N,
    M,
    L1: tl.constexpr,
    PRECISION: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_M: tl.constexpr,
):
    """Write dq_i = r_i Σ_j x_ij k_j for a block of queries (`only`: the flagged), eq. (6)."""
    block, i_b, i_h = split_program(tl.cdiv(N, BLOCK_N), n_heads)
    start_n = block * BLOCK_N
    i_n = tl.arange(0, BLOCK_N)[:, None]
    i_m = tl.arange(0, BLOCK_M)[None, :]
    inside_n = start_n + tl.arange(0, BLOCK_N) < N
    if only is not None:
        inside_n = load_only(only, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        if tl.max(inside_n.to(tl.int32), axis=0) == 0:
            return
    q_tile = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
    do_tile = load_tokens(do, i_b, i_h, start_n, inside_n, BLOCK_N, VALUE_DIM, BLOCK_E)
    own = load_own(optional.self_index, start_n, N, BLOCK_N)[:, None]
    r_pointers = row_pointers(r, i_b, i_h, n_heads, N, start_n, BLOCK_N)
    projection_pointers = row_pointers(projection, i_b, i_h, n_heads, N, start_n, BLOCK_N)
    r_tile = tl.load(r_pointers, mask=inside_n, other=0.0)[:, None]
    along = tl.load(projection_pointers, mask=inside_n, other=0.0)[:, None]
    if not L1:  # D w = (D r) s: one product a row here instead of one a pair below
        along = r_tile * along
    dq_tile = tl.zeros([BLOCK_N, BLOCK_D], tl.float32)
    for start_m in range(0, M, BLOCK_M):
        keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
        inside = inside_n[:, None] & keep[None, :]
        k_tile = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
        v_tile = load_tokens(v, i_b, i_h, start_m, keep, BLOCK_M, VALUE_DIM, BLOCK_E)
        s = tl.dot(q_tile, tl.trans(k_tile), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        s = add_bias(s, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
        m = pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
        x = tl.dot(do_tile, tl.trans(v_tile), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        if not L1:  # m ≥ 0 leaves signs as they are
            s = s * m
        x = (x - along * direction(s, L1)) * m
        dq_tile = tl.dot(x.to(k_tile.dtype), k_tile, dq_tile, input_precision=PRECISION)
    # r_i is common to all keys: multiplied last, it cannot push x out of half precision's range.
    store_tokens(dq, i_b, i_h, start_n, inside_n, dq_tile * r_tile, HEAD_DIM)


@triton.jit
def keys_kernel(
    q,
    k,
    v,
    optional,
    do,
    r,
    projection,
    dk,
    dv,
    only,
    only_heads,
    n_heads,
    N,
    M,
    scale,
    L1: tl.constexpr,
    PRECISION: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_M: tl.constexpr,
):
    """Write dk_j = Σ_i r_i x_ij q_i and dv_j = Σ_i w_ij do_i for a block of keys, eq. (6).

    One of dk and dv may be None. Tiles are held transposed, keys by queries: what a product
    leaves in registers is then the left factor of the next. `scale` lifts r x, of size 1/‖s‖,
    into the range of float16. With `only` the sums over the queries flagged there (r is 0 for the
    others) are added to dk and dv; `only_heads` (B, H) says which heads have any.
    """
    block, i_b, i_h = split_program(tl.cdiv(M, BLOCK_M), n_heads)
    if only is not None:
        n_flagged = tl.load(only_heads + i_b * n_heads + i_h)
        if n_flagged == 0:
            return
    start_m = block * BLOCK_M
    i_m = tl.arange(0, BLOCK_M)[:, None]
    i_n = tl.arange(0, BLOCK_N)[None, :]
    keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
    k_tile = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
    exists = start_m + tl.arange(0, BLOCK_M) < M
    if dk is not None:
        v_tile = load_tokens(v, i_b, i_h, start_m, keep, BLOCK_M, VALUE_DIM, BLOCK_E)
    dk_tile = tl.zeros([BLOCK_M, BLOCK_D], tl.float32)
    dv_tile = tl.zeros([BLOCK_M, BLOCK_E], tl.float32)
    for start_n in range(0, N, BLOCK_N):
        inside_n = start_n + tl.arange(0, BLOCK_N) < N
        wanted = True
        if only is not None:
            flags = load_only(only, i_b, i_h, n_heads, N, start_n, BLOCK_N)
            wanted = tl.max(flags.to(tl.int32), axis=0) > 0
        if wanted:
            inside = keep[:, None] & inside_n[None, :]
            q_tile = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
            do_tile = load_tokens(do, i_b, i_h, start_n, inside_n, BLOCK_N, VALUE_DIM, BLOCK_E)
            own = load_own(optional.self_index, start_n, N, BLOCK_N)[None, :]
            r_pointers = row_pointers(r, i_b, i_h, n_heads, N, start_n, BLOCK_N)
            r_tile = tl.load(r_pointers, mask=inside_n, other=0.0)[None, :]
            w = tl.dot(k_tile, tl.trans(q_tile), input_precision=PRECISION)  # [BLOCK_M, BLOCK_N]
            w = add_bias(w, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
            m = pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
            w *= r_tile * m
            if dv is not None:
                dv_tile = tl.dot(w.to(do_tile.dtype), do_tile, dv_tile, input_precision=PRECISION)
            if dk is not None:
                projection_pointers = row_pointers(
                    projection, i_b, i_h, n_heads, N, start_n, BLOCK_N
                )
                d = tl.load(projection_pointers, mask=inside_n, other=0.0)[None, :]
                x = tl.dot(
                    v_tile, tl.trans(do_tile), input_precision=PRECISION
                )  # [BLOCK_M, BLOCK_N]
                x = (x - d * direction(w, L1)) * (r_tile * scale * m)
                dk_tile = tl.dot(x.to(q_tile.dtype), q_tile, dk_tile, input_precision=PRECISION)
    if dv is not None:
        if only is not None:
            dv_tile += load_tokens(dv, i_b, i_h, start_m, exists, BLOCK_M, VALUE_DIM, BLOCK_E)
        store_tokens(dv, i_b, i_h, start_m, exists, dv_tile, VALUE_DIM)
    if dk is not None:
        dk_tile /= scale
        if only is not None:
            dk_tile += load_tokens(dk, i_b, i_h, start_m, exists, BLOCK_M, HEAD_DIM, BLOCK_D)
        store_tokens(dk, i_b, i_h, start_m, exists, dk_tile, HEAD_DIM)


def rows(
    out: Tensor,
    do: Tensor,
    total: Tensor,
    eps: float | Tensor,
    only: Tensor | None = None,
    normaliser: str = "l2",
) -> tuple[Tensor, Tensor]:
    """Return r and D = do · o, both (B, H, N) in float32.

    `out` and its gradient `do` are (B, H, N, d_v), `total` (B, H, N) is what
    `forward.forward` returned, `eps` and `only` are as there; other queries are not read and get
    zeros.
    """
    batch, n_heads, n_queries, value_dim = out.shape
    r, projection = torch.empty_like(total), torch.empty_like(total)
    rows_kernel[(batch * n_heads * triton.cdiv(n_queries, ROWS),)](
        Strided.of(out),
        Strided.of(do),
        total,
        r,
        projection,
        only,
        n_heads,
        n_queries,
        0.0 if isinstance(eps, Tensor) else eps,
        eps if isinstance(eps, Tensor) else None,
        L1=normaliser == "l1",
        VALUE_DIM=value_dim,
        BLOCK_E=padded(value_dim),
        BLOCK_N=ROWS,
    )
    return r, projection


def gradients(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: Options,
    do: Tensor,
    r: Tensor,
    projection: Tensor,
    only: Tensor | None = None,
    grads: tuple[Tensor, Tensor, Tensor] | None = None,
    normaliser: str = "l2",
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv, in the layouts of q, k and v; `r` and `projection` are from `rows`.

    With `only`, as in `rows`, the share of the queries flagged there is put into `grads`: their
    rows of dq are written, and what they send to dk and dv is added to what is there.
    """
    batch, n_heads, n_queries, head_dim = q.shape
    n_keys = k.shape[2]
    dq, dk, dv = grads or (torch.empty_like(q), torch.empty_like(k), torch.empty_like(v))
    only_heads = None if only is None else only.amax(2)
    given = (Strided.of(q), Strided.of(k), Strided.of(v), options.strided(), Strided.of(do))
    sizes = problem(q, k, v) | {"L1": normaliser == "l1"}
    n_terms = n_keys * head_dim * (n_keys if normaliser == "l1" else 1)  # 1/r is about their root
    tile = configs.tile("queries", q, v, options)
    queries_kernel[(batch * n_heads * triton.cdiv(n_queries, tile.block_n),)](
        *given, r, projection, Strided.of(dq), only, **sizes, **tile.arguments()
    )
    tile = configs.tile("keys", q, v, options)
    # Two passes form the scores twice, but two wide accumulators would spill out of the registers.
    wide = sizes["BLOCK_D"] + sizes["BLOCK_E"] > WIDE_GRADIENTS
    for written in ((dk, None), (None, dv)) if wide else ((dk, dv),):
        keys_kernel[(batch * n_heads * triton.cdiv(n_keys, tile.block_m),)](
            *given,
            r,
            projection,
            *(Strided.of(t) for t in written),
            only,
            only_heads,
            scale=half_range(q.dtype, n_terms),
            **sizes,
            **tile.arguments(),
        )
    return dq, dk, dv
