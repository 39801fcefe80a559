"""Which implementation is chosen, and that an explicit one refuses what it cannot serve."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import dispatch, spherical_attention, spherical_attention_map
from flashsign.dispatch import choose_map_method, choose_method
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

MakeInputs = Callable[..., dict[str, Any]]
NORMALISERS = ["l2", "l1", "softmax"]


def test_a_method_is_what_it_says() -> None:
    q, gate = torch.ones(2, 1, 193, 5), torch.ones(193, 193)

    def chosen(method: str, gate: Tensor | None = None, bias: Tensor | None = None) -> str:
        return choose_method(method, "l2", q, q, q, bias, None, gate)

    assert chosen("auto") == chosen("gram") == chosen("auto", bias=gate[None]) == "gram"
    assert chosen("auto", gate) == "gram"  # 193² pairs are too many for the reference
    assert chosen("auto", gate.clone().requires_grad_()) == chosen("reference") == "reference"
    assert chosen("streaming") == chosen("streaming", gate) == "streaming"
    with pytest.raises(ValueError, match=r"gate: .* method='auto', 'streaming' or 'ref"):
        chosen("gram", gate)
    with pytest.raises(ValueError, match="method: got 'flash', expected"):
        chosen("flash")


def test_auto_on_a_cpu_forms_few_pairs() -> None:
    q, k = torch.ones(2, 1, 128, 5), torch.ones(2, 1, 288, 5)
    bias = torch.ones(1, 128, 288)

    def chosen(q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None = None) -> str:
        return choose_method("auto", "l2", q, k, v, bias, None, None)

    assert chosen(q, k, k) == chosen(q[:, :, :127], k, k) == chosen(q, k, k, bias) == "reference"
    assert chosen(q[:1], k[:1], k[:1], bias) == "reference"
    assert chosen(q[:1], k[:1], k) == chosen(q[:1], k[:1], k, bias) == chosen(k, k, k) == "gram"
    assert choose_map_method("auto", "l2", q, k, None, None) == "reference"
    assert choose_map_method("auto", "l2", k, k, None, None) == "gram"


def test_many_small_heads_are_taken_at_once_up_to_few_scores() -> None:
    """As a batch of small problems folded into heads is; each head has 192² pairs."""

    def chosen(n_heads: int, normaliser: str) -> set[str]:
        q = torch.ones(1, n_heads, 192, 1)
        bias = torch.ones(n_heads, 192, 192)
        return {
            choose_method("auto", normaliser, q, q, q, bias, None, None),
            choose_map_method("auto", normaliser, q, q, None, None),
        }

    for normaliser in NORMALISERS:
        assert chosen(dispatch.FEW_SCORES // 192**2, normaliser) == {"reference"}
        assert chosen(dispatch.FEW_SCORES // 192**2 + 1, normaliser) == {"gram"}


def test_auto_on_a_gpu_streams_what_is_not_linear() -> None:
    with FakeTensorMode():
        q, one = (torch.empty(n, 1, 3, 5, device="cuda") for n in (2, 1))
        wide, double = torch.empty(2, 1, 3, 257, device="cuda"), q.double()
        bias, gate = torch.empty(1, 3, 3, device="cuda"), torch.empty(3, 3, device="cuda")
        mask = torch.ones(2, 3, dtype=torch.bool, device="cuda")
        differentiable = torch.zeros(3, 3, device="cuda", requires_grad=True)
    assert choose_method("auto", "l2", q, q, q, None, None, None) == "gram"
    assert choose_method("auto", "l2", one, one, q, bias, None, None) == "gram"
    assert choose_method("auto", "l2", q, one, q, bias, None, None) == "streaming"
    assert choose_method("auto", "l2", one, one, q, bias, mask, None) == "streaming"
    assert choose_method("auto", "l2", one, one, q, None, None, gate) == "streaming"
    assert choose_method("auto", "l2", wide, wide, q, bias, None, None) == "gram"
    assert choose_method("auto", "l2", double, double, double, None, None, gate) == "gram"
    assert choose_method("auto", "l2", q, q, q, None, None, differentiable) == "reference"
    assert choose_method("auto", "l1", q, q, q, None, None, None) == "streaming"
    assert choose_method("auto", "softmax", q, q, q, None, None, None) == "gram"
    assert choose_map_method("auto", "l2", q, q, None, None) == "streaming"
    assert choose_map_method("auto", "softmax", q, q, None, None) == "gram"
    assert choose_map_method("auto", "l2", double, double, None, gate) == "gram"
    assert choose_map_method("gram", "l2", q, q, None, None) == "gram"


@pytest.mark.parametrize("function", [spherical_attention, spherical_attention_map])
def test_what_streaming_cannot_serve(
    function: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    def refuse(match: str, **changed: Any) -> None:
        q = changed.pop("q", torch.ones(2, 1, 3, 5, device=device))
        given = [q, q, q] if function is spherical_attention else [q, q]
        with pytest.raises(ValueError, match=match):
            function(*given, method="streaming", **changed)

    refuse(r"q: got dtype torch.float64 .*pass method='gram'", q=torch.ones(1, 1, 3, 5).double())
    wide = torch.ones(1, 1, 3, 257, device=device)
    refuse(r"q: got 257 features .*at most 256; use more", q=wide)
    refuse(r"normaliser: got 'softmax' .*'l2' or 'l1'.*method='auto'", normaliser="softmax")
    gate = torch.ones(3, 3, device=device, requires_grad=True)
    refuse(r"gate: .*requires a gradient.*gate.detach\(\)", gate=gate)
    monkeypatch.setattr(dispatch, "INTERPRETED", False)
    refuse(r"q: got device cpu .*expected a CUDA device", q=torch.ones(1, 1, 3, 5))
    monkeypatch.setattr(dispatch, "HAS_TRITON", False)
    refuse("method: got 'streaming', .*pip install triton")


@pytest.mark.parametrize("normaliser", ["l1", "softmax"])
def test_the_linear_form_is_that_of_l2(normaliser: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs()
    with pytest.raises(
        ValueError, match=rf"'{normaliser}' with method='gram' and no bias, .*'l2'"
    ):
        spherical_attention(**inputs, normaliser=normaliser, method="gram")


@pytest.mark.parametrize("method", ["auto", "gram"])
@pytest.mark.parametrize("function", [spherical_attention, spherical_attention_map])
def test_unknown_normaliser(
    function: Callable[..., Any], method: str, make_inputs: MakeInputs
) -> None:
    inputs = make_inputs()
    if function is spherical_attention_map:
        del inputs["v"]
    with pytest.raises(ValueError, match=r"normaliser: got 'l3', expected 'l2', 'l1' or 'soft"):
        function(**inputs, normaliser="l3", method=method)
