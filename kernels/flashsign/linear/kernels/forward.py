"""The linear-time forward pass on the matrix units, for half precision; README eq. (7)–(8).

The sums of a head are held to ROUNDING of what is summed, not of what is left. With
T_i = Σ_a q_ia² G_aa, the size of ‖s_i‖² if the features of the keys did not cancel, the error of
‖s_i‖² is ROUNDING · T_i, and of column b of the numerator ROUNDING · √(T_i max_a KV_ab² / G_aa)
(root mean square over roundings). A row where either is more than half the rounding unit u of the
output is flagged: where

    ‖s_i‖² < (ROUNDING / u) T_i,   or   2 ROUNDING r_i √(T_i Σ_b max_a KV_ab² / G_aa) > u |o_i|.

Flagged rows are computed again by the streaming kernels, which sum scores, not their parts.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from flashsign.linear.kernels.state import State, key_state, load_rows, over_unit, row_units
from flashsign.streaming import forward as streaming_forward
from flashsign.streaming.arguments import Options, Strided, padded
from flashsign.streaming.tiles import (
    inverse_norm,
    load_eps,
    load_own,
    load_tokens,
    row_pointers,
    split_program,
    store_tokens,
)

ROUNDING = 2.0**-21
"""Relative rounding of a float32 sum over a share of tokens, and of its two float16 parts."""


class Saved(NamedTuple):
    """Results of the forward pass that the backward pass needs."""

    parts: Tensor
    """[G | KV], `State.parts`."""
    units: Tensor
    """`State.units`."""
    r: Tensor
    """Float32 (B, H, N): 1/√(Σ s² + ε), 0 for flagged rows."""
    flag: Tensor
    """Uint8 (B, H, N), 1 for the rows left to the streaming kernels."""


class LaunchShape(NamedTuple):
    """Launch configuration of the kernels that multiply tokens by a state."""

    rows: int
    """Tokens of a program."""
    chunk: int
    """Rows of a state in shared memory at a time."""
    num_warps: int

    @classmethod
    def of(cls, width: int) -> "LaunchShape":
        """Return the tile for heads of `width` features, a power of two."""
        if width <= 64:
            return cls(128, 64, 8)
        return cls(64, 64, 8) if width == 128 else cls(32, 32, 8)

    def arguments(self) -> dict[str, int]:
        """Return the tile under the names of the kernels and of Triton."""
        sizes = {"BLOCK_N": self.rows, "CHUNK": self.chunk}
        return sizes | {"num_warps": self.num_warps, "num_stages": 2}


@triton.jit
def times_state(
    whole,
    t,
    unit,
    i_b,
    i_h,
    rows,
    keep,
    state,
    first,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    BLOCK: tl.constexpr,
    COLUMNS: tl.constexpr,
    STATE_WIDTH: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Return (t / unit) @ S[:, first : first + COLUMNS] for rows of `t`, in column units.

    `whole` is the tile of t, [ROWS, BLOCK]. S is taken CHUNK rows at a time, and t with it.
    """
    product = tl.zeros([ROWS, COLUMNS], tl.float32)
    columns = first + tl.arange(0, COLUMNS)
    # Within `over_unit` a row has 8 or 11 bits and fits float16. The trailing parts of S are added
    # up before the leading ones, as small terms lose fewer digits that way.
    if BLOCK <= CHUNK:
        pointers = state + tl.arange(0, BLOCK)[:, None] * STATE_WIDTH + columns
        left = over_unit(whole, unit).to(tl.float16)
        product = tl.dot(left, tl.load(pointers + BLOCK * STATE_WIDTH), product)
        product = tl.dot(left, tl.load(pointers), product)
    else:  # a wide S does not fit shared memory, and registers cannot be sliced: t is read again
        for start in range(0, BLOCK, CHUNK):
            pointers = state + (start + tl.arange(0, CHUNK))[:, None] * STATE_WIDTH + columns
            left = load_rows(t, i_b, i_h, rows, keep, start, ROWS, WIDTH, CHUNK)
            left = over_unit(left.to(tl.float32), unit).to(tl.float16)
            product = tl.dot(left, tl.load(pointers + BLOCK * STATE_WIDTH), product)
            product = tl.dot(left, tl.load(pointers), product)
    return product


@triton.jit
def output_kernel(
    q,
    k,
    v,
    self_index,
    parts,
    units,
    sizes,
    out,
    r,
    flag,
    n_heads,
    N,
    eps,
    row_eps,
    needed,
    HEAD_DIM: tl.constexpr,
    VALUE_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    BLOCK_N: tl.constexpr,
    CHUNK: tl.constexpr,
):
    """Write o, r and the flag of a block of queries; `needed` is 2 ROUNDING / u."""
    block, i_b, i_h = split_program(tl.cdiv(N, BLOCK_N), n_heads)
    start = block * BLOCK_N
    rows = start + tl.arange(0, BLOCK_N)
    inside = rows < N
    head = tl.cast(i_b, tl.int64) * n_heads + i_h
    WIDTH: tl.constexpr = BLOCK_D + BLOCK_E
    state = parts + head * (2 * BLOCK_D * WIDTH)
    d = head * WIDTH + tl.arange(0, BLOCK_D)
    e = head * WIDTH + BLOCK_D + tl.arange(0, BLOCK_E)
    q_tile = load_tokens(q, i_b, i_h, start, inside, BLOCK_N, HEAD_DIM, BLOCK_D).to(tl.float32)
    unit = row_units(q_tile)
    g = times_state(
        q_tile, q, unit, i_b, i_h, rows, inside, state, 0,
        BLOCK_N, HEAD_DIM, BLOCK_D, BLOCK_D, WIDTH, CHUNK,
    )  # fmt: skip
    g *= unit * tl.load(units + d)[None, :]
    total = tl.sum(g * q_tile, axis=1)
    spread = tl.sum(q_tile * q_tile * tl.load(sizes + d)[None, :], axis=1)
    rest = total
    if self_index is not None:
        own = load_own(self_index, start, N, BLOCK_N)
        k_tile = load_rows(k, i_b, i_h, own, own >= 0, 0, BLOCK_N, HEAD_DIM, BLOCK_D)
        own_score = tl.sum(q_tile * k_tile.to(tl.float32), axis=1)
        rest -= own_score * own_score
    eps = load_eps(eps, row_eps, i_b, i_h, n_heads, N, start, inside, BLOCK_N)
    r_tile = inverse_norm(tl.maximum(rest, 0.0), eps, False)  # rounding may leave less than 0
    o = times_state(
        q_tile, q, unit, i_b, i_h, rows, inside, state, BLOCK_D,
        BLOCK_N, HEAD_DIM, BLOCK_D, BLOCK_E, WIDTH, CHUNK,
    )  # fmt: skip
    o *= unit * tl.load(units + e)[None, :]
    if self_index is not None:
        v_tile = load_rows(v, i_b, i_h, own, own >= 0, 0, BLOCK_N, VALUE_DIM, BLOCK_E)
        o -= own_score[:, None] * v_tile.to(tl.float32)
    o *= r_tile[:, None]
    store_tokens(out, i_b, i_h, start, inside, o, VALUE_DIM)
    # The two tests of the module's docstring, the second one squared: needed = 2 ROUNDING / u.
    flagged = rest < 0.5 * needed * tl.maximum(total, spread)
    square = tl.where(flagged, 0.0, tl.sum(o * o, axis=1))
    # One small output among large ones needs no digits of its own.
    typical = tl.sum(square, axis=0) / tl.sum(inside.to(tl.float32), axis=0)
    error = (needed * r_tile) * (needed * r_tile) * spread * tl.sum(tl.load(sizes + e), axis=0)
    flagged = flagged | (error > tl.maximum(square, typical))
    r_tile = tl.where(flagged, 0.0, r_tile)
    tl.store(row_pointers(r, i_b, i_h, n_heads, N, start, BLOCK_N), r_tile, mask=inside)
    flag_pointers = row_pointers(flag, i_b, i_h, n_heads, N, start, BLOCK_N)
    tl.store(flag_pointers, flagged.to(tl.uint8), mask=inside)


def empty_saved(q: Tensor, v: Tensor) -> Saved:
    """Return what `forward` saves, of the right shapes and dtypes, not filled in."""
    heads, block_d = q.shape[:2], padded(q.shape[3])
    width = block_d + padded(v.shape[3])
    return Saved(
        q.new_empty(*heads, 2, block_d, width, dtype=torch.float16),
        q.new_empty(*heads, width, dtype=torch.float32),
        q.new_empty(q.shape[:3], dtype=torch.float32),
        q.new_empty(q.shape[:3], dtype=torch.uint8),
    )


def forward(
    q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None, eps: float | Tensor
) -> tuple[Tensor, Saved]:
    """Return o (B, H, N, d_v) for q (B, H, N, d), k (B, H, M, d) and v (B, H, M, d_v).

    All of one dtype, float16 or bfloat16, of one batch size and any strides, expanded ones too;
    d and d_v up to 256. `self_index` (N,) names the key that each query leaves out, -1 for none.
    `eps` is as
    `arguments.row_eps` returns it.
    """
    batch, n_heads, n_queries, head_dim = q.shape
    state: State = key_state(k, v)
    out = v.new_empty(*q.shape[:3], v.shape[3])
    r, flag = empty_saved(q, v)[2:]
    own = None if self_index is None else self_index.contiguous()
    block_d, block_e = padded(head_dim), padded(v.shape[3])
    tile = LaunchShape.of(max(block_d, block_e))
    output_kernel[(batch * n_heads * triton.cdiv(n_queries, tile.rows),)](
        Strided.of(q),
        Strided.of(k),
        Strided.of(v),
        own,
        *state,
        Strided.of(out),
        r,
        flag,
        n_heads,
        n_queries,
        0.0 if isinstance(eps, Tensor) else eps,
        eps if isinstance(eps, Tensor) else None,
        needed=4 * ROUNDING / torch.finfo(q.dtype).eps,
        HEAD_DIM=head_dim,
        VALUE_DIM=v.shape[3],
        BLOCK_D=block_d,
        BLOCK_E=block_e,
        **tile.arguments(),
    )
    options = Options(None, None, self_index, None)
    streaming_forward.forward(q, k, v, options, eps, out, flag)
    return out, Saved(state.parts, state.units, r, flag)
