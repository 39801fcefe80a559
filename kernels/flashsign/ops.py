"""The operators as torch sees them: schema, fake, autograd; `gram` calls the right one.

An operator hides what a graph cannot hold (loops over chunks, rows chosen by value), so
`torch.compile(fullgraph=True)` works. Gradients are operators too and are not differentiable.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from flashsign import attention_map, row_blocks
from flashsign import gram as gram_form
from flashsign.gram_kernels_ops import half_gram_forward, save_sums, serves


def gram(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    bias: Tensor | None,
    key_mask: Tensor | None,
    self_index: Tensor | None,
    gate: Tensor | None,
    eps: float,
    normaliser: str,
) -> Tensor:
    """Return o (B, H, N, d_v); arguments as in `reference.attention`, masked k and v set to 0.

    By the linear form where there is one, for l2 without bias and gate, else by blocks of rows.
    Where q, k and key_mask have batch size 1, the map is one for the whole batch: the batch of
    values becomes columns, so that what depends on the map alone is computed once, and what it
    is applied to is one matrix product. Otherwise, and for the half precision kernels, a batch of
    1 is expanded.
    """

    def attend(q: Tensor, k: Tensor, v: Tensor, key_mask: Tensor | None) -> Tensor:
        out: Tensor
        if linear:  # a masked key is 0 already and adds nothing to any sum
            out, *_ = gram_forward(q, k, v, self_index, eps)
        else:
            given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser)
            out, _ = rows_forward(*given)
        return out

    out: Tensor
    linear = normaliser == "l2" and bias is None and gate is None
    batch, n_heads, n_keys, n_columns = v.shape
    n_maps = attention_map.n_maps(q, k, key_mask)
    kernels = linear and serves(q, k, v)
    if n_maps == 1 and not kernels:
        folded = v.permute(1, 2, 0, 3).reshape(1, n_heads, n_keys, batch * n_columns)
        out = attend(q, k, folded, key_mask)
        return out.view(n_heads, -1, batch, n_columns).permute(2, 0, 1, 3)
    n_maps = max(n_maps, batch)
    q, k, v = (t.expand(n_maps, -1, -1, -1) for t in (q, k, v))
    if kernels:
        out, *_ = half_gram_forward(q, k, v, self_index, eps)
        return out
    return attend(q, k, v, None if key_mask is None else key_mask.expand(n_maps, -1))


@torch.library.custom_op("flashsign::gram_forward", mutates_args=())
def gram_forward(
    q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return o (B, H, N, d_v) and the fields of `gram.Sums`, for inputs of one batch size."""
    with torch.autocast(q.device.type, enabled=False):
        out, sums = gram_form.forward(q, k, v, self_index, eps)
        return out, *sums


@gram_forward.register_fake
def _(
    q: Tensor, k: Tensor, v: Tensor, self_index: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return v.new_empty(*q.shape[:3], v.shape[-1]), *gram_form.empty_sums(q, v)


@torch.library.custom_op("flashsign::gram_backward", mutates_args=())
def gram_backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    sums: Sequence[Tensor],
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv of `gram_forward`."""
    with torch.autocast(q.device.type, enabled=False):
        return gram_form.backward(do, q, k, v, self_index, gram_form.Sums(*sums), eps)


@gram_backward.register_fake
def _(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    sums: Sequence[Tensor],
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


def _differentiate_gram(ctx: Any, do: Tensor, *_: Tensor) -> tuple[Tensor | None, ...]:
    q, k, v, self_index, *sums = ctx.saved_tensors
    return (*gram_backward(do, q, k, v, self_index, sums, ctx.eps), None, None)


gram_forward.register_autograd(_differentiate_gram, setup_context=save_sums)


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
) -> tuple[Tensor, Tensor]:
    """Return o (B, H, N, d_v) and r (B, H, N, 1) by rows, `row_blocks.attention_forward`."""
    with torch.autocast(q.device.type, enabled=False):
        given = (q, k, v, bias, key_mask, self_index, gate, eps, normaliser)
        return row_blocks.attention_forward(*given)


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
) -> tuple[Tensor, Tensor]:
    r = q.new_empty(*q.shape[:3], 1, dtype=row_blocks.sum_dtype(q, k, v))
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
    normaliser: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return dq, dk, dv and dbias of `rows_forward`, the last empty without a bias."""
    with torch.autocast(q.device.type, enabled=False):
        given = (do, r, q, k, v, bias, key_mask, self_index, gate, normaliser)
        return row_blocks.attention_backward(*given)


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
    normaliser: str,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    dq, dk, dv = (t.new_empty(t.shape) for t in (q, k, v))
    return dq, dk, dv, q.new_empty(0, 0, 0) if bias is None else bias.new_empty(bias.shape)


def _save_rows(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    *tensors, _, ctx.normaliser = inputs
    ctx.mark_non_differentiable(output[1])
    ctx.save_for_backward(output[1], *tensors)


def _differentiate_rows(ctx: Any, do: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    dq, dk, dv, dbias = rows_backward(do, *ctx.saved_tensors, ctx.normaliser)
    return dq, dk, dv, dbias if ctx.needs_input_grad[3] else None, *(None,) * 5


rows_forward.register_autograd(_differentiate_rows, setup_context=_save_rows)
