"""Sums over the batch, one number a pair: the gradient of the bias and the map."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from flashsign import spherical_attention_map
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]


def map_inputs(make_inputs: MakeInputs, **options: Any) -> dict[str, Any]:
    inputs = make_inputs(**options)
    del inputs["v"]
    return inputs


@pytest.mark.parametrize(
    ("bias", "mask", "gate", "exclude_self"),
    list(product([False, True], [False, True], [False, True], ["none", "true", "index"])),
)
def test_map_agrees_with_the_specification(
    bias: bool, mask: bool, gate: bool, exclude_self: str, make_inputs: MakeInputs, device: str
) -> None:
    inputs = map_inputs(
        make_inputs, batch=3, n_heads=2, n_queries=19, n_keys=37, dtype=torch.float32, bias=bias,
        mask=mask, gate=gate, exclude_self=exclude_self, device=device,
    )  # fmt: skip
    double = {n: x.double() if x is not True and x.is_floating_point() else x
              for n, x in inputs.items()}  # fmt: skip
    got = spherical_attention_map(**inputs, method="streaming")
    want = spherical_attention_map(**double, method="reference")
    for name, mean, exact in zip(got._fields, got, want, strict=True):
        assert mean.dtype == torch.float32
        torch.testing.assert_close(mean.double(), exact, atol=1e-6, rtol=1e-5, msg=name)


@pytest.mark.parametrize("options", [False, True], ids=["plain", "options"])
def test_l1_map(options: bool, make_inputs: MakeInputs, device: str) -> None:
    inputs = map_inputs(
        make_inputs, batch=3, n_heads=2, n_queries=19, n_keys=37, dtype=torch.float32,
        bias=options, mask=options, device=device,
    )  # fmt: skip
    if options:
        gate = torch.rand(2, 19, 37, generator=torch.Generator().manual_seed(2))
        inputs["gate"] = gate.round(decimals=1).to(device)
    inputs["normaliser"] = "l1"
    got, want = (spherical_attention_map(**inputs, method=m) for m in ("streaming", "reference"))
    for name, mean, exact in zip(got._fields, got, want, strict=True):
        torch.testing.assert_close(mean, exact, atol=1e-6, rtol=1e-5, msg=name)


def test_map_of_half_precision_is_float32(make_inputs: MakeInputs, device: str) -> None:
    inputs = map_inputs(make_inputs, dtype=torch.float16, head_dim=64, device=device)
    got = spherical_attention_map(**inputs, method="streaming")
    want = spherical_attention_map(**{n: t.double() for n, t in inputs.items()})
    for mean, exact in zip(got, want, strict=True):
        torch.testing.assert_close(mean, exact.float(), atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("normaliser", ["l2", "l1"])
def test_every_gradient_of_the_map(normaliser: str, make_inputs: MakeInputs, device: str) -> None:
    inputs = map_inputs(
        make_inputs, dtype=torch.float32, bias=True, mask=True, gate=True, exclude_self="index",
        device=device,
    )  # fmt: skip
    inputs["k"][~inputs["key_mask"][:, None].expand(-1, 3, -1)] = float("nan")
    leaves = [inputs[name].requires_grad_() for name in ("q", "k", "bias")]

    def gradients(method: str) -> tuple[Tensor, ...]:
        g = torch.Generator().manual_seed(4)
        means = spherical_attention_map(**inputs, normaliser=normaliser, method=method)
        loss = sum((m * torch.randn(m.shape, generator=g).to(device)).sum() for m in means)
        return torch.autograd.grad(loss, leaves)

    for got, want in zip(gradients("streaming"), gradients("reference"), strict=True):
        torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shared", ["q", "k", "qk", "key_mask"])
def test_map_of_a_shared_batch(shared: str, make_inputs: MakeInputs, device: str) -> None:
    inputs = map_inputs(make_inputs, batch=5, dtype=torch.float32, mask=True, device=device)
    for name in [shared] if shared == "key_mask" else shared:
        inputs[name] = inputs[name][:1]
    got = spherical_attention_map(**inputs, method="streaming")
    want = spherical_attention_map(**inputs, method="reference")
    for a, b in zip(got, want, strict=True):
        torch.testing.assert_close(a, b)


def test_bias_gradient_is_summed_over_the_batch_in_its_own_dtype(
    make_inputs: MakeInputs, results: Callable[..., dict[str, Tensor]], device: str
) -> None:
    inputs = make_inputs(
        batch=7, n_heads=1, n_queries=37, n_keys=41, dtype=torch.float32, device=device
    )
    inputs["bias"] = torch.randn(1, 37, 41, device=device).half()
    got, want = (results(inputs, method)["bias"] for method in ("streaming", "reference"))
    assert got.dtype == torch.float16
    torch.testing.assert_close(got, want)
