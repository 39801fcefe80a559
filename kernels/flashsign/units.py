"""Powers of two that keep scores, and the sums of their squares, within the range of a dtype.

A common scale of q and k cancels in the weights of l2 and l1, but Σ s² leaves the range of float32
if scores reach 1e19 or 1e-23. Rows of such scores are computed as s / 2ᵉ, which changes no digit:
every step is homogeneous, and dividing by a power of two does not round.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import _get_current_dispatch_mode

WIDE = 20
"""Largest elements of a query and of the keys between 2^-WIDE and 2^WIDE stay as they are. With
2^(2 WIDE) for scores, Σ s² over 2⁸ features and 2²⁰ keys is at most 2¹¹⁶, of float32's 2¹²⁷."""

_LARGEST = 1000
"""Largest exponent of a unit: 2^±1000 are normal numbers of float64, whose exponents end at 1023
and -1022, so that every step by a factor is exact."""


class InUnits(NamedTuple):
    """q, k and bias whose scores are the original ones divided by 2^exponent."""

    q: Tensor
    k: Tensor
    bias: Tensor | None
    exponent: Tensor | None
    """Int64 (B or 1, H, N); None stands for zeros."""


def in_units(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    eps: float,
    normaliser: str,
) -> InUnits:
    """Return the arguments that make scores in units of a power of two, one for each query.

    The unit is 1 where scores are in range already. Elements of a batch that share a bias share
    the unit too.
    """
    unchanged = InUnits(q, k, bias, None)
    # float16 inputs make no scores beyond float32; the scale of softmax scores does not cancel.
    narrow = bias is None and q.dtype == k.dtype == torch.float16
    if normaliser == "softmax" or narrow or q.device.type == "mps":  # which lacks float64
        return unchanged
    if 0 in (len(q), len(k)):  # an empty batch has no largest element
        return unchanged
    if readable(q) and q.device.type == "cpu" and _in_range(q, k, bias, eps):
        return unchanged
    query = q.detach().abs().amax(-1)
    key = k.detach().abs().amax(-1)
    if key_mask is not None:  # masked keys may hold any value, also NaN
        key = torch.where(key_mask[:, None], key, 0.0)
    key = key.amax(-1, keepdim=True)
    if bias is not None:
        query, key = query.amax(0, keepdim=True), key.amax(0, keepdim=True)
    query_shift, key_shift = _exponents(query, key, bias, eps, normaliser)
    if bias is not None:
        shift = (query_shift + key_shift)[0, ..., None]
        wide = torch.promote_types(bias.dtype, torch.float32)
        bias = _divide(bias.to(wide), shift)
    q, k = _divide(q, query_shift[..., None]), _divide(k, key_shift[..., None])
    return InUnits(q, k, bias, query_shift + key_shift)


def _exponents(
    query: Tensor, key: Tensor, bias: Tensor | None, eps: float, normaliser: str
) -> tuple[Tensor, Tensor]:
    """Return the exponents by which queries (B, H, N) and keys (B, H, 1) are divided."""
    has_query, query_size = _size(query)
    has_key, key_size = _size(key)
    query_shift, key_shift = (s - s.clamp(-WIDE, WIDE) for s in (query_size, key_size))
    if bias is not None:
        has_bias, bias_size = _size(bias.detach().abs().amax(-1)[None])
        bias_size = bias_size - key_shift
        too_large = (bias_size - query_shift - 2 * WIDE).clamp(min=0)
        query_shift = query_shift + torch.where(has_bias, too_large, 0)
        none = torch.full_like(query_shift, -4 * _LARGEST)
        product = query_size + key_size - key_shift
        score = torch.maximum(
            torch.where(has_bias, bias_size, none),
            torch.where(has_query & has_key, product, none),
        )
        too_small = (score - query_shift + 2 * WIDE).clamp(max=0)
        query_shift = query_shift + torch.where(score > none, too_small, 0)
    if eps > 0.0:
        # Scores far below √ε are not scaled up: ε keeps the sum in range, and has to stay there.
        least = min(0, math.ceil(math.log2(eps) / (2 if normaliser == "l2" else 1)))
        query_shift = query_shift + (least - query_shift - key_shift).clamp(min=0)
    return query_shift.clamp(-_LARGEST, _LARGEST), key_shift.clamp(-_LARGEST, _LARGEST)


def eps_in_units(eps: float, exponent: Tensor | None, normaliser: str) -> float | Tensor:
    """Return ε in the units of each row, float64 of the shape of `exponent`: ε / 4ᵉ, l1 ε / 2ᵉ."""
    if exponent is None:
        return eps
    power = exponent if normaliser == "l1" else 2 * exponent
    return times_power(torch.full_like(exponent, eps, dtype=torch.float64), -power)


def times_power(t: Tensor, exponent: Tensor) -> Tensor:
    """Return t · 2^exponent, exactly, in the dtype of `t`."""
    # In two steps, as 2^exponent may be out of range although the result is not.
    half = exponent.div(2, rounding_mode="floor")
    wide = t.double() * _power(half) * _power(exponent - half)
    return wide.to(t.dtype)


def readable(t: Tensor) -> bool:
    """Return whether the values of `t` can be read: not in a graph, a transform or on meta."""
    if torch.compiler.is_compiling():
        return False
    if torch._C._are_functorch_transforms_active() or _get_current_dispatch_mode() is not None:
        return False  # tracing without the compiler uses a dispatch mode
    return t.device.type != "meta" and type(t) in (Tensor, torch.nn.Parameter)


def _in_range(q: Tensor, k: Tensor, bias: Tensor | None, eps: float) -> bool:
    """Return whether every unit is 1; a cheap test unless scores are tiny compared with ε."""
    limits = [(q, WIDE), (k, WIDE)] + ([] if bias is None else [(bias, 2 * WIDE)])
    for t, limit in limits:
        low, high = (float(x) for x in t.detach().aminmax())
        if not max(-low, high) <= 2.0**limit:  # nor for NaN
            return False
    if eps >= 2.0 ** (-4 * WIDE):  # ε keeps Σ s² + ε in range, however small the scores are
        return True
    sizes = [(q.detach().abs().amax(-1), WIDE), (k.detach().abs().amax((-2, -1)), WIDE)]
    if bias is not None:
        sizes.append((bias.detach().abs().amax(-1), 2 * WIDE))
    return all(bool(((t == 0) | (t >= 2.0**-limit)).all()) for t, limit in sizes)


def _size(t: Tensor) -> tuple[Tensor, Tensor]:
    """Return whether `t` ≥ 0 is positive and finite, and ⌈log₂ t⌉ or one more, 0 where not."""
    has_size = (t > 0) & t.isfinite()
    # From the bits, as torch.frexp does not compile for vector units; subnormals count as 2^-1022.
    exponent = (torch.where(has_size, t, 1.0).double().view(torch.int64) >> 52) - 1022
    return has_size, torch.where(has_size, exponent, 0)


def _divide(t: Tensor, exponent: Tensor) -> Tensor:
    return times_power(t, -exponent)


def _power(exponent: Tensor) -> Tensor:
    """Return 2^exponent in float64, from its bits: a library's power may be off by a digit."""
    return ((exponent.clamp(-1022, 1023) + 1023) << 52).view(torch.float64)
