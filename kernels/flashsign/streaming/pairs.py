"""Results of one number per pair, summed over the batch: the gradient of the bias, and the map.

A program owns a tile of pairs of one head and walks over the batch, so nothing else of size N × M
is in memory and the sums have one order.
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
    b_db = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    for i_b in range(batch):
        keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
        inside = inside_n[:, None] & keep[None, :]
        b_q = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
        b_k = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
        b_do = load_tokens(do, i_b, i_h, start_n, inside_n, BLOCK_N, VALUE_DIM, BLOCK_E)
        b_v = load_tokens(v, i_b, i_h, start_m, keep, BLOCK_M, VALUE_DIM, BLOCK_E)
        p_r = row_pointers(r, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        p_d = row_pointers(projection, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        b_r = tl.load(p_r, mask=inside_n, other=0.0)[:, None]
        along = tl.load(p_d, mask=inside_n, other=0.0)[:, None]
        if not L1:
            along = b_r * along
        s = tl.dot(b_q, tl.trans(b_k), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        s = add_bias(s, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
        m = pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
        x = tl.dot(b_do, tl.trans(b_v), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        b_db += (x - along * direction(s * m, L1)) * (b_r * m)
    exists = inside_n[:, None] & (start_m + i_m < M)
    pointers = pair_pointers(dbias, i_h, start_n, start_m, i_n, i_m)
    tl.store(pointers, b_db.to(dbias.data.dtype.element_ty), mask=exists)


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
    b_mean = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    b_abs = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    b_square = tl.zeros([BLOCK_N, BLOCK_M], tl.float32)
    for i_b in range(batch):
        keep = load_keep(optional.key_mask, i_b, start_m, M, BLOCK_M)
        inside = inside_n[:, None] & keep[None, :]
        b_q = load_tokens(q, i_b, i_h, start_n, inside_n, BLOCK_N, HEAD_DIM, BLOCK_D)
        b_k = load_tokens(k, i_b, i_h, start_m, keep, BLOCK_M, HEAD_DIM, BLOCK_D)
        p_total = row_pointers(total, i_b, i_h, n_heads, N, start_n, BLOCK_N)
        row = load_eps(eps, row_eps, i_b, i_h, n_heads, N, start_n, inside_n, BLOCK_N)
        r = inverse_norm(tl.load(p_total, mask=inside_n, other=0.0), row, L1)
        w = tl.dot(b_q, tl.trans(b_k), input_precision=PRECISION)  # [BLOCK_N, BLOCK_M]
        w = add_bias(w, optional.bias, i_h, start_n, start_m, i_n, i_m, inside)
        w *= r[:, None] * pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside)
        b_mean += w
        b_abs += tl.abs(w)
        b_square += w * w
    exists = inside_n[:, None] & (start_m + i_m < M)
    tl.store(pair_pointers(mean, i_h, start_n, start_m, i_n, i_m), b_mean / batch, mask=exists)
    tl.store(pair_pointers(abs_mean, i_h, start_n, start_m, i_n, i_m), b_abs / batch, mask=exists)
    tl.store(
        pair_pointers(square_mean, i_h, start_n, start_m, i_n, i_m), b_square / batch, mask=exists
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
