"""The linear form as operators of torch: schema, fake implementation, autograd.

An operator hides loops over chunks and rows chosen by value, which a graph cannot hold, so
`torch.compile(fullgraph=True)` works. Gradients are operators too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from flashsign.linear import form
from flashsign.linear.kernels.ops import (
    differentiate_by,
    differentiate_gradients,
    save_gradients,
    save_sums,
)


@torch.library.custom_op("flashsign::gram_forward", mutates_args=())
def gram_forward(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    eps: float,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return o (B, H, N, d_v) and the fields of `form.Sums`, for inputs of one batch size."""
    with torch.autocast(q.device.type, enabled=False):
        out, sums = form.forward(q, k, v, self_index, eps, exponent)
        return out, *sums


@gram_forward.register_fake
def _(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    eps: float,
    exponent: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return v.new_empty(*q.shape[:3], v.shape[-1]), *form.empty_sums(q, v)


@torch.library.custom_op("flashsign::gram_backward", mutates_args=())
def gram_backward(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    sums: Sequence[Tensor],
    eps: float,
    exponent: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return dq, dk and dv of `gram_forward`."""
    with torch.autocast(q.device.type, enabled=False):
        return form.backward(do, q, k, v, self_index, form.Sums(*sums), eps, exponent)


@gram_backward.register_fake
def _(
    do: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    self_index: Tensor | None,
    sums: Sequence[Tensor],
    eps: float,
    exponent: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    return q.new_empty(q.shape), k.new_empty(k.shape), v.new_empty(v.shape)


gram_backward.register_autograd(differentiate_gradients, setup_context=save_gradients)
gram_forward.register_autograd(differentiate_by(gram_backward), setup_context=save_sums)
