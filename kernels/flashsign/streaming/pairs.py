"""Computes sums over the batch for every pair: the gradient of the bias, and the map.

A program computes a tile of pairs of one head and loops over the batch, so nothing else of size
N × M is in memory and the sums have one order.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from flashsign.reference import SphericalAttentionMap
from flashsign.streaming import configs
from flashsign.streaming.arguments import Options, Strided, problem
from flashsign.streaming.forward import forward
from flashsign.streaming.tiles import (
    add_bias,
    direction,
    inverse_norm,
    load_eps,
    load_keep,
    load_own,
    load_tokens,
    pair_factor,
    pair_pointers,
    row_pointers,
    split_program,
)
from flashsign.units import times_power


@triton.jit
def bias_kernel(
    q,
    k,
    v,
    optional,
    do,
    r,
    projection,
    dbias,
    batch,
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
    """Write db_ij = Σ_batch r_i x_ij for a tile of pairs, README eq. (5)–(6)."""
    block_m, i_h, block_n = split_program(tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N))
    start_n = block_n * BLOCK_N
    start_m = block_m * BLOCK_M
    i_n = tl.arange(0, BLOCK_N)[:, None]
    i_m = tl.arange(0, BLOCK_M)[None, :]
    inside_n = start_n + tl.arange(0, BLOCK_N) < N
    own = load_own(optional.self_index, start_n, N, BLOCK_N)[:, None]
    dbias_tile = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    # The batch shares the bias. One program sums over it instead of adding atomically, so that the
    # terms have a fixed order and every run gives the same bits.
    for i_b in range(batch):
        keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
        inside = inside_n[:, None] & keep[None, :]
        q_tile = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
        k_tile = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
        do_tile = load_tokens(do, i_b, i_h, start_n, inside_n, BLOCK_N, VALUE_DIM, BLOCK_E)
        v_tile = load_tokens(v, i_b, i_h, start_m, keep, BLOCK_M, VALUE_DIM, BLOCK_E)
        r_pointers = row_pointers(r, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        projection_pointers = row_pointers(projection, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        r_tile = tl.load(r_pointers, mask=inside_n, other=0.0)[:, None]
        along = tl.load(projection_pointers, mask=inside_n, other=0.0)[:, None]
        if not L1:
            along = r_tile * along
        s = tl.dot(q_tile, tl.trans(k_tile), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        s = add_bias(s, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
        m = pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
        x = tl.dot(do_tile, tl.trans(v_tile), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        dbias_tile += (x - along * direction(s * m, L1)) * (r_tile * m)
    exists = inside_n[:, None] & (start_m + i_m < M)
    pointers = pair_pointers(dbias, i_h, start_n, start_m, i_n, i_m)
    tl.store(pointers, dbias_tile.to(dbias.data.dtype.element_ty), mask=exists)


@triton.jit
def map_kernel(
    q,
    k,
    optional,
    total,
    mean,
    abs_mean,
    square_mean,
    batch,
    n_heads,
    N,
    M,
    eps,
    row_eps,
    L1: tl.constexpr,
    PRECISION: tl.constexpr,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_M: tl.constexpr,
):
    """Write the batch means of w, |w| and w² for a tile of pairs, README eq. (4)."""
    block_m, i_h, block_n = split_program(tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N))
    start_n = block_n * BLOCK_N
    start_m = block_m * BLOCK_M
    i_n = tl.arange(0, BLOCK_N)[:, None]
    i_m = tl.arange(0, BLOCK_M)[None, :]
    inside_n = start_n + tl.arange(0, BLOCK_N) < N
    own = load_own(optional.self_index, start_n, N, BLOCK_N)[:, None]
    mean_tile = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    abs_tile = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    square_tile = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    # The means are summed over the batch in registers: no map of a single element is ever stored.
    for i_b in range(batch):
        keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
        inside = inside_n[:, None] & keep[None, :]
        q_tile = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
        k_tile = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
        total_pointers = row_pointers(total, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        row = load_eps(eps, row_eps, i_b, i_h, n_heads, N, start_n, inside_n, BLOCK_N)
        r = inverse_norm(tl.load(total_pointers, mask=inside_n, other=0.0), row, L1)
        w = tl.dot(q_tile, tl.trans(k_tile), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        w = add_bias(w, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
        w *= r[:, None] * pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
        mean_tile += w
        abs_tile += tl.abs(w)
        square_tile += w * w
    # Masked keys have means of 0, which are written too; only tokens beyond N and M are not.
    exists = inside_n[:, None] & (start_m + i_m < M)
    tl.store(pair_pointers(mean, i_h, start_n, start_m, i_n, i_m), mean_tile / batch, mask=exists)
    tl.store(
        pair_pointers(abs_mean, i_h, start_n, start_m, i_n, i_m), abs_tile / batch, mask=exists
    )
    tl.store(
        pair_pointers(square_mean, i_h, start_n, start_m, i_n, i_m),
        square_tile / batch,
        mask=exists,
    )


def bias_gradient(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: Options,
    do: Tensor,
    r: Tensor,
    projection: Tensor,
    normaliser: str,
) -> Tensor:
    """Return the gradient of the bias, (H, N, M) in its dtype; arguments as in `gradients`."""
    n_heads, n_queries, n_keys = q.shape[1], q.shape[2], k.shape[2]
    dbias = torch.empty_like(options.bias)
    tile = configs.tile("bias", q, v, options)
    n_tiles = triton.cdiv(n_queries, tile.block_n) * triton.cdiv(n_keys, tile.block_m)
    bias_kernel[(n_heads * n_tiles,)](
        Strided.of(q),
        Strided.of(k),
        Strided.of(v),
        options.strided(),
        Strided.of(do),
        r,
        projection,
        Strided.of(dbias),
        len(q),
        L1=normaliser == "l1",
        **problem(q, k, v),
        **tile.arguments(),
    )
    return dbias


def write_means(
    means: SphericalAttentionMap,
    q: Tensor,
    k: Tensor,
    options: Options,
    eps: float | Tensor,
    normaliser: str,
    exponent: Tensor | None = None,
) -> None:
    """Fill in the means of README eq. (4); q (B, H, N, d) and k (B, H, M, d) have one dtype."""
    batch, n_heads, n_queries, _ = q.shape
    n_keys = k.shape[2]
    total = forward(q, k, None, options, eps, None, normaliser=normaliser)
    norm = total if normaliser == "l1" else total.sqrt()
    if exponent is not None:
        norm = times_power(norm, exponent)
    torch.mean(norm, dim=0, out=means.row_norm_mean)
    tile = configs.tile("map", q, None, options)
    n_tiles = triton.cdiv(n_queries, tile.block_n) * triton.cdiv(n_keys, tile.block_m)
    map_kernel[(n_heads * n_tiles,)](
        Strided.of(q),
        Strided.of(k),
        options.strided(),
        total,
        *(Strided.of(mean) for mean in means[:3]),
        batch,
        eps=0.0 if isinstance(eps, Tensor) else eps,
        row_eps=eps if isinstance(eps, Tensor) else None,
        L1=normaliser == "l1",
        **problem(q, k, None),
        **tile.arguments(),
    )
