"""The streaming kernels as operators of torch: schema, fake implementation, autograd.

Triton is imported at the first call, so everything else runs without it.
"""

from typing import Any

import torch
from torch import Tensor

from flashsign.batches import batch_size
from flashsign.derivatives import attention_gradients, attention_second, plain_torch_only
from flashsign.streaming.arguments import Options, empty_like_queries, row_eps


def streaming(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> Tensor:
    """Return o (B, H, N, d_v); arguments as in `reference.attention`, of one float dtype.

    A batch of 1 is read B times, never copied.
    """
    batch = batch_size(q, k, v, key_mask)
    q, k, v = (t.expand(batch, -1, -1, -1) for t in (q, k, v))
    key_mask = None if key_mask is None else key_mask.expand(batch, -1)
    out: Tensor
    exponent = None if exponent is None else exponent.expand(batch, -1, -1)
    given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser, exponent)
    out, _ = streaming_forward(*given)
    return out


@torch.library.custom_op("flashsign::streaming_forward", mutates_args=())
def streaming_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return o (B, H, N, d_v) and Σ_j s_ij² (l1: |s_ij|), (B, H, N) in float32."""
    from flashsign.streaming import forward as kernels

    out = empty_like_queries(q, v)
    options = Options(bias, key_mask, self_index, gate)
    own_eps = row_eps(eps, exponent, normaliser)
    return out, kernels.forward(q, k, v, options, own_eps, out, normaliser=normaliser)


@streaming_forward.register_fake
def _(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    return empty_like_queries(q, v), q.new_empty(q.shape[:3], dtype=torch.float32)


@torch.library.custom_op("flashsign::streaming_backward", mutates_args=())
def streaming_backward(
    do: Tensor,
    out: Tensor,
    total: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    needs_dbias: bool,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return dq, dk, dv and dbias, the last empty unless `needs_dbias`."""
    from flashsign.streaming import backward as kernels
    from flashsign.streaming import pairs

    options = Options(bias, key_mask, self_index, gate)
    own_eps = row_eps(eps, exponent, normaliser)
    r, projection = kernels.rows(out, do, total, own_eps, normaliser=normaliser)
    given = (q, k, v, options, do, r, projection)
    dq, dk, dv = kernels.gradients(*given, normaliser=normaliser)
    if needs_dbias:
        return dq, dk, dv, pairs.bias_gradient(*given, normaliser)
    return dq, dk, dv, q.new_empty(0)


@streaming_backward.register_fake
def _(
    do: Tensor,
    out: Tensor,
    total: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    needs_dbias: bool,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv = (torch.empty_like(t) for t in (q, k, v))
    if bias is None or not needs_dbias:
        return dq, dk, dv, q.new_empty(0)
    return dq, dk, dv, torch.empty_like(bias)


def _save_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    do, _, _, *tensors, ctx.eps, ctx.normaliser, _, exponent = inputs
    ctx.save_for_backward(do, *tensors, exponent)


def _differentiate_gradients(ctx: Any, *dgradients: Tensor) -> tuple[Tensor | None, ...]:
    do, *tensors, exponent = ctx.saved_tensors
    given = dgradients if dgradients[3].numel() else dgradients[:3]
    ddo, *found = attention_second(given, do, tensors, ctx.eps, ctx.normaliser, exponent)
    return ddo, None, None, *found, *(None,) * (11 - len(found))


streaming_backward.register_autograd(_differentiate_gradients, setup_context=_save_gradients)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.eps, ctx.normaliser, exponent = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(*output, *tensors, exponent)


def _differentiate(ctx: Any, do: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    out, total, *tensors, exponent = ctx.saved_tensors
    if plain_torch_only(do):
        found = attention_gradients(do, tensors, ctx.eps, ctx.normaliser, exponent)
        return *found, *(None,) * (10 - len(found))
    needs_dbias = ctx.needs_input_grad[3]
    given = (*tensors, ctx.eps, ctx.normaliser, needs_dbias, exponent)
    dq, dk, dv, dbias = streaming_backward(do, out, total, *given)
    return dq, dk, dv, dbias if needs_dbias else None, *(None,) * 6


streaming_forward.register_autograd(_differentiate, setup_context=_save)
