"""The specification against numbers worked out by hand."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention, spherical_attention_map
from flashsign.reference import compute_dtype, inverse_norm

Q = torch.tensor([[[[1.0, 0.0], [0.0, 2.0]]]], dtype=torch.float64)
K = torch.tensor([[[[3.0, 1.0], [-4.0, 0.0], [0.0, 1.0]]]], dtype=torch.float64)
V = torch.tensor([[[[1.0], [10.0], [100.0]]]], dtype=torch.float64)
NORMALISERS = ["l2", "l1", "softmax"]
# q kᵀ = [[3, -4, 0], [2, 0, 2]]


def attend(**options: object) -> list[float]:
    out = spherical_attention(Q, K, V, eps=0.0, method="reference", **options)
    return out.flatten().tolist()


def test_weights_keep_their_sign_and_lie_on_the_unit_sphere() -> None:
    # rows of w: [0.6, -0.8, 0] and [1, 0, 1]/√2
    assert attend() == pytest.approx([0.6 - 8.0, 101 / 2**0.5])


def test_l1_weights_keep_their_sign_and_have_absolute_sum_one() -> None:
    # rows of w: [3, -4, 0]/7 and [1, 0, 1]/2
    assert attend(normaliser="l1") == pytest.approx([(3 - 40) / 7, 101 / 2])
    out = spherical_attention(Q, K, V, eps=3.0, normaliser="l1", method="reference")
    assert out.flatten()[0].item() == pytest.approx((3 - 40) / 10)


def test_softmax_weights_are_those_of_torch() -> None:
    want = torch.nn.functional.scaled_dot_product_attention(Q, K, V, scale=1.0)
    assert attend(normaliser="softmax") == pytest.approx(want.flatten().tolist())


def test_removed_pairs_have_no_softmax_weight() -> None:
    mask = torch.tensor([[True, False, True]])
    e3 = math.exp(3.0)
    want = (e3 * 1 + 100) / (e3 + 1)
    assert attend(key_mask=mask, normaliser="softmax")[0] == pytest.approx(want)
    gate = torch.tensor([[2.0, 0.0, 0.0], [1.0, 1.0, 1.0]], dtype=torch.float64)
    assert attend(gate=gate, normaliser="softmax")[0] == pytest.approx(1.0)
    own = torch.tensor([0, -1])
    assert attend(gate=gate, exclude_self=own, normaliser="softmax")[0] == 0.0  # none is left


def test_row_norms_of_the_map() -> None:
    def norms(normaliser: str) -> list[float]:
        means = spherical_attention_map(Q, K, eps=1.0, normaliser=normaliser, method="reference")
        return means.row_norm_mean.flatten().tolist()

    assert norms("l1") == pytest.approx([7.0, 4.0])
    want = [math.log(math.exp(3) + math.exp(-4) + 1), math.log(2 * math.exp(2) + 1)]
    assert norms("softmax") == pytest.approx(want)


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_a_gate_for_each_head(normaliser: str, make_inputs: Callable[..., dict[str, Any]]) -> None:
    inputs = make_inputs(bias=True, mask=True)
    gate = torch.rand(3, 13, 11, generator=torch.Generator().manual_seed(2)).round(decimals=1)
    out = spherical_attention(**inputs, gate=gate, normaliser=normaliser, method="reference")
    for h in range(3):
        head = {n: inputs[n][:, h : h + 1] for n in "qkv"}
        one = head | {"bias": inputs["bias"][h : h + 1], "key_mask": inputs["key_mask"]}
        want = spherical_attention(**one, gate=gate[h], normaliser=normaliser, method="reference")
        torch.testing.assert_close(out[:, h : h + 1], want)


def test_epsilon_stands_inside_the_root() -> None:
    out = spherical_attention(Q, K, V, eps=11.0, method="reference")
    assert out.flatten()[0].item() == pytest.approx((3 - 40) / 6)


def test_bias_is_added_before_the_norm() -> None:
    bias = torch.tensor([[[0.0, 4.0, 4.0], [0.0, 0.0, 0.0]]], dtype=torch.float64)
    assert attend(bias=bias)[0] == pytest.approx((3 * 1 + 4 * 100) / 5)


def test_key_mask_removes_a_key() -> None:
    assert attend(key_mask=torch.tensor([[True, False, True]]))[0] == pytest.approx(1.0)


def test_exclude_self_by_index_removes_one_pair_and_minus_one_none() -> None:
    assert attend(exclude_self=torch.tensor([1, -1])) == pytest.approx([1.0, 101 / 2**0.5])


def test_gate_multiplies_the_scores() -> None:
    gate = torch.tensor([[4.0, 4.0, 1.0], [0.0, 1.0, 3.0]], dtype=torch.float64)
    assert attend(gate=gate) == pytest.approx([0.6 - 8.0, 100.0])


def test_common_scale_cancels() -> None:
    a = spherical_attention(Q, K, V, eps=0.0, method="reference")
    b = spherical_attention(3.7 * Q, 0.2 * K, V, eps=0.0, method="reference")
    torch.testing.assert_close(a, b)


def test_map_means_over_the_batch() -> None:
    q = torch.cat([Q, -Q])  # the sign of every weight turns
    means = spherical_attention_map(q, K, eps=0.0, method="reference")
    assert means.weight_mean.abs().max().item() == 0.0
    assert means.weight_abs_mean[0, 0].tolist() == pytest.approx([0.6, 0.8, 0.0])
    assert means.weight_square_mean[0, 0].tolist() == pytest.approx([0.36, 0.64, 0.0])
    assert means.row_norm_mean[0].tolist() == pytest.approx([5.0, 8**0.5])


def test_inverse_norm_of_zero_without_epsilon_is_zero_with_zero_gradient() -> None:
    x = torch.tensor([0.0, 4.0], dtype=torch.float64, requires_grad=True)
    r = inverse_norm(x, 0.0)
    r.sum().backward()
    assert r.tolist() == [0.0, 0.5]
    assert x.grad is not None
    assert x.grad.tolist() == pytest.approx([0.0, -1 / 16])


def test_half_precision_is_computed_in_float32() -> None:
    assert compute_dtype(torch.bfloat16) == compute_dtype(torch.float16) == torch.float32
    assert compute_dtype(torch.float64) == torch.float64


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("exclude_self", ["none", "true", "index"])
@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_gradcheck(
    eps: float,
    exclude_self: str,
    normaliser: str,
    make_inputs: Callable[..., dict[str, Any]],
) -> None:
    inputs = make_inputs(
        n_queries=3, n_keys=4, head_dim=2, value_dim=1, n_heads=2, bias=True, mask=True, gate=True,
        exclude_self=exclude_self,
    )  # fmt: skip
    names = ("q", "k", "v", "bias", "gate")
    fixed = {n: x for n, x in inputs.items() if n not in names}

    def attend(*tensors: torch.Tensor) -> torch.Tensor:
        given = dict(zip(names, tensors, strict=True))
        options = {"eps": eps, "normaliser": normaliser, "method": "reference"}
        return spherical_attention(**given, **fixed, **options)

    assert torch.autograd.gradcheck(attend, [inputs[n].requires_grad_() for n in names])


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_rows_without_keys_have_zeros_and_zero_gradients(
    eps: float, normaliser: str, make_inputs: Callable[..., dict[str, Any]]
) -> None:
    inputs = make_inputs(gate=True, bias=True)
    inputs["gate"][4] = 0.0
    leaves = [inputs[n].requires_grad_() for n in ("q", "k", "v", "bias")]
    out = spherical_attention(**inputs, eps=eps, normaliser=normaliser, method="reference")
    del inputs["v"]
    means = spherical_attention_map(**inputs, eps=eps, normaliser=normaliser, method="reference")
    assert (out[:, :, 4] == 0).all()
    assert all((mean[:, 4] == 0).all() for mean in means)
    grads = torch.autograd.grad(out.sum() + sum(mean.sum() for mean in means), leaves)
    assert all(grad.isfinite().all() for grad in grads)
    assert (grads[0][:, :, 4] == 0).all()
    assert (grads[3][:, 4] == 0).all()
