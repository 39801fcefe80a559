"""The two small matrices of a head, summed over its tokens and handed on in two float16 parts.

[G | KV] of README eq. (7) is Σ_j k_j [k_j | v_j]ᵀ, and [M2 | M1] of eq. (11) is
Σ_i q_i [c_i q_i | r_i do_i]ᵀ: both are Σ x [f x | g y]ᵀ, (d, d + d_v). A program sums one share
of the tokens in float32; the shares are added up in float64.

The matrix units take float16 and bfloat16, of 11 and 8 bits. A sum is therefore handed on as a
column unit, a power of two, times two float16 numbers: 22 bits. What multiplies it, a row of
float16 or bfloat16, is exact in float16 as well once a power of two is taken out of the row.
"""

from typing import NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from flashsign.streaming.arguments import Strided, padded
from flashsign.streaming.tiles import split_program

TOKENS = 64
"""Tokens of a tile; half as many if sums fill the registers, twice as many if they are few."""
PROGRAMS = 512
"""Intended number of programs: a few for each of the 100 to 150 multiprocessors of a chip."""
LEAST_SHARE = 256
"""Smallest share of tokens of a program; with fewer, writing sums takes longer than reading."""
LARGEST_SHARE = 2048
"""Largest share of tokens of a program, up to which float32 sums keep 21 bits."""
LARGEST_SUM = 1 << 15
"""Largest number of sums of one program that fit the registers; half as many with factors."""
COLUMNS = 16
"""Number of columns of one program of `reduce_kernel`: 64 bytes of float32, two sectors of memory.
This and the sizes above follow from registers and memory; none was chosen by time on a GPU."""


class State(NamedTuple):
    """The matrix [G | KV] or [M2 | M1] of every head, padded with zeros to D × (D + E)."""

    parts: Tensor
    """Float16 (B, H, 2, D, D + E): the leading and the trailing part, in column units."""
    units: Tensor
    """Float32 (B, H, D + E), powers of two."""
    sizes: Tensor | None
    """Float32 (B, H, D + E): max_a S_ab² / S_aa, which is G_bb in the columns of G."""


@triton.jit
def load_rows(
    t, i_b, i_h, rows, keep, first, ROWS: tl.constexpr, WIDTH: tl.constexpr, COLUMNS: tl.constexpr
):
    """Return columns first … first + COLUMNS of tokens `rows` [ROWS], 0 where not `keep`."""
    columns = first + tl.arange(0, COLUMNS)
    origin = t.data + tl.cast(i_b, tl.int64) * t.strides[0] + tl.cast(i_h, tl.int64) * t.strides[1]
    pointers = origin + (rows.to(tl.int64) * t.strides[2])[:, None] + columns * t.strides[3]
    return tl.load(pointers, mask=keep[:, None] & (columns < WIDTH)[None, :], other=0.0)


@triton.jit
def power_of_two(largest):
    """Return the unit, a power of two, in which numbers up to `largest` are at most 2¹⁵."""
    exponent = largest.to(tl.int32, bitcast=True) & 0x7F800000  # leaves 2^⌊log₂ largest⌋
    # float16 ends at 65504 < 2¹⁶. At least 2⁻¹⁰⁰, so that a row of zeros has a unit to divide by.
    return tl.maximum(exponent.to(tl.float32, bitcast=True), 2.0**-100) * 2.0**-14


@triton.jit
def over_unit(tile, unit):
    """Return tile / unit, exactly, for a `unit` that is a power of two."""
    # 2ᵉ has no mantissa: subtracting the bits negates its exponent, without a division.
    inverse = (0x7F000000 - unit.to(tl.int32, bitcast=True)).to(tl.float32, bitcast=True)
    return tile * inverse


@triton.jit
def row_units(tile):
    """Return the unit of each row of a float32 tile, [ROWS, 1]."""
    return power_of_two(tl.max(tl.abs(tile), axis=1))[:, None]


@triton.jit
def in_two(tile, unit):
    """Return the two float16 parts of a float32 tile in `unit`."""
    scaled = over_unit(tile, unit)
    leading = scaled.to(tl.float16)
    return leading, (scaled - leading.to(tl.float32)).to(tl.float16)


@triton.jit
def state_kernel(
    x,
    y,
    x_factor,
    y_factor,
    partial,
    n_heads,
    n_shares,
    N,
    share,
    X_DIM: tl.constexpr,
    Y_DIM: tl.constexpr,
    BLOCK_D: tl.constexpr,
    BLOCK_E: tl.constexpr,
    X_COLUMNS: tl.constexpr,
    Y_COLUMNS: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Write Σ x [f x | g y]ᵀ over one share of the tokens; factors of None are 1.

    X_COLUMNS and Y_COLUMNS, 0 for none, are those that this program sums of the two halves.
    """
    split, i_b, i_h = split_program(n_shares, n_heads)
    chunk = tl.program_id(1)
    if X_COLUMNS > 0:
        xx = tl.zeros([BLOCK_D, X_COLUMNS], tl.float32)
    if Y_COLUMNS > 0:
        xy = tl.zeros([BLOCK_D, Y_COLUMNS], tl.float32)
    factors = (tl.cast(i_b, tl.int64) * n_heads + i_h) * N
    end = tl.minimum((split + 1) * share, N)
    for start in range(split * share, end, BLOCK_N):
        rows = start + tl.arange(0, BLOCK_N)
        keep = rows < end
        x_tile = load_rows(x, i_b, i_h, rows, keep, 0, BLOCK_N, X_DIM, BLOCK_D)
        left, unit = x_tile, None
        if x_factor is not None:
            unit = row_units(x_tile.to(tl.float32))
            left = over_unit(x_tile.to(tl.float32), unit).to(tl.float16)
        left = tl.trans(left)  # [BLOCK_D, BLOCK_N]
        if X_COLUMNS > 0:
            if X_COLUMNS < BLOCK_D:  # a tile in registers cannot be sliced: read its columns
                first = chunk * X_COLUMNS
                x_tile = load_rows(x, i_b, i_h, rows, keep, first, BLOCK_N, X_DIM, X_COLUMNS)
            xx = _add_product(xx, left, x_tile, x_factor, unit, factors + rows, keep)
        if Y_COLUMNS > 0:
            first = chunk * Y_COLUMNS
            y_tile = load_rows(y, i_b, i_h, rows, keep, first, BLOCK_N, Y_DIM, Y_COLUMNS)
            xy = _add_product(xy, left, y_tile, y_factor, unit, factors + rows, keep)
    if X_COLUMNS > 0:
        _store(partial, xx, chunk * X_COLUMNS, BLOCK_D, X_COLUMNS, BLOCK_D + BLOCK_E)
    if Y_COLUMNS > 0:
        _store(partial, xy, BLOCK_D + chunk * Y_COLUMNS, BLOCK_D, Y_COLUMNS, BLOCK_D + BLOCK_E)


@triton.jit
def _add_product(total, left, right, factor, unit, rows, keep):
    """Return total + left @ (factor · unit · right), the right side in two parts if scaled."""
    if factor is None:
        total = tl.dot(left, right, total)
    else:
        # A factor has 24 bits: its product with `right` takes two float16 parts. Their unit is one
        # for the tile, since the sum over tokens could not take a unit for each of them.
        scaled = right.to(tl.float32)
        scaled *= tl.load(factor + rows, mask=keep, other=0.0)[:, None] * unit
        tile_unit = power_of_two(tl.max(tl.max(tl.abs(scaled), axis=1), axis=0))
        leading, trailing = in_two(scaled, tile_unit)
        total += tl.dot(left, leading, tl.dot(left, trailing)) * tile_unit
    return total


@triton.jit
def _store(partial, tile, first, ROWS: tl.constexpr, COLUMNS: tl.constexpr, WIDTH: tl.constexpr):
    origin = partial + tl.program_id(0).to(tl.int64) * (ROWS * WIDTH) + first
    tl.store(origin + tl.arange(0, ROWS)[:, None] * WIDTH + tl.arange(0, COLUMNS), tile)


@triton.jit
def reduce_kernel(
    partial,
    parts,
    units,
    sizes,
    n_shares,
    BLOCK_D: tl.constexpr,
    WIDTH: tl.constexpr,
    COLUMNS: tl.constexpr,
):
    """Add up the shares of some columns of a head, and write them in two parts."""
    block, head = tl.program_id(0), tl.program_id(1).to(tl.int64)
    rows, columns = tl.arange(0, BLOCK_D), block * COLUMNS + tl.arange(0, COLUMNS)
    pairs = rows[:, None] * WIDTH + columns
    # In float64: the shares are the rounded part already, and adding them up adds no rounding.
    total = tl.zeros([BLOCK_D, COLUMNS], tl.float64)
    diagonal = tl.zeros([BLOCK_D], tl.float64)
    for split in range(n_shares):
        origin = partial + (head * n_shares + split) * (BLOCK_D * WIDTH)
        total += tl.load(origin + pairs).to(tl.float64)
        if sizes is not None:
            diagonal += tl.load(origin + rows * (WIDTH + 1)).to(tl.float64)
    unit = power_of_two(tl.max(tl.abs(total), axis=0).to(tl.float32))
    leading, trailing = in_two(total.to(tl.float32), unit[None, :])
    origin = parts + head * (2 * BLOCK_D * WIDTH)
    tl.store(origin + pairs, leading)
    tl.store(origin + BLOCK_D * WIDTH + pairs, trailing)
    tl.store(units + head * WIDTH + columns, unit)
    if sizes is not None:
        positive = (diagonal > 0.0)[:, None]
        shares = tl.where(
            positive, total * total / tl.where(positive, diagonal[:, None], 1.0), 0.0
        )
        tl.store(sizes + head * WIDTH + columns, tl.max(shares, axis=0).to(tl.float32))


def key_state(k: Tensor, v: Tensor) -> State:
    """Return [G | KV], README eq. (7), of k (B, H, M, d) and v (B, H, M, d_v), with sizes."""
    return _state(k, v, None, None)


def query_state(q: Tensor, do: Tensor, c: Tensor, r: Tensor) -> State:
    """Return [M2 | M1], README eq. (11); c and r are float32 (B, H, N), the others as k and v."""
    return _state(q, do, c, r)


def _state(x: Tensor, y: Tensor, x_factor: Tensor | None, y_factor: Tensor | None) -> State:
    batch, n_heads, n_tokens, x_dim = x.shape
    block_d, block_e = padded(x_dim), padded(y.shape[3])
    width = block_d + block_e
    share = tokens_per_program(n_tokens, batch * n_heads)
    n_shares = triton.cdiv(n_tokens, share)
    heads = batch, n_heads
    partial = x.new_empty(*heads, n_shares, block_d, width, dtype=torch.float32)
    largest = LARGEST_SUM if x_factor is None else LARGEST_SUM // 2
    tile = _tile(block_d, block_e, largest)
    jobs = [(block_d, block_e)]
    if block_d * width > largest:
        jobs = [(min(block_d, largest // block_d), 0), (0, min(block_e, largest // block_d))]
    for x_part, y_part in jobs:
        n_chunks = block_d // x_part if x_part else block_e // y_part
        state_kernel[(batch * n_heads * n_shares, n_chunks)](
            Strided.of(x),
            Strided.of(y),
            x_factor,
            y_factor,
            partial,
            n_heads,
            n_shares,
            n_tokens,
            share,
            X_DIM=x_dim,
            Y_DIM=y.shape[3],
            BLOCK_D=block_d,
            BLOCK_E=block_e,
            X_COLUMNS=x_part,
            Y_COLUMNS=y_part,
            **tile,
        )
    parts = x.new_empty(*heads, 2, block_d, width, dtype=torch.float16)
    units = x.new_empty(*heads, width, dtype=torch.float32)
    sizes = torch.empty_like(units) if x_factor is None else None
    reduce_kernel[(width // COLUMNS, batch * n_heads)](
        partial, parts, units, sizes, n_shares, BLOCK_D=block_d, WIDTH=width, COLUMNS=COLUMNS
    )
    return State(parts, units, sizes)


def _tile(block_d: int, block_e: int, largest: int) -> dict[str, int]:
    """Return the launch configuration of `state_kernel`, for which no chip spills registers."""
    n_sums = block_d * (block_d + block_e)
    tokens, num_warps = TOKENS, 8 if 2 * n_sums >= largest else 4
    if n_sums > LARGEST_SUM // 4 or block_e > 128:
        tokens, num_warps = TOKENS // 2, 8
    elif n_sums < 1024:
        tokens, num_warps = TOKENS * 2, 8
    return {"BLOCK_N": tokens, "num_warps": num_warps, "num_stages": 3}


def tokens_per_program(n_tokens: int, n_heads: int) -> int:
    """Return the tokens of one program, by the shape alone, so that every chip sums alike."""
    even: int = triton.cdiv(n_tokens * n_heads, PROGRAMS * TOKENS) * TOKENS
    return min(max(even, LEAST_SHARE), LARGEST_SHARE)
