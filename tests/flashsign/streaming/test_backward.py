"""The backward kernels: layouts, determinism, passes split for wide heads, range of float16.

Their agreement with the specification under all options is in test_streaming_forward.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention
from flashsign.streaming import backward
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]
Results = Callable[..., dict[str, Tensor]]


def test_two_runs_agree_to_the_bit(make_inputs: MakeInputs, results: Results, device: str) -> None:
    inputs = make_inputs(
        n_queries=37,
        n_keys=41,
        dtype=torch.float32,
        bias=True,
        exclude_self="index",
        device=device,
    )
    first, second = results(inputs, "streaming"), results(inputs, "streaming")
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("layout", ["b h n d", "b n h d", "n b h d", "every other", "transposed"])
def test_any_layout_is_read_in_place(
    layout: str, make_inputs: MakeInputs, results: Results, device: str
) -> None:
    inputs = make_inputs(n_queries=37, n_keys=41, dtype=torch.float32, bias=True, device=device)
    want = results(inputs, "reference")

    def laid_out(t: Tensor) -> Tensor:
        if layout == "b n h d":
            return t.transpose(1, 2).contiguous().transpose(1, 2)
        if layout == "n b h d":
            return t.permute(2, 0, 1, 3).contiguous().permute(1, 2, 0, 3)
        if layout == "every other":
            return t.repeat_interleave(2, dim=2)[:, :, ::2]
        return t.mT.contiguous().mT if layout == "transposed" else t

    for name in ("q", "k", "v"):
        inputs[name] = laid_out(inputs[name]).requires_grad_()
    inputs["bias"] = inputs["bias"].mT.contiguous().mT.requires_grad_()
    out = spherical_attention(**inputs, method="streaming")
    do = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    out.backward(laid_out(do.to(device, out.dtype)))
    torch.testing.assert_close(out, want["out"], atol=1e-5, rtol=1e-5)
    for name in ("q", "k", "v", "bias"):
        torch.testing.assert_close(inputs[name].grad, want[name], atol=1e-5, rtol=1e-5)


def test_no_copy_of_tokens_before_heads(make_inputs: MakeInputs, device: str) -> None:
    """Of (b, n, h, d) in memory the output is too, so that heads merge into a view."""
    inputs = make_inputs(dtype=torch.float32, device=device)
    inputs = {n: t.transpose(1, 2).contiguous().transpose(1, 2) for n, t in inputs.items()}
    out = spherical_attention(**inputs, method="streaming")
    assert out.transpose(1, 2).is_contiguous()
    out.transpose(1, 2).view(2, 13, 3 * 7)


def test_expanded_output_gradient(make_inputs: MakeInputs, device: str) -> None:
    """`sum().backward()` hands over one number with strides of 0."""
    inputs = make_inputs(dtype=torch.float32, device=device)
    grads = []
    for method in ("streaming", "reference"):
        q = inputs["q"].clone().requires_grad_()
        spherical_attention(q, inputs["k"], inputs["v"], method=method).sum().backward()
        grads.append(q.grad)
    torch.testing.assert_close(*grads)


def test_dk_and_dv_in_passes_of_their_own(
    make_inputs: MakeInputs, results: Results, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = make_inputs(dtype=torch.float32, mask=True, exclude_self="index", device=device)
    together = results(inputs, "streaming")
    monkeypatch.setattr(backward, "WIDE_GRADIENTS", 1)
    apart = results(inputs, "streaming")
    for name in together:
        torch.testing.assert_close(apart[name], together[name])


@pytest.mark.parametrize("size", [1e-2, 1.0, 30.0])
def test_float16_gradients_neither_vanish_nor_overflow(
    size: float, make_inputs: MakeInputs, results: Results, device: str
) -> None:
    """r is about 1/(size² √(M d)): without a scale r x of 1e-3 has no digit left in float16."""
    inputs = make_inputs(
        batch=1, n_heads=1, n_queries=61, n_keys=307, head_dim=64, dtype=torch.float16,
        device=device,
    )  # fmt: skip
    inputs["q"], inputs["k"] = size * inputs["q"], size * inputs["k"]
    inputs["v"] = 1e-2 * inputs["v"]
    exact = results(inputs, "reference", torch.float64)
    for name, got in results(inputs, "streaming").items():
        error = (got.double() - exact[name]).norm() / exact[name].norm()
        smallest = torch.finfo(torch.float16).smallest_normal
        assert error < (2e-3 if exact[name].abs().median() > smallest else 2e-2), name
