"""The attention map as torch sees it: schema, fake, autograd; by rows or by a Triton kernel."""

from typing import Any

import torch
from torch import Tensor

from flashsign import attention_map
from flashsign.reference import SphericalAttentionMap, compute_dtype
from flashsign.streaming_arguments import Options

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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the fields of a `SphericalAttentionMap`; arguments as in `attention_map.forward`."""
    with torch.autocast(q.device.type, enabled=False):
        if not streaming:
            given = (q, k, bias, key_mask, self_index, gate, eps, normaliser)
            return attention_map.forward(*given)
        from flashsign import streaming_pairs

        options = Options(bias, key_mask, self_index, gate)
        return streaming_pairs.map_means(q, k, options, eps, normaliser)


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
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return attention_map.empty_means(q, k)


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
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dbias of `map_forward`, the last empty without a bias."""
    dmeans = SphericalAttentionMap(dmean, dabs, dsquare, dnorm)
    with torch.autocast(q.device.type, enabled=False):
        given = (q, k, bias, key_mask, self_index, gate, eps, normaliser)
        return attention_map.backward(dmeans, *given)


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
) -> tuple[Tensor, Tensor, Tensor]:
    dtype = compute_dtype(q.dtype)
    dbias = q.new_empty(0, 0, 0, dtype=dtype) if bias is None else bias.new_empty(bias.shape)
    return torch.empty_like(q), torch.empty_like(k), dbias


def _save(ctx: Any, inputs: tuple[Any, ...], output: Means) -> None:
    *tensors, ctx.eps, ctx.normaliser, _ = inputs
    ctx.save_for_backward(*tensors)


def _differentiate(ctx: Any, *dmeans: Tensor) -> tuple[Tensor | None, ...]:
    dq, dk, dbias = map_backward(*dmeans, *ctx.saved_tensors, ctx.eps, ctx.normaliser)
    return dq, dk, dbias if ctx.needs_input_grad[2] else None, *(None,) * 6


map_forward.register_autograd(_differentiate, setup_context=_save)
