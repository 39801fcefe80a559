"""Helpers of all streaming kernels: loading tiles, completing scores, normalising rows.

Letters are those of `README.md`: N queries, M keys. Offsets inside a tile are int32 and do not
change from tile to tile; the start of a tile is int64, so tensors may have over 2³¹ elements.
A row, key or pair that is masked or outside of the tensor is loaded as 0. By eq. (1) its score is
then 0, and by eq. (5) so is its gradient, so no kernel has to mask a product.
"""

import triton
import triton.language as tl


@triton.jit
def split_program(n_blocks, n_heads):
    """Return block, batch element and head of this program; blocks of a head are neighbours."""
    # Neighbouring programs run at the same time, and then share keys and values in the L2 cache.
    program = tl.program_id(0)
    head = program // n_blocks
    return program % n_blocks, head // n_heads, head % n_heads


@triton.jit
def load_tokens(
    t, i_b, i_h, start, keep, ROWS: tl.constexpr, WIDTH: tl.constexpr, BLOCK: tl.constexpr
):
    """Return tokens start … start + ROWS of a head, [ROWS, BLOCK]; 0 where not `keep` [ROWS].

    `t` is a (B, H, tokens, WIDTH) `Strided`; BLOCK is WIDTH rounded up to a power of two.
    """
    columns = tl.arange(0, BLOCK)
    inside = keep[:, None]
    if BLOCK > WIDTH:  # known to the compiler: heads of a power of two need no column mask
        inside = inside & (columns < WIDTH)[None, :]
    return tl.load(_token_pointers(t, i_b, i_h, start, ROWS, BLOCK), mask=inside, other=0.0)


@triton.jit
def store_tokens(t, i_b, i_h, start, keep, tile, WIDTH: tl.constexpr):
    """Write `tile` [ROWS, BLOCK] where `load_tokens` would read it."""
    inside = keep[:, None] & (tl.arange(0, tile.shape[1]) < WIDTH)[None, :]
    pointers = _token_pointers(t, i_b, i_h, start, tile.shape[0], tile.shape[1])
    tl.store(pointers, tile.to(t.data.dtype.element_ty), mask=inside)


@triton.jit
def _token_pointers(t, i_b, i_h, start, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    origin = t.data + tl.cast(i_b, tl.int64) * t.strides[0] + tl.cast(i_h, tl.int64) * t.strides[1]
    origin += tl.cast(start, tl.int64) * t.strides[2]
    rows = tl.arange(0, ROWS)[:, None]
    return origin + (rows * t.strides[2] + tl.arange(0, BLOCK)[None, :] * t.strides[3])


@triton.jit
def row_pointers(t, i_b, i_h, n_heads, N, start, ROWS: tl.constexpr):
    """Return pointers to one number a query, in a contiguous (B, H, N) tensor; [ROWS]."""
    return t + (tl.cast(i_b, tl.int64) * n_heads + i_h) * N + start + tl.arange(0, ROWS)


@triton.jit
def load_keep(key_mask, i_b, start, M, ROWS: tl.constexpr):
    """Return which keys start … start + ROWS exist and are not masked, [ROWS]."""
    rows = start + tl.arange(0, ROWS)
    keep = rows < M
    if key_mask is not None:
        origin = key_mask.data + tl.cast(i_b, tl.int64) * key_mask.strides[0]
        keep = keep & (tl.load(origin + rows * key_mask.strides[1], mask=keep, other=0) != 0)
    return keep


@triton.jit
def load_only(only, i_b, i_h, n_heads, N, start, ROWS: tl.constexpr):
    """Return which queries start … start + ROWS exist and are flagged in (B, H, N), [ROWS]."""
    inside = start + tl.arange(0, ROWS) < N
    pointers = row_pointers(only, i_b, i_h, n_heads, N, start, ROWS)
    return tl.load(pointers, mask=inside, other=0) != 0


@triton.jit
def load_own(self_index, start, N, ROWS: tl.constexpr):
    """Return the key that queries start … start + ROWS leave out, [ROWS]; -1 for none."""
    own = tl.full([ROWS], -1, tl.int32)
    if self_index is not None:
        rows = start + tl.arange(0, ROWS)
        own = tl.load(self_index + rows, mask=rows < N, other=-1).to(tl.int32)
    return own


@triton.jit
def add_bias(s, bias, i_h, start_n, start_m, i_n, i_m, inside):
    """Return s + b for a tile of scores `s` of head i_h; i_n and i_m broadcast to its shape."""
    if bias is not None:
        pointers = pair_pointers(bias, i_h, start_n, start_m, i_n, i_m)
        s += tl.load(pointers, mask=inside, other=0.0).to(tl.float32)
    return s


@triton.jit
def pair_factor(optional, own, i_h, start_n, start_m, i_n, i_m, inside):
    """Return m of eq. (1) without the key mask: the gate, and 0 for a query's pair with itself.

    Without either it is the number 1, which the compiler folds away.
    """
    m = 1.0
    if optional.gate is not None:
        pointers = pair_pointers(optional.gate, i_h, start_n, start_m, i_n, i_m)
        m = tl.load(pointers, mask=inside, other=0.0).to(tl.float32)
    if optional.self_index is not None:
        m = tl.where(start_m + i_m == own, 0.0, m)
    return m


@triton.jit
def pair_pointers(t, i_h, start_n, start_m, i_n, i_m):
    """Return pointers to a tile of pairs of head i_h of a (H, N, M) `Strided`."""
    origin = t.data + tl.cast(i_h, tl.int64) * t.strides[0]
    origin += tl.cast(start_n, tl.int64) * t.strides[1]
    origin += tl.cast(start_m, tl.int64) * t.strides[2]
    return origin + (i_n * t.strides[1] + i_m * t.strides[2])


@triton.jit
def load_eps(eps, row_eps, i_b, i_h, n_heads, N, start, inside, ROWS: tl.constexpr):
    """Return ε of queries start … start + ROWS, [ROWS]: `row_eps` if each has its own."""
    if row_eps is not None:
        pointers = row_pointers(row_eps, i_b, i_h, n_heads, N, start, ROWS)
        eps = tl.load(pointers, mask=inside, other=0.0)
    return eps


@triton.jit
def summand(s, L1: tl.constexpr):
    """Return what a score adds to the sum of its row: s², or |s| for L1."""
    return tl.abs(s) if L1 else s * s


@triton.jit
def inverse_norm(total, eps, L1: tl.constexpr):
    """Return eq. (2), 1/√(Σ s² + ε), or for L1 eq. (15), 1/(Σ |s| + ε), rounded correctly.

    0 where the root or the sum is 0.
    """
    shifted = total + eps
    positive = shifted > 0.0
    norm = tl.where(positive, shifted, 1.0)
    # One factor multiplies all weights of a row, so its error would not average out over keys:
    # the chip's fast square root and division are not exact enough.
    if not L1:
        norm = tl.sqrt_rn(norm)
    return tl.where(positive, tl.div_rn(1.0, norm), 0.0)


@triton.jit
def direction(w, L1: tl.constexpr):
    """Return the gradient of the row norm in the direction of a score: w, or sgn w for L1."""
    if L1:
        return (w > 0.0).to(tl.float32) - (w < 0.0).to(tl.float32)
    return w
