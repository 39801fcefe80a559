"""The linear-time operators of half precision as torch sees them, and what is handed to them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import gram
from flashsign.linear.kernels import ops
from flashsign.linear.kernels.ops import half_gram_backward, half_gram_forward, serves
from torch._subclasses.fake_tensor import FakeTensorMode

MakeInputs = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("exclude_self", ["none", "index"])
def test_opcheck(exclude_self: str, make_inputs: MakeInputs, device: str) -> None:
    inputs = make_inputs(
        batch=1, n_heads=2, dtype=torch.float16, exclude_self=exclude_self, device=device
    )
    q, k, v = (inputs[name].requires_grad_() for name in "qkv")
    index = inputs.get("exclude_self")
    torch.library.opcheck(half_gram_forward, (q, k, v, index, 1e-6))
    with torch.no_grad():
        out, *saved = half_gram_forward(q, k, v, index, 1e-6)
        do = torch.ones_like(out)
        torch.library.opcheck(half_gram_backward, (do, q, k, v, index, saved, 1e-6, None))


def test_half_precision_on_a_gpu_takes_the_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    with FakeTensorMode():
        half, wide = (torch.zeros(1, 1, 3, d, device="cuda").bfloat16() for d in (5, 257))
        single, host = torch.zeros(1, 1, 3, 5, device="cuda"), torch.zeros(1, 1, 3, 5).half()
    assert serves(half, half, half)
    assert not serves(half, half, wide)
    assert not serves(wide, wide, half)
    assert not serves(single, single, single)
    assert not serves(half, half, single)  # autocast
    assert not serves(host, host, host)


@pytest.mark.parametrize(
    "options",
    [{}, {"mask": True, "exclude_self": "index"}, {"map_batch": 1}],
    ids=["plain", "options", "shared"],
)
def test_gram_through_the_kernels_agrees_with_the_specification(
    options: dict[str, Any],
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, torch.Tensor]],
    assert_within_budget: Callable[..., Any],
    device: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whole way from the public function, with the kernels in Triton's interpreter."""
    monkeypatch.setattr(gram, "serves", lambda q, k, v: True)
    inputs = make_inputs(
        batch=2, n_heads=1, n_queries=37, n_keys=41, head_dim=11, dtype=torch.float16,
        device=device, **options,
    )  # fmt: skip
    called: list[bool] = []
    monkeypatch.setattr(
        gram,
        "half_gram_forward",
        lambda *a: (called.append(True), ops.half_gram_forward(*a))[1],
    )
    assert_within_budget(results(inputs, "gram"), inputs)
    assert called == [True]
