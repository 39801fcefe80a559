"""The forward pass over tiles of keys, with two accumulators and without exponentials."""

import torch
import triton
import triton.language as tl
from torch import Tensor

from flashsign.streaming import configs
from flashsign.streaming.arguments import (
    Options,
    Strided,
    half_range,
    problem,
)
from flashsign.streaming.tiles import (
    add_bias,
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
    summand,
)


@triton.jit
def forward_kernel(
    q,
    k,
    v,
    optional,
    out,
    total,
    only,
    n_heads,
    N,
    M,
    eps,
    row_eps,
    SCALE: tl.constexpr,
    L1: tl.constexpr,
    PRECISION: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_M: tl.constexpr,
):
    """Write o and Σ_j s_ij² for a block of queries, README eq. (1)–(3); without v only Σ s².

    L1: o of eq. (15)–(16), and Σ |s|. SCALE keeps scores within the range of float16; w does not
    depend on it. `only` may flag the queries that are written.
    """
    block, i_b, i_h = split_program(tl.cdiv(N, BLOCK_N), n_heads)
    start_n = block * BLOCK_N
    i_n = tl.arange(0, BLOCK_N)[:, None]
    i_m = tl.arange(0, BLOCK_M)[None, :]
    inside_n = start_n + tl.arange(0, BLOCK_N) < N
    if only is not None:
        inside_n = load_only(only, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        if tl.max(inside_n.to(tl.int32), axis=0) == 0:
            return  # before anything is read: a block without a flag costs nothing
    q_tile = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
    own = load_own(optional.self_index, start_n, N, BLOCK_N)[:, None]
    # A norm needs no running maximum, so neither sum is rescaled when a larger score turns up.
    sums = tl.zeros([BLOCK_N], tl.float32)
    if v is not None:
        numerator = tl.zeros([BLOCK_N, BLOCK_E], tl.float32)
    for start_m in range(0, M, BLOCK_M):
        keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
        inside = inside_n[:, None] & keep[None, :]
        k_tile = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
        s = tl.dot(q_tile, tl.trans(k_tile), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        s = add_bias(s, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
        # SCALE is a power of two and costs no digit. Without it, float16 scores of many features
        # would overflow where they are rounded for the product with the values.
        s *= SCALE * pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
        sums += tl.sum(summand(s, L1), axis=1)
        if v is not None:
            v_tile = load_tokens(v, i_b, i_h, start_m, keep, BLOCK_M, VALUE_DIM, BLOCK_E)
            # The matrix units take the dtype of the inputs: s is rounded once here, after the norm
            # has been summed from unrounded scores, and the sum stays in float32.
            numerator = tl.dot(s.to(v_tile.dtype), v_tile, numerator, input_precision=PRECISION)
    if v is not None:
        eps = load_eps(eps, row_eps, i_b, i_h, n_heads, N, start_n, inside_n, BLOCK_N)
        r = inverse_norm(sums, eps * (SCALE if L1 else SCALE * SCALE), L1)
        store_tokens(out, i_b, i_h, start_n, inside_n, numerator * r[:, None], VALUE_DIM)
    # Backward pass and map work with sums in the units of the caller.
    sums /= SCALE if L1 else SCALE * SCALE
    tl.store(row_pointers(total, i_b, i_h, n_heads, N, start_n, BLOCK_N), sums, mask=inside_n)


def forward(
    q: Tensor,
    k: Tensor,
    v: Tensor | None,
    options: Options,
    eps: float | Tensor,
    out: Tensor | None,
    only: Tensor | None = None,
    normaliser: str = "l2",
) -> Tensor:
    """Write o (B, H, N, d_v) to `out` and return Σ_j s_ij², (B, H, N) in float32; l1: Σ_j |s_ij|.

    q (B, H, N, d), k (B, H, M, d) and v (B, H, M, d_v) have one dtype and any strides. Without v
    and `out` only the sums are formed. `only`, uint8 (B, H, N) and contiguous, flags the queries
    whose rows are written; blocks of queries without a flag cost nothing. `eps` is as
    `arguments.row_eps` returns it.
    """
    batch, n_heads, n_queries, head_dim = q.shape
    total = q.new_empty(q.shape[:3], dtype=torch.float32)
    row_eps = eps if isinstance(eps, Tensor) else None
    tile = configs.tile("forward", q, v, options)
    forward_kernel[(batch * n_heads * triton.cdiv(n_queries, tile.block_n),)](
        Strided.of(q),
        Strided.of(k),
        Strided.of(v),
        options.strided(),
        Strided.of(out),
        total,
        only,
        **problem(q, k, v),
        eps=0.0 if row_eps is not None else eps,
        row_eps=row_eps,
        SCALE=1 / half_range(q.dtype, head_dim),
        L1=normaliser == "l1",
        **tile.arguments(),
    )
    return total
