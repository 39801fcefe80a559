"""The streaming operators as torch sees them: opcheck, compilation, autocast, checkpointing."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention
from flashsign.streaming import ops
from torch import Tensor
from torch.utils.checkpoint import checkpoint

MakeInputs = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("normaliser", ["l2", "l1"])
@pytest.mark.parametrize("options", [False, True], ids=["plain", "options"])
def test_opcheck(options: bool, normaliser: str, make_inputs: MakeInputs, device: str) -> None:
    inputs = make_inputs(
        dtype=torch.float32, bias=options, mask=options, gate=options,
        exclude_self="index" if options else "none", device=device,
    )  # fmt: skip
    q, k, v = (inputs[name].requires_grad_() for name in "qkv")
    bias = inputs["bias"].requires_grad_() if options else None
    rest = tuple(inputs.get(name) for name in ("key_mask", "exclude_self", "gate"))
    inputs_of = (q, k, v, bias, *rest, 1e-6, normaliser)
    torch.library.opcheck(ops.streaming_forward, inputs_of)
    with torch.no_grad():
        out, norm = ops.streaming_forward(*inputs_of)
        do = torch.ones_like(out)
        given = (do, out, norm, *inputs_of, options)
        torch.library.opcheck(ops.streaming_backward, given)


@pytest.mark.parametrize(
    ("layout", "backend"),
    [("b h n d", "aot_eager"), ("b n h d", "aot_eager"), ("b n h d", "inductor")],
)
def test_compiles_into_one_graph(
    layout: str, backend: str, make_inputs: MakeInputs, device: str
) -> None:
    if backend == "inductor" and device == "cpu" and shutil.which("g++") is None:
        pytest.skip("inductor needs a C++ compiler on the CPU")
    inputs = make_inputs(dtype=torch.float32, bias=True, mask=True, gate=True, device=device)
    names = ("q", "k", "v", "bias")
    fixed = {n: x for n, x in inputs.items() if n not in names}
    if layout == "b n h d":
        for n in "qkv":
            inputs[n] = inputs[n].transpose(1, 2).contiguous().transpose(1, 2)
    tensors = [inputs[n].requires_grad_() for n in names]

    def attend(*tensors: Tensor) -> Tensor:
        given = dict(zip(names, tensors, strict=True))
        return 2 * spherical_attention(**given, **fixed, method="streaming").transpose(1, 2)

    compiled = torch.compile(attend, fullgraph=True, backend=backend)
    got, want = compiled(*tensors), attend(*tensors)
    torch.testing.assert_close(got, want)
    do = torch.ones_like(want)
    for a, b in zip(
        torch.autograd.grad(got, tensors, do), torch.autograd.grad(want, tensors, do), strict=True
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    "dtype", [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]
)
def test_autocast_multiplies_in_its_dtype_and_returns_that_of_v(
    dtype: torch.dtype, make_inputs: MakeInputs, device: str
) -> None:
    inputs = make_inputs(dtype=torch.float32, device=device)
    inputs["q"] = inputs["q"].to(dtype)  # as a linear layer under autocast leaves it
    with torch.autocast(device, dtype=dtype):
        got = spherical_attention(**inputs, method="streaming")
    rounded = {n: t.to(dtype) for n, t in inputs.items()}
    want = spherical_attention(**rounded, method="streaming")
    assert got.dtype == torch.float32
    assert torch.equal(got, want.float())


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_activation_checkpointing(
    use_reentrant: bool, make_inputs: MakeInputs, device: str
) -> None:
    inputs = make_inputs(dtype=torch.float32, device=device)
    tensors = [inputs[n].requires_grad_() for n in "qkv"]

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return spherical_attention(q, k, v, method="streaming")

    kept = torch.autograd.grad(attend(*tensors).sum(), tensors)
    out = checkpoint(attend, *tensors, use_reentrant=use_reentrant)
    out.sum().backward()
    for t, want in zip(tensors, kept, strict=True):
        assert torch.equal(t.grad, want)


@pytest.mark.parametrize("shared", ["q", "k", "v", "qk", "key_mask"])
def test_a_batch_of_one_is_read_for_every_element(
    shared: str, make_inputs: MakeInputs, results: Callable[..., dict[str, Tensor]], device: str
) -> None:
    inputs = make_inputs(
        batch=5, dtype=torch.float32, bias=True, mask=shared == "key_mask", device=device
    )
    for name in [shared] if shared == "key_mask" else shared:
        inputs[name] = inputs[name][:1]
    got, want = (results(inputs, method) for method in ("streaming", "reference"))
    for name in want:
        assert got[name].shape == want[name].shape
        torch.testing.assert_close(got[name], want[name], atol=1e-5, rtol=1e-5)


def test_a_bias_without_gradient_has_none(make_inputs: MakeInputs, device: str) -> None:
    inputs = make_inputs(dtype=torch.float32, bias=True, device=device)
    inputs["q"].requires_grad_()
    spherical_attention(**inputs, method="streaming").sum().backward()
    assert inputs["q"].grad is not None
    assert inputs["bias"].grad is None
