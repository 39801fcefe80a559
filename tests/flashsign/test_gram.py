"""Method gram: full-graph compilation, and one map for a whole batch."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("method", ["gram", "reference"])
@pytest.mark.parametrize(
    "options",
    [{"exclude_self": "true"}, {"bias": True, "mask": True, "map_batch": 1}],
    ids=["plain", "biased_shared"],
)
def test_compiles_into_one_graph(
    method: str, options: dict[str, Any], make_inputs: MakeInputs
) -> None:
    inputs = make_inputs(**options)
    names = [n for n, x in inputs.items() if isinstance(x, Tensor) and x.is_floating_point()]
    tensors = [inputs[n].requires_grad_() for n in names]
    fixed = {n: x for n, x in inputs.items() if n not in names}

    def attend(*tensors: Tensor) -> Tensor:
        given = dict(zip(names, tensors, strict=True))
        return spherical_attention(**given, **fixed, method=method)

    compiled = torch.compile(attend, fullgraph=True, backend="aot_eager")
    got, want = compiled(*tensors), attend(*tensors)
    torch.testing.assert_close(got, want)
    do = torch.ones_like(want)
    for a, b in zip(
        torch.autograd.grad(got, tensors, do), torch.autograd.grad(want, tensors, do), strict=True
    ):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize("shared", ["q", "k", "v", "qk", "qv", "kv", "qkv", "key_mask"])
@pytest.mark.parametrize("how", ["one", "expanded"])
def test_a_batch_of_one_equals_its_repetition(
    how: str, shared: str, bias: bool, make_inputs: MakeInputs
) -> None:
    inputs = make_inputs(batch=5, bias=bias, mask=shared == "key_mask")
    sharing = [shared] if shared == "key_mask" else list(shared)
    ones = {n: inputs[n][:1].requires_grad_(inputs[n].is_floating_point()) for n in sharing}
    if how == "one" and shared == "qkv":
        ones["v"] = inputs["v"].requires_grad_()

    def step(given: dict[str, Tensor], method: str) -> list[Tensor]:
        out = spherical_attention(**(inputs | given), method=method)
        leaves = [x for x in ones.values() if x.requires_grad]
        do = torch.randn(out.shape, generator=torch.Generator().manual_seed(3), dtype=out.dtype)
        return [out, *(torch.autograd.grad(out, leaves, do) if leaves else ())]

    repeated = {n: x.repeat(5 // len(x), *[1] * (x.ndim - 1)) for n, x in ones.items()}
    given = ones if how == "one" else {n: x.expand(5, *x.shape[1:]) for n, x in ones.items()}
    for got, want in zip(step(given, "gram"), step(repeated, "reference"), strict=True):
        assert got.shape == want.shape
        torch.testing.assert_close(got, want, atol=1e-9, rtol=1e-9)


def test_an_expanded_leaf_gets_a_gradient_per_element() -> None:
    g = torch.Generator().manual_seed(0)
    q, k, v = torch.randn(3, 1, 1, 7, 5, generator=g, dtype=torch.float64)
    v = torch.randn(3, 1, 7, 5, generator=g, dtype=torch.float64)
    leaf = q.expand(3, -1, -1, -1).requires_grad_()
    got, want = (
        torch.autograd.grad(spherical_attention(leaf, k, v, method=m).square().sum(), leaf)[0]
        for m in ("gram", "reference")
    )
    torch.testing.assert_close(got, want)
