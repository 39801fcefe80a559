"""The reduced map against every map held at once, and its memory."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from flashsign import SphericalAttentionMap, dispatch, spherical_attention_map
from flashsign.map import form
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

MakeInputs = Callable[..., dict[str, Any]]
NORMALISERS = ["l2", "l1", "softmax"]


def map_inputs(make_inputs: MakeInputs, **options: Any) -> dict[str, Any]:
    inputs = make_inputs(**options)
    del inputs["v"]
    return inputs


def brute_force(
    q: Tensor,
    k: Tensor,
    bias: Tensor | None = None,
    key_mask: Tensor | None = None,
    exclude_self: bool | Tensor = False,
    gate: Tensor | None = None,
    eps: float = 1e-6,
    normaliser: str = "l2",
) -> list[Tensor]:
    """Return the four means pair by pair, in Python numbers."""
    batch, n_heads, n_queries, n_keys = q.shape[0], q.shape[1], q.shape[2], k.shape[2]
    w = torch.zeros(batch, n_heads, n_queries, n_keys, dtype=torch.float64)
    norm = torch.zeros(batch, n_heads, n_queries, dtype=torch.float64)
    for b, h, i in product(range(batch), range(n_heads), range(n_queries)):
        row = {}  # scores of the keys that are left
        for j in range(n_keys):
            s = sum(x * y for x, y in zip(q[b, h, i].tolist(), k[b, h, j].tolist(), strict=True))
            s += 0.0 if bias is None else bias[h, i, j].item()
            m = 1.0 if gate is None else gate.expand(n_heads, -1, -1)[h, i, j].item()
            m *= 1.0 if key_mask is None else float(key_mask[b, j])
            itself = exclude_self[i].item() if isinstance(exclude_self, Tensor) else i
            if m > 0 and (exclude_self is False or j != itself):
                row[j] = s * m
        if normaliser == "l2":
            norm[b, h, i] = sum(s * s for s in row.values()) ** 0.5
            w_row = {j: s / (norm[b, h, i] ** 2 + eps) ** 0.5 for j, s in row.items()}
        elif normaliser == "l1":
            norm[b, h, i] = sum(abs(s) for s in row.values())
            w_row = {j: s / (norm[b, h, i] + eps) for j, s in row.items()}
        else:
            total = sum(math.exp(s) for s in row.values())
            norm[b, h, i] = math.log(total) if row else 0.0
            w_row = {j: math.exp(s) / total for j, s in row.items()}
        for j, weight in w_row.items():
            w[b, h, i, j] = weight
    return [w.mean(0), w.abs().mean(0), w.square().mean(0), norm.mean(0)]


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("method", ["gram", "reference"])
@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize("mask", [False, True], ids=["all_keys", "masked"])
@pytest.mark.parametrize("exclude_self", ["none", "true", "index"])
def test_agrees_with_brute_force(
    exclude_self: str,
    mask: bool,
    bias: bool,
    method: str,
    normaliser: str,
    make_inputs: MakeInputs,
) -> None:
    inputs = map_inputs(
        make_inputs, batch=3, n_heads=2, n_queries=7, n_keys=5, bias=bias, mask=mask,
        exclude_self=exclude_self,
    )  # fmt: skip
    inputs["normaliser"] = normaliser
    got = spherical_attention_map(**inputs, method=method)
    for name, mean, want in zip(got._fields, got, brute_force(**inputs), strict=True):
        torch.testing.assert_close(mean, want, atol=1e-12, rtol=1e-12, msg=name)


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("n_gates", [0, 3], ids=["shared", "of_heads"])
@pytest.mark.parametrize("few", [0, 10**6], ids=["blocks", "reference"])
def test_gate_multiplies_the_scores(
    few: int,
    n_gates: int,
    normaliser: str,
    make_inputs: MakeInputs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatch, "FEW_SCORES", few)
    monkeypatch.setattr(form, "BLOCK_ELEMENTS", 40)
    inputs = map_inputs(make_inputs)
    shape = (3, 13, 11)[0 if n_gates else 1 :]
    inputs["gate"] = torch.rand(shape, dtype=torch.float64).round(decimals=1)
    inputs["normaliser"] = normaliser
    for mean, want in zip(spherical_attention_map(**inputs), brute_force(**inputs), strict=True):
        torch.testing.assert_close(mean, want)


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("elements", [1, 40, 10**6])
@pytest.mark.parametrize("maps", [1, 3])
def test_every_gradient_agrees_with_the_specification(
    maps: int,
    elements: int,
    normaliser: str,
    make_inputs: MakeInputs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(form, "BLOCK_ELEMENTS", elements)
    monkeypatch.setattr(dispatch, "FEW_SCORES", 0)
    inputs = map_inputs(
        make_inputs, batch=maps, bias=True, mask=True, gate=True, exclude_self="index"
    )
    inputs["gate"][1] = 0.0
    inputs["normaliser"] = normaliser
    leaves = [inputs[name].requires_grad_() for name in ("q", "k", "bias")]

    def gradients(method: str) -> tuple[Tensor, ...]:
        g = torch.Generator().manual_seed(4)
        means = spherical_attention_map(**inputs, method=method)
        loss = sum((m * torch.randn(m.shape, generator=g)).sum() for m in means)
        return torch.autograd.grad(loss, leaves)

    for got, want in zip(gradients("auto"), gradients("reference"), strict=True):
        torch.testing.assert_close(got, want, atol=1e-9, rtol=1e-9)


def test_one_map_serves_the_whole_batch(make_inputs: MakeInputs) -> None:
    inputs = map_inputs(make_inputs, batch=1)
    wide = {name: t.expand(7, -1, -1, -1) for name, t in inputs.items()}
    repeated = {name: t.repeat(7, 1, 1, 1) for name, t in inputs.items()}
    for a, b, c in zip(
        *(spherical_attention_map(**x) for x in (inputs, wide, repeated)), strict=True
    ):
        torch.testing.assert_close(a, b)
        torch.testing.assert_close(a, c)


def test_means_of_equal_minibatches_can_be_averaged(make_inputs: MakeInputs) -> None:
    inputs = map_inputs(make_inputs, batch=6)
    parts = [
        spherical_attention_map(inputs["q"][rows], inputs["k"][rows])
        for rows in (slice(0, 3), slice(3, 6))
    ]
    for first, second, whole in zip(*parts, spherical_attention_map(**inputs), strict=True):
        torch.testing.assert_close((first + second) / 2, whole)


def test_row_without_scores_has_zero_weight_and_norm(make_inputs: MakeInputs) -> None:
    inputs = map_inputs(make_inputs, n_keys=1, exclude_self="true")
    got = spherical_attention_map(**inputs)
    assert isinstance(got, SphericalAttentionMap)
    assert all((mean == 0).all() for mean in got)


def test_low_precision_means_are_float32(make_inputs: MakeInputs) -> None:
    inputs = map_inputs(make_inputs, dtype=torch.bfloat16)
    exact = spherical_attention_map(**{n: t.double() for n, t in inputs.items()})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = spherical_attention_map(**inputs)
    for mean, want in zip(got, exact, strict=True):
        assert mean.dtype == torch.float32
        torch.testing.assert_close(mean, want.float())


class LargestTensor(TorchDispatchMode):
    """Records the number of elements of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in out if isinstance(out, tuple | list) else (out,):
            if isinstance(t, Tensor):
                self.elements = max(self.elements, t.numel())
        return out


@pytest.mark.parametrize("with_gradient", [False, True])
def test_no_tensor_holds_a_map_per_batch_element(
    with_gradient: bool, make_inputs: MakeInputs
) -> None:
    inputs = map_inputs(make_inputs, batch=41, n_heads=3, n_queries=53, n_keys=47, head_dim=2)
    inputs["q"].requires_grad_(with_gradient)
    with LargestTensor() as largest:
        means = spherical_attention_map(**inputs, method="gram")
        if with_gradient:
            means.weight_abs_mean.sum().backward()
    assert largest.elements <= max(2 * 3 * 53 * 47, inputs["q"].numel()) < 41 * 3 * 53 * 47


def test_blocks_saved_for_the_gradient_do_not_grow_with_the_map(make_inputs: MakeInputs) -> None:
    inputs = map_inputs(make_inputs, batch=5, n_heads=1, n_queries=101, n_keys=97, head_dim=2)
    inputs["q"].requires_grad_()
    saved: list[int] = []

    def pack(t: Tensor) -> Tensor:
        saved.append(t.numel())
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        spherical_attention_map(**inputs, method="gram")
    assert max(saved, default=0) < 101 * 97
