"""The attention map as operators of torch, by blocks of rows or by a Triton kernel."""

from typing import Any

import torch
from torch import Tensor

from flashsign.batches import n_maps
from flashsign.derivatives import map_gradients, map_second, plain_torch_only
from flashsign.map import form
from flashsign.reference import SphericalAttentionMap, compute_dtype
from flashsign.streaming.arguments import Options, row_eps

Means = tuple[Tensor, Tensor, Tensor, Tensor]


@torch.library.custom_op("flashsign::map_forward", mutates_args=())
def map_forward(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    streaming: bool,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the fields of a `SphericalAttentionMap`; arguments as in `form.forward`."""
    with torch.autocast(q.device.type, enabled=False):
        if not streaming:
            given = (q, k, bias, key_mask, self_index, gate, eps, normaliser, exponent)
            return form.forward(*given)
        from flashsign.streaming import pairs

        batch = n_maps(q, k, key_mask)
        q, k = q.expand(batch, -1, -1, -1), k.expand(batch, -1, -1, -1)
        key_mask = None if key_mask is None else key_mask.expand(batch, -1)
        options, means = Options(bias, key_mask, self_index, gate), form.empty_means(q, k)
        exponent = None if exponent is None else exponent.expand(batch, -1, -1)
        own_eps = row_eps(eps, exponent, normaliser)
        pairs.write_means(means, q, k, options, own_eps, normaliser, exponent)
        return means


@map_forward.register_fake
def _(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    streaming: bool,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return form.empty_means(q, k)


@torch.library.custom_op("flashsign::map_backward", mutates_args=())
def map_backward(
    dmean: Tensor,
    dabs: Tensor,
    dsquare: Tensor,
    dnorm: Tensor,
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dbias of `map_forward`, the last empty without a bias."""
    dmeans = SphericalAttentionMap(dmean, dabs, dsquare, dnorm)
    with torch.autocast(q.device.type, enabled=False):
        given = (q, k, bias, key_mask, self_index, gate, eps, normaliser, exponent)
        return form.backward(dmeans, *given)


@map_backward.register_fake
def _(
    dmean: Tensor,
    dabs: Tensor,
    dsquare: Tensor,
    dnorm: Tensor,
    q: Tensor,
    k: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    dtype = compute_dtype(q.dtype)
    dbias = q.new_empty(0, 0, 0, dtype=dtype) if bias is None else bias.new_empty(bias.shape)
    return torch.empty_like(q), torch.empty_like(k), dbias


def _save_gradients(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, ctx.eps, ctx.normaliser, exponent = inputs
    ctx.save_for_backward(*tensors, exponent)


def _differentiate_gradients(ctx: Any, *dgradients: Tensor) -> tuple[Tensor | None, ...]:
    *tensors, exponent = ctx.saved_tensors
    dmeans, given = tensors[:4], tensors[4:]
    found = map_second(dgradients, dmeans, given, ctx.eps, ctx.normaliser, exponent)
    return *found, *(None,) * (13 - len(found))


map_backward.register_autograd(_differentiate_gradients, setup_context=_save_gradients)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Means) -> None:
    *tensors, ctx.eps, ctx.normaliser, _, exponent = inputs
    ctx.save_for_backward(*tensors, exponent)


def _differentiate(ctx: Any, *dmeans: Tensor) -> tuple[Tensor | None, ...]:
    *tensors, exponent = ctx.saved_tensors
    if plain_torch_only(*dmeans):
        found = map_gradients(dmeans, tensors, ctx.eps, ctx.normaliser, exponent)
        return *found, *(None,) * (10 - len(found))
    dq, dk, dbias = map_backward(*dmeans, *tensors, ctx.eps, ctx.normaliser, exponent)
    return dq, dk, dbias if ctx.needs_input_grad[2] else None, *(None,) * 7


map_forward.register_autograd(_differentiate, setup_context=_save)
