"""Arguments of the streaming kernels, under the names that the kernels use."""

import math
from importlib.util import find_spec
from typing import Any, NamedTuple

import torch
from torch import Tensor

from flashsign.units import eps_in_units

HAS_TRITON = find_spec("triton") is not None

MIN_BLOCK = 16
"""Smallest extent of a tile that the matrix units accept."""

MAX_WIDTH = 256
"""Largest number of features of a head whose tiles fit on the chip."""


class Strided(NamedTuple):
    """A tensor with its strides, so that kernels read any layout in place."""

    data: Tensor
    strides: tuple[int, ...]

    @classmethod
    def of(cls, t: Tensor | None) -> "Strided | None":
        """Return `t` for a kernel; None, which a kernel compiles away, for None."""
        return None if t is None else cls(t, t.stride())


class Options(NamedTuple):
    """The optional tensors of spherical attention, or for a kernel the same as `Strided`."""

    bias: Any
    """(H, N, M) of any float dtype, added to the scores."""
    key_mask: Any
    """Bool (B, M), True keeps the key."""
    self_index: Any
    """(N,) contiguous: the key that query i leaves out; -1 for none."""
    gate: Any
    """(N, M) or (H, N, M) of any float dtype, multiplies the scores."""

    def strided(self) -> "Options":
        """Return the options as kernels take them; a mask of bytes, which every chip can load."""
        mask = None if self.key_mask is None else self.key_mask.view(torch.uint8)
        gate = Strided.of(self.gate)
        if gate is not None and len(gate.strides) == 2:
            gate = gate._replace(strides=(0, *gate.strides))  # every head reads the same pairs
        own = None if self.self_index is None else self.self_index.contiguous()
        return Options(Strided.of(self.bias), Strided.of(mask), own, gate)


def row_eps(eps: float, exponent: Tensor | None, normaliser: str = "l2") -> float | Tensor:
    """Return ε as kernels take it: one number, or in units float32 (B, H, N), contiguous."""
    own = eps_in_units(eps, exponent, normaliser)
    return own.float().contiguous() if isinstance(own, Tensor) else own


def problem(q: Tensor, k: Tensor, v: Tensor | None) -> dict[str, Any]:
    """Return the sizes of a problem, and how its tiles are padded and multiplied."""
    head_dim, value_dim = q.shape[3], MIN_BLOCK if v is None else v.shape[3]
    return {
        "n_heads": q.shape[1],
        "N": q.shape[2],
        "M": k.shape[2],
        "HEAD_DIM": head_dim,
        "VALUE_DIM": value_dim,
        "BLOCK_D": padded(head_dim),
        "BLOCK_E": padded(value_dim),
        "PRECISION": precision(max(padded(head_dim), padded(value_dim))),
    }


def padded(width: int) -> int:
    """Return the number of features of a tile: the next power of two, at least MIN_BLOCK."""
    return max(MIN_BLOCK, 1 << (width - 1).bit_length())


def precision(width: int) -> str:
    """Return how float32 tiles are multiplied: in tf32 if torch may use it for matrices.

    Tiles of more than 128 features stay with IEEE arithmetic, since the operands of the matrix
    units would not fit the registers.
    """
    allowed = torch.backends.cuda.matmul.fp32_precision == "tf32"
    return "tf32" if allowed and width <= 128 else "ieee"


def half_range(dtype: torch.dtype, n_terms: int) -> float:
    """Return the power of two by which float16 has to scale sums of `n_terms` unit products.

    Between matrix products, tiles are rounded to the dtype of the inputs. Only float16 has so few
    exponents that scores of many features may overflow in it, and their gradients vanish.
    """
    return 2.0 ** round(math.log2(n_terms) / 2) if dtype == torch.float16 else 1.0


def empty_like_queries(q: Tensor, v: Tensor) -> Tensor:
    """Return an empty o (B, H, N, d_v), laid out as q is where q is (b, n, h, d) in memory."""
    batch, n_heads, n_queries, _ = q.shape
    if q.transpose(1, 2).is_contiguous():
        return v.new_empty(batch, n_queries, n_heads, v.shape[3]).transpose(1, 2)
    return v.new_empty(batch, n_heads, n_queries, v.shape[3])
