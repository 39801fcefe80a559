"""Every wrong argument is refused with its name, what was got, what was expected and the fix."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention, spherical_attention_map
from flashsign.checks import check_inputs
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]

F64 = torch.float64
WRONG = {
    "three_axes": ({"q": torch.zeros(3, 13, 5)}, r"q: got shape \(3, 13, 5\), expected 4 axes"),
    "no_keys": ({"k": torch.zeros(2, 3, 0, 5)}, r"k: got shape \(2, 3, 0, 5\).*at least one head"),
    "head_dim": (
        {"k": torch.zeros(2, 3, 11, 4, dtype=F64)},
        r"k: got shape \(2, 3, 11, 4\), expected \(2, 3, 11, 5\)",
    ),
    "heads": ({"v": torch.zeros(2, 1, 11, 7, dtype=F64)}, r"v: .*expected \(2, 3, 11, d_v\)"),
    "batch": ({"q": torch.zeros(4, 3, 13, 5, dtype=F64)}, r"k: .*expected \(4, 3, 11, 5\), or a"),
    "bias": ({"bias": torch.zeros(1, 13, 11)}, r"bias: .*expected \(3, 13, 11\)"),
    "bias_rank": ({"bias": torch.zeros(13, 11)}, r"bias: .*expected \(3, 13, 11\)"),
    "mask": ({"key_mask": torch.ones(2, 13).bool()}, r"key_mask: .*expected \(2, 11\)"),
    "mask_dtype": (
        {"key_mask": torch.ones(2, 11)},
        r"key_mask: got dtype torch.float32.*bool\(\)",
    ),
    "gate": ({"gate": torch.ones(11, 13)}, r"gate: .*expected \(13, 11\)"),
    "gate_heads": ({"gate": torch.ones(2, 13, 11)}, r"gate: .*expected \(3, 13, 11\)"),
    "gate_sign": ({"gate": -torch.ones(13, 11)}, r"gate: got a smallest value of -1.0.*clamp"),
    "dtype": ({"k": torch.zeros(2, 3, 11, 5)}, r"k: got dtype torch.float32, expected .*float64"),
    "integer": ({"v": torch.ones(2, 3, 11, 7).int()}, r"v: got dtype torch.int32.*v.float\(\)"),
    "device": ({"v": torch.ones(2, 3, 11, 7, dtype=F64, device="meta")}, r"v: got device meta"),
    "self": ({"exclude_self": True}, r"exclude_self: got True with 13 queries and 11 keys"),
    "self_shape": ({"exclude_self": torch.zeros(11).long()}, r"exclude_self: .*expected \(13\)"),
    "self_dtype": ({"exclude_self": torch.ones(13).bool()}, r"exclude_self: got dtype torch.bool"),
    "self_high": ({"exclude_self": torch.arange(13)}, r"exclude_self: got indices from 0 to 12"),
    "self_low": ({"exclude_self": -2 * torch.ones(13).int()}, r"got indices from -2 to -2"),
    "eps": ({"eps": -1.0}, r"eps: got -1.0, expected a number >= 0"),
    "eps_nan": ({"eps": float("nan")}, r"eps: got nan"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_argument_is_refused(name: str, make_inputs: MakeInputs) -> None:
    change, message = WRONG[name]
    inputs = make_inputs() | change
    with pytest.raises(ValueError, match=message):
        spherical_attention(**inputs)
    if "v" not in change:
        del inputs["v"]
        with pytest.raises(ValueError, match=message):
            spherical_attention_map(**inputs)


def test_self_index_of_every_form(make_inputs: MakeInputs) -> None:
    def index(exclude_self: bool | torch.Tensor, n_queries: int = 11) -> list[int] | None:
        x = make_inputs(n_queries=n_queries)
        got = check_inputs(x["q"], x["k"], x["v"], None, None, exclude_self, None, 1e-6)
        return None if got is None else got.tolist()

    assert index(False) is None
    assert index(True) == list(range(11))
    assert index(torch.tensor([4, -1, 0], dtype=torch.int32), 3) == [4, -1, 0]


def test_mixed_dtypes_are_for_autocast_only(make_inputs: MakeInputs) -> None:
    inputs = make_inputs(dtype=torch.float32)
    inputs["k"] = inputs["k"].bfloat16()
    with pytest.raises(ValueError, match="k: got dtype"):
        spherical_attention(**inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert spherical_attention(**inputs).isfinite().all()


ARGUMENTS = ["q", "k", "v", "bias", "key_mask", "gate", "exclude_self"]


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("convert", [Tensor.numpy, Tensor.tolist], ids=["array", "list"])
def test_what_is_no_tensor(
    name: str, convert: Callable[[Tensor], Any], make_inputs: MakeInputs
) -> None:
    inputs = make_inputs(bias=True, mask=True, gate=True, exclude_self="index")
    inputs[name] = convert(inputs[name])
    with pytest.raises(TypeError, match=rf"{name}: got .*expected torch.Tensor.*as_tensor"):
        spherical_attention(**inputs)


@pytest.mark.parametrize("eps", ["1e-6", None, torch.tensor(1e-6)])
def test_an_eps_that_is_no_number(eps: Any, make_inputs: MakeInputs) -> None:
    with pytest.raises(TypeError, match="eps: got"):
        spherical_attention(**make_inputs(), eps=eps)


@pytest.mark.parametrize("method", ["gram", "reference", "auto"])
@pytest.mark.parametrize("value", [-torch.inf, torch.inf])
def test_infinite_scores_have_no_norm(value: float, method: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs(bias=True)
    inputs["bias"][1, 2, 3] = value
    with pytest.raises(ValueError, match=r"bias: got -?inf.*finite.*gate"):
        spherical_attention(**inputs, method=method)
    del inputs["v"]
    with pytest.raises(ValueError, match=r"bias: got -?inf"):
        spherical_attention_map(**inputs, normaliser="l1", method=method)


@pytest.mark.parametrize("method", ["gram", "reference"])
def test_a_bias_of_minus_infinity_removes_a_pair_from_softmax(
    method: str, make_inputs: MakeInputs
) -> None:
    inputs = make_inputs(bias=True)
    removed = torch.rand(inputs["bias"].shape) > 0.5
    removed[0, 0] = True  # a row without pairs
    gate = (~removed).double()
    want = spherical_attention(**inputs, gate=gate, normaliser="softmax", method="reference")
    inputs["bias"] = inputs["bias"].masked_fill(removed, -torch.inf)
    leaves = [inputs[name].requires_grad_() for name in ("q", "k", "v")]
    got = spherical_attention(**inputs, normaliser="softmax", method=method)
    torch.testing.assert_close(got, want)
    assert all(g.isfinite().all() for g in torch.autograd.grad(got.sum(), leaves))


@pytest.mark.parametrize("method", ["auto", "gram", "reference"])
def test_a_batch_of_none(method: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs(bias=True, n_queries=197, n_keys=193)
    for name in ("q", "v"):
        inputs[name] = inputs[name][:0].requires_grad_()
    inputs["k"] = inputs["k"][:1]
    out = spherical_attention(**inputs, method=method)
    assert out.shape == (0, 3, 197, 7)
    out.sum().backward()
    del inputs["v"]
    with pytest.raises(ValueError, match=r"q: got shape .*batch of at least 1"):
        spherical_attention_map(**inputs, method=method)


@pytest.mark.parametrize("method", ["auto", "gram", "reference"])
@pytest.mark.parametrize("n_queries", [13, 197])
def test_tensors_on_meta(n_queries: int, method: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs(
        n_queries=n_queries, n_keys=193, bias=True, mask=True, exclude_self="index",
        gate=method != "gram", device="meta",
    )  # fmt: skip
    inputs["q"].requires_grad_()
    out = spherical_attention(**inputs, method=method)
    assert (out.device.type, out.shape) == ("meta", (2, 3, n_queries, 7))
    out.sum().backward()
    del inputs["v"]
    means = spherical_attention_map(**inputs, method=method)
    assert (means.weight_mean.device.type, means.weight_mean.shape) == (
        "meta",
        (3, n_queries, 193),
    )
