"""Checks the arguments; every message names the argument, what was expected, and a fix."""

import math
from numbers import Real

import torch
from torch import Tensor

from flashsign.batches import batch_size
from flashsign.reference import autocast_dtype
from flashsign.units import readable


def check_inputs(
    q: Tensor,
    k: Tensor,
    v: Tensor | None,
    bias: Tensor | None,
    key_mask: Tensor | None,
    exclude_self: bool | Tensor,
    gate: Tensor | None,
    eps: float,
    normaliser: str = "l2",
) -> Tensor | None:
    """Check every argument and return `exclude_self` as an index (N,), None where it is False.

    Raises
    ------
    ValueError
        A shape, dtype, device or value that does not fit the others.
    TypeError
        An argument that is no tensor where one belongs.
    """
    given = _tensors(q, k, v, bias, key_mask, exclude_self, gate)
    _check_shapes(given)
    _check_dtypes(given)
    _check_devices(given)
    _check_pairs(bias, gate, normaliser)
    if not isinstance(eps, Real):
        msg = f"eps: got {type(eps).__name__}, expected a number >= 0; pass float(eps)"
        raise TypeError(msg)
    if not 0.0 <= eps < math.inf:
        msg = f"eps: got {eps}, expected a number >= 0, not infinite; pass the default 1e-6"
        raise ValueError(msg)
    return _self_index(exclude_self, q, k)


def _tensors(
    q: Tensor,
    k: Tensor,
    v: Tensor | None,
    bias: Tensor | None,
    key_mask: Tensor | None,
    exclude_self: bool | Tensor,
    gate: Tensor | None,
) -> dict[str, Tensor]:
    """Return the given tensors by name."""
    tensors = {"q": q, "k": k, "v": v, "bias": bias, "key_mask": key_mask, "gate": gate}
    if not isinstance(exclude_self, bool):
        tensors["exclude_self"] = exclude_self
    given = {}
    for name, t in tensors.items():
        if t is None and name not in ("q", "k"):
            continue
        if not isinstance(t, Tensor):
            or_bool = ", or True or False" if name == "exclude_self" else ""
            msg = (
                f"{name}: got {type(t).__module__}.{type(t).__name__}, expected torch.Tensor"
                f"{or_bool}; pass torch.as_tensor({name})"
            )
            raise TypeError(msg)
        if t.layout != torch.strided:
            msg = f"{name}: got {t.layout}, expected torch.strided; pass {name}.to_dense()"
            raise ValueError(msg)
        given[name] = t
    return given


def _check_pairs(bias: Tensor | None, gate: Tensor | None, normaliser: str) -> None:
    """Check the values of bias and gate, if they can be read."""
    if gate is not None and readable(gate) and not bool((gate >= 0).all()):
        low = float(gate.min())
        msg = f"gate: got a smallest value of {low}, expected numbers >= 0; pass gate.clamp(0)"
        raise ValueError(msg)
    if bias is not None and normaliser != "softmax" and readable(bias):
        low, high = (float(x) for x in bias.detach().aminmax())
        if math.isinf(low) or math.isinf(high):
            msg = (
                f"bias: got {low if math.isinf(low) else high} with normaliser={normaliser!r}, "
                "expected finite numbers: a score of ±inf has no place in a norm; to remove a "
                "pair pass gate=(bias > -torch.inf).to(q.dtype) and bias.nan_to_num(), or for "
                "every query of a key key_mask"
            )
            raise ValueError(msg)


def _check_shapes(given: dict[str, Tensor]) -> None:
    for name in ("q", "k", "v"):
        shape = tuple(given[name].shape) if name in given else (1, 1, 1, 1)
        if len(shape) != 4:
            msg = (
                f"{name}: got shape {shape}, expected 4 axes (batch, heads, tokens, features); "
                f"add the missing axes, for example {name}[None, None]"
            )
            raise ValueError(msg)
        if 0 in shape[1:]:
            msg = (
                f"{name}: got shape {shape}, expected at least one head, token and feature; leave "
                "the call out where there is nothing to attend to"
            )
            raise ValueError(msg)
        if shape[0] == 0 and "v" not in given:
            msg = (
                f"{name}: got shape {shape}, expected a batch of at least 1, since a mean over no "
                "elements is not defined; leave the empty minibatch out"
            )
            raise ValueError(msg)
    _, n_heads, n_queries, head_dim = given["q"].shape
    n_keys = given["k"].shape[2]
    batched = ("q", "k", "v", "key_mask")
    batch = batch_size(*(t for name, t in given.items() if name in batched and t.ndim > 0))
    pairs = (n_heads, n_queries, n_keys)
    expected: dict[str, tuple[int | str, ...]] = {
        "q": (batch, n_heads, n_queries, head_dim),
        "k": (batch, n_heads, n_keys, head_dim),
        "v": (batch, n_heads, n_keys, "d_v"),
        "bias": pairs,
        "key_mask": (batch, n_keys),
        "gate": pairs if "gate" in given and given["gate"].ndim == 3 else pairs[1:],
        "exclude_self": (n_queries,),
    }
    for name, tensor in given.items():
        got, want = tuple(tensor.shape), expected[name]
        fits = len(got) == len(want) and all(
            w == "d_v" or g == w or (g == 1 and axis == 0 and name in batched)
            for axis, (g, w) in enumerate(zip(got, want, strict=True))
        )
        if not fits:
            shown = ", ".join(str(w) for w in want)
            one = ", or a batch of 1" if name in batched else ""
            msg = (
                f"{name}: got shape {got}, expected ({shown}){one}, to go with q "
                f"{tuple(given['q'].shape)} and k {tuple(given['k'].shape)}; pass q (B, H, N, d), "
                "k (B, H, M, d), v (B, H, M, d_v), bias (H, N, M), key_mask (B, M), gate (N, M) "
                "or (H, N, M), exclude_self (N,)"
            )
            raise ValueError(msg)


def _check_dtypes(given: dict[str, Tensor]) -> None:
    for name, tensor in given.items():
        if name == "key_mask":
            fits, expected = tensor.dtype == torch.bool, "torch.bool; pass key_mask.bool()"
        elif name == "exclude_self":
            fits = tensor.dtype in (torch.int32, torch.int64)
            expected = "torch.int64 or torch.int32: the key that is each query, -1 for none"
        else:
            fits, expected = tensor.is_floating_point(), f"a float dtype; pass {name}.float()"
        if not fits:
            msg = f"{name}: got dtype {tensor.dtype}, expected {expected}"
            raise ValueError(msg)
    if autocast_dtype(given["q"]) is not None:
        return
    for name in ("k", "v"):
        if name in given and given[name].dtype != given["q"].dtype:
            got, want = given[name].dtype, given["q"].dtype
            msg = f"{name}: got dtype {got}, expected {want}, that of q; pass {name}.to(q.dtype)"
            raise ValueError(msg)


def _check_devices(given: dict[str, Tensor]) -> None:
    want = given["q"].device
    for name, tensor in given.items():
        if tensor.device != want:
            msg = (
                f"{name}: got device {tensor.device}, expected {want}, that of q; "
                f"pass {name}.to(q.device)"
            )
            raise ValueError(msg)


def _self_index(exclude_self: bool | Tensor, q: Tensor, k: Tensor) -> Tensor | None:
    n_queries, n_keys = q.shape[2], k.shape[2]
    if isinstance(exclude_self, Tensor):
        if readable(exclude_self) and exclude_self.numel():  # a graph has no values
            low, high = (int(x) for x in exclude_self.aminmax())
            if low < -1 or high >= n_keys:
                msg = (
                    f"exclude_self: got indices from {low} to {high}, expected -1 (none) to "
                    f"{n_keys - 1}; index the keys of k, not the queries"
                )
                raise ValueError(msg)
        return exclude_self.long()
    if not exclude_self:
        return None
    if n_queries != n_keys:
        msg = (
            f"exclude_self: got True with {n_queries} queries and {n_keys} keys, expected equal "
            "numbers; pass an integer tensor (N,) with the key that is query i, -1 for none"
        )
        raise ValueError(msg)
    return torch.arange(n_queries, device=q.device)
