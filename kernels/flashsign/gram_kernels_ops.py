"""The linear-time kernels for half precision as torch sees them: schema, fake, autograd."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from flashsign.streaming_arguments import HAS_TRITON, MAX_WIDTH


def serves(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Return whether the kernels take these inputs; others take float32 and float64 products."""
    half = q.dtype in (torch.float16, torch.bfloat16) and q.dtype == k.dtype == v.dtype
    return HAS_TRITON and q.is_cuda and half and max(q.shape[3], v.shape[3]) <= MAX_WIDTH


@torch.library.custom_op("flashsign::half_gram_forward", mutates_args=())
def half_gram_forward(
    q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return o (B, H, N, d_v) and the fields of `gram_kernels_forward.Saved`."""
    from flashsign import gram_kernels_forward

    out, saved = gram_kernels_forward.forward(q, k, v, self_index, eps)
    return out, *saved


@half_gram_forward.register_fake
def _(
    q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    from flashsign import gram_kernels_forward

    return v.new_empty(*q.shape[:3], v.shape[3]), *gram_kernels_forward.empty_saved(q, v)


@torch.library.custom_op("flashsign::half_gram_backward", mutates_args=())
def half_gram_backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    saved: Sequence[Tensor],
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv of `half_gram_forward`."""
    from flashsign import gram_kernels_backward, gram_kernels_forward

    handed_over = gram_kernels_forward.Saved(*saved)
    return gram_kernels_backward.backward(do, q, k, v, self_index, handed_over, eps)


@half_gram_backward.register_fake
def _(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    saved: Sequence[Tensor],
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def save_sums(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    """Keep tensors, ε and everything but the output o: what either linear form hands over."""
    *tensors, ctx.eps = inputs
    ctx.mark_non_differentiable(*output[1:])
    ctx.save_for_backward(*tensors, *output[1:])


def _differentiate(ctx: Any, do: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, self_index, *saved = ctx.saved_tensors
    return *half_gram_backward(do, q, k, v, self_index, saved, ctx.eps), None, None


half_gram_forward.register_autograd(_differentiate, setup_context=save_sums)
