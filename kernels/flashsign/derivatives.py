"""Derivatives that the operators lack: second, forward-mode, and under `torch.func`.

An operator defines its first gradient only. All other derivatives are computed from the
specification in plain torch, which torch can differentiate and transform.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad

from flashsign import reference

Tensors = Sequence[Tensor | None]
_Function = Callable[..., Sequence[Tensor]]


def plain_torch_only(*gradients: Tensor) -> bool:
    """Return whether tangents or a transform of torch.func may be under way.

    An operator drops tangents silently, so it must not be called then. Tensors of an outer level
    hide their tangents, so the level is tested and not the tensors. A batch of gradients
    (``is_grads_batched`` of torch.autograd.grad) shows in `gradients` alone.
    """
    if forward_ad._current_level >= 0 or torch._C._are_functorch_transforms_active():
        return True
    return any(torch._C._functorch.is_legacy_batchedtensor(t) for t in gradients)


def attention_gradients(
    do: Tensor, tensors: Tensors, eps: float, normaliser: str, exponent: Tensor | None
) -> tuple[Tensor, ...]:
    """Return dq, dk, dv and, with a bias, dbias.

    `tensors` are q, k, v, bias, key_mask, self_index and gate, as in `reference.attention`.
    """
    q, k, v, bias, *options = tensors
    function = _attention(*options, eps, normaliser, exponent)
    return _gradients(function, _given(q, k, v, bias), (do,))


def attention_second(
    dgradients: Tensors,
    do: Tensor,
    tensors: Tensors,
    eps: float,
    normaliser: str,
    exponent: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return the gradients of do, q, k, v and the bias, from those of `attention_gradients`."""
    q, k, v, bias, *options = tensors
    function = _attention(*options, eps, normaliser, exponent)
    return _second(function, _given(q, k, v, bias), (do,), dgradients)


def map_gradients(
    dmeans: Sequence[Tensor],
    tensors: Tensors,
    eps: float,
    normaliser: str,
    exponent: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return dq, dk and, with a bias, dbias.

    `tensors` are q, k, bias, key_mask, self_index and gate, as in `reference.attention_map`.
    """
    q, k, bias, *options = tensors
    function = _map(*options, eps, normaliser, exponent)
    return _gradients(function, _given(q, k, bias), dmeans)


def map_second(
    dgradients: Tensors,
    dmeans: Sequence[Tensor],
    tensors: Tensors,
    eps: float,
    normaliser: str,
    exponent: Tensor | None,
) -> tuple[Tensor, ...]:
    """Return the gradients of `dmeans`, q, k and the bias, from those of `map_gradients`."""
    q, k, bias, *options = tensors
    function = _map(*options, eps, normaliser, exponent)
    return _second(function, _given(q, k, bias), dmeans, dgradients)


def _attention(key_mask: Tensor | None, *rest: Any) -> _Function:
    def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> tuple[Tensor]:
        if key_mask is not None:  # masked keys may hold NaN, which no factor of 0 removes
            k, v = (t.masked_fill(~key_mask[:, None, :, None], 0.0) for t in (k, v))
        return (reference.attention(q, k, v, bias, key_mask, *rest),)

    return attend


def _map(key_mask: Tensor | None, *rest: Any) -> _Function:
    def attend(q: Tensor, k: Tensor, bias: Tensor | None = None) -> Sequence[Tensor]:
        if key_mask is not None:
            k = k.masked_fill(~key_mask[:, None, :, None], 0.0)
        return reference.attention_map(q, k, bias, key_mask, *rest)

    return attend


def _given(*tensors: Tensor | None) -> list[Tensor]:
    return [t for t in tensors if t is not None]


def _gradients(
    function: _Function, inputs: Sequence[Tensor], doutputs: Sequence[Tensor]
) -> tuple[Tensor, ...]:
    """Return the gradient of each input, with a graph if gradients are enabled."""
    create_graph = torch.is_grad_enabled()
    with torch.enable_grad():
        aliases = [_alias(t) for t in inputs]
        pairs = zip(function(*aliases), doutputs, strict=True)
        followed = [(out, d) for out, d in pairs if out.requires_grad]
    if not followed:
        return tuple(torch.zeros_like(t) for t in inputs)
    outputs, given = zip(*followed, strict=True)
    return torch.autograd.grad(
        outputs, aliases, given, create_graph=create_graph, materialize_grads=True
    )


def _second(
    function: _Function,
    inputs: Sequence[Tensor],
    doutputs: Sequence[Tensor],
    dgradients: Tensors,
) -> tuple[Tensor, ...]:
    asked = [i for i, d in enumerate(dgradients) if d is not None and i < len(inputs)]

    def of_gradients(*tensors: Tensor) -> list[Tensor]:
        found = _gradients(function, tensors[len(doutputs) :], tensors[: len(doutputs)])
        return [found[i] for i in asked]

    given = _given(*(dgradients[i] for i in asked))
    return _gradients(of_gradients, (*doutputs, *inputs), given)


def _alias(t: Tensor) -> Tensor:
    """Return `t` as a separate variable, whose gradient excludes paths through other inputs."""
    return t.view_as(t) if t.requires_grad else t.detach().requires_grad_()
