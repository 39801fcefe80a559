"""The linear-time kernels for half precision as operators of torch."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from flashsign.derivatives import attention_gradients, attention_second, plain_torch_only
from flashsign.streaming.arguments import HAS_TRITON, MAX_WIDTH, row_eps


def serves(q: Tensor, k: Tensor, v: Tensor) -> bool:
    """Return whether the kernels take these inputs; all others use float32 and float64."""
    half = q.dtype in (torch.float16, torch.bfloat16) and q.dtype == k.dtype == v.dtype
    return HAS_TRITON and q.is_cuda and half and max(q.shape[3], v.shape[3]) <= MAX_WIDTH


@torch.library.custom_op("flashsign::half_gram_forward", mutates_args=())
def half_gram_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    eps: float,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return o (B, H, N, d_v) and the fields of `forward.Saved`."""
    from flashsign.linear.kernels import forward

    out, saved = forward.forward(q, k, v, self_index, row_eps(eps, exponent))
    return out, *saved


@half_gram_forward.register_fake
def _(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    eps: float,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    from flashsign.linear.kernels import forward

    return v.new_empty(*q.shape[:3], v.shape[3]), *forward.empty_saved(q, v)


@torch.library.custom_op("flashsign::half_gram_backward", mutates_args=())
def half_gram_backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    saved: Sequence[Tensor],
    eps: float,
    exponent: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv of `half_gram_forward`."""
    from flashsign.linear.kernels import backward, forward

    handed_over = forward.Saved(*saved)
    return backward.backward(do, q, k, v, self_index, handed_over, row_eps(eps, exponent))


@half_gram_backward.register_fake
def _(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    saved: Sequence[Tensor],
    eps: float,
    exponent: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def save_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    """Save the inputs of the gradients of either linear form, in the order of `reference`."""
    do, q, k, v, self_index, sums, ctx.eps, exponent = inputs
    ctx.n_sums = len(sums)
    ctx.save_for_backward(do, q, k, v, None, None, self_index, None, exponent)


def differentiate_gradients(ctx: Any, *dgradients: Tensor) -> tuple[Any, ...]:
    """Return the second derivatives of either linear form."""
    do, *tensors, exponent = ctx.saved_tensors
    found = attention_second(dgradients, do, tensors, ctx.eps, "l2", exponent)
    return (*found, None, [None] * ctx.n_sums, None, None)


half_gram_backward.register_autograd(differentiate_gradients, setup_context=save_gradients)


def save_sums(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    """Save tensors, ε and all results but o, for the backward pass of either linear form."""
    q, k, v, self_index, ctx.eps, exponent = inputs
    ctx.mark_non_differentiable(*output[1:])
    ctx.save_for_backward(q, k, v, self_index, exponent, *output[1:])


def differentiate_by(gradients: Callable[..., Any]) -> Callable[..., tuple[Any, ...]]:
    """Return the backward pass of a linear form whose operator for it is `gradients`."""

    def differentiate(ctx: Any, do: Tensor, *_: Tensor) -> tuple[Any, ...]:
        q, k, v, self_index, exponent, *sums = ctx.saved_tensors
        if plain_torch_only(do):
            tensors = (q, k, v, None, None, self_index, None)
            plain = attention_gradients(do, tensors, ctx.eps, "l2", exponent)
            return (*plain, None, None, None)
        found = gradients(do, q, k, v, self_index, sums, ctx.eps, exponent)
        return (*found, None, None, None)

    return differentiate


half_gram_forward.register_autograd(differentiate_by(half_gram_backward), setup_context=save_sums)
