"""Blocks of rows as operators of torch: schema, fake implementation, autograd."""

from typing import Any

import torch
from torch import Tensor

from flashsign.derivatives import attention_gradients, attention_second, plain_torch_only
from flashsign.rows import form


@torch.library.custom_op("flashsign::rows_forward", mutates_args=())
def rows_forward(
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
    """Return o (B, H, N, d_v) and r (B, H, N, 1) by rows, `form.attention_forward`."""
    with torch.autocast(q.device.type, enabled=False):
        given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser, exponent)
        return form.attention_forward(*given)


@rows_forward.register_fake
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
    r = q.new_empty(*q.shape[:3], 1, dtype=form.sum_dtype(q, k, v))
    return v.new_empty(*q.shape[:3], v.shape[-1]), r


@torch.library.custom_op("flashsign::rows_backward", mutates_args=())
def rows_backward(
    do: Tensor,
    r: Tensor,
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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return dq, dk, dv and dbias of `rows_forward`, the last empty without a bias."""
    with torch.autocast(q.device.type, enabled=False):
        given = (do, r, q, k, v, bias, key_mask, self_index, gate, normaliser)
        return form.attention_backward(*given)


@rows_backward.register_fake
def _(
    do: Tensor,
    r: Tensor,
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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv = (t.new_empty(t.shape) for t in (q, k, v))
    return dq, dk, dv, q.new_empty(0, 0, 0) if bias is None else bias.new_empty(bias.shape)


def _save_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    do, _, *tensors, ctx.eps, ctx.normaliser, exponent = inputs
    ctx.save_for_backward(do, *tensors, exponent)


def _differentiate_gradients(ctx: Any, *dgradients: Tensor) -> tuple[Tensor | None, ...]:
    do, *tensors, exponent = ctx.saved_tensors
    ddo, *found = attention_second(dgradients, do, tensors, ctx.eps, ctx.normaliser, exponent)
    return ddo, None, *found, *(None,) * (10 - len(found))


rows_backward.register_autograd(_differentiate_gradients, setup_context=_save_gradients)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, ctx.eps, ctx.normaliser, exponent = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1], *tensors, exponent)


def _differentiate(ctx: Any, do: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    r, *tensors, exponent = ctx.saved_tensors
    if plain_torch_only(do):
        found = attention_gradients(do, tensors, ctx.eps, ctx.normaliser, exponent)
        return *found, *(None,) * (10 - len(found))
    dq, dk, dv, dbias = rows_backward(do, r, *tensors, ctx.eps, ctx.normaliser, exponent)
    return dq, dk, dv, dbias if ctx.needs_input_grad[3] else None, *(None,) * 6


rows_forward.register_autograd(_differentiate, setup_context=_save)
