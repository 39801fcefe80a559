"""Chooses the implementation of a call: the requested one, or the fastest that serves it."""

import os
from typing import get_args

import torch
from torch import Tensor

from flashsign.batches import batch_size
from flashsign.reference import Normaliser, autocast_dtype
from flashsign.streaming.arguments import HAS_TRITON, MAX_WIDTH

FEW_PAIRS = 192**2
"""Number of pairs of a head up to which the reference is faster than gram on a CPU."""

FEW_SCORES = 1 << 22
"""Number of scores of all elements and heads, 16 MiB in float32, that the reference may hold at
once if a head has FEW_PAIRS: blocks take heads one by one, which is slower than it is worth."""

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
"""Whether Triton runs kernels on CPU tensors, slowly; it reads the variable once, at import."""


def choose_method(
    method: str,
    normaliser: str,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    gate: Tensor | None,
) -> str:
    """Return the implementation of attention: "gram", "streaming" or "reference".

    ``"auto"`` is gram if it is linear or one map serves the whole batch, except that on a CPU the
    reference is faster up to FEW_PAIRS. Scores that have to be formed pair by pair are computed by
    the streaming kernel if it serves them on a GPU; else by the reference if they are few or the
    gate has a gradient; else by the blocks of rows of gram.

    Raises
    ------
    ValueError
        An unknown method or normaliser, or a method that cannot serve these arguments.
    """
    if method != "auto":
        linear_form = bias is not None or normaliser == "l2"
        return _check_method(method, normaliser, q, v, gate, has_gram=linear_form)
    _check_normaliser(normaliser)
    shared = len(v) > 1 and all(len(t) == 1 for t in (q, k, key_mask) if t is not None)
    small = not shared and _few_pairs(q, k)
    if gate is None and normaliser == "l2" and bias is None:
        return "reference" if small else "gram"
    if gate is None and shared:
        return "gram"
    if q.is_cuda and not _streaming_refuses(normaliser, q, v, gate):
        return "streaming"
    if gate is not None and gate.requires_grad:
        return "reference"
    return "reference" if small and _n_scores(q, k, v, key_mask) <= FEW_SCORES else "gram"


def choose_map_method(
    method: str,
    normaliser: str,
    q: Tensor,
    k: Tensor,
    key_mask: Tensor | None,
    gate: Tensor | None,
) -> str:
    """Return the implementation of the map: "gram" (blocks of rows), "streaming", "reference".

    ``"auto"`` is the streaming kernel on a GPU if it serves the arguments; on a CPU it is the
    reference up to FEW_SCORES, and else gram.

    Raises
    ------
    ValueError
        As `choose_method`.
    """
    if method != "auto":
        return _check_method(method, normaliser, q, None, gate, has_gram=True)
    _check_normaliser(normaliser)
    if q.is_cuda and not _streaming_refuses(normaliser, q, None, gate):
        return "streaming"
    few = _few_pairs(q, k) and _n_scores(q, k, key_mask) <= FEW_SCORES
    return "reference" if few else "gram"


def _few_pairs(q: Tensor, k: Tensor) -> bool:
    return not q.is_cuda and q.shape[2] * k.shape[2] <= FEW_PAIRS


def _n_scores(q: Tensor, k: Tensor, *others: Tensor | None) -> int:
    return batch_size(q, k, *others) * q.shape[1] * q.shape[2] * k.shape[2]


def _check_normaliser(normaliser: str) -> None:
    if normaliser not in get_args(Normaliser):
        msg = f"normaliser: got {normaliser!r}, expected 'l2', 'l1' or 'softmax'"
        raise ValueError(msg)


def _check_method(
    method: str,
    normaliser: str,
    q: Tensor,
    v: Tensor | None,
    gate: Tensor | None,
    *,
    has_gram: bool,
) -> str:
    _check_normaliser(normaliser)
    if method not in ("gram", "streaming", "reference"):
        msg = f"method: got {method!r}, expected 'auto', 'gram', 'streaming' or 'reference'"
        raise ValueError(msg)
    if method == "gram" and gate is not None:
        msg = (
            "gate: got a tensor with method='gram', expected None, since a gate does not "
            "factorise; pass method='auto', 'streaming' or 'reference'"
        )
        raise ValueError(msg)
    if method == "gram" and not has_gram:
        msg = (
            f"normaliser: got {normaliser!r} with method='gram' and no bias, expected 'l2', since "
            "no other row norm factorises; pass method='auto' or 'reference'"
        )
        raise ValueError(msg)
    if method == "streaming" and (refused := _streaming_refuses(normaliser, q, v, gate)):
        raise ValueError(refused)
    return method


def _streaming_refuses(normaliser: str, q: Tensor, v: Tensor | None, gate: Tensor | None) -> str:
    """Return why the streaming kernels cannot serve these arguments; empty if they can."""
    if normaliser == "softmax":
        return (
            "normaliser: got 'softmax' with method='streaming', expected 'l2' or 'l1', whose sums "
            "need no rescaling; pass method='auto' or 'reference'"
        )
    if not HAS_TRITON:
        return (
            "method: got 'streaming', which needs the package triton, not found here; "
            "pip install triton, or pass method='auto'"
        )
    if not (q.is_cuda or INTERPRETED):
        return (
            f"q: got device {q.device} with method='streaming', expected a CUDA device; move the "
            "tensors there, or pass method='auto'"
        )
    dtype = autocast_dtype(q) or q.dtype
    if dtype not in (torch.float32, torch.bfloat16, torch.float16):
        return (
            f"q: got dtype {dtype} with method='streaming', expected float32, bfloat16 or "
            "float16; pass method='gram' or 'reference'"
        )
    for name, t in (("q", q), ("v", v)):
        if t is not None and t.shape[3] > MAX_WIDTH:
            return (
                f"{name}: got {t.shape[3]} features with method='streaming', expected at most "
                f"{MAX_WIDTH}; use more heads, or pass method='gram' or 'reference'"
            )
    if gate is not None and gate.requires_grad:
        return (
            "gate: got a tensor that requires a gradient with method='streaming', which has none "
            "for it; pass gate.detach(), or method='reference'"
        )
    return ""
