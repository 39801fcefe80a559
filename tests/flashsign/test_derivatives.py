"""Derivatives beyond the first gradient: right for every form, never zero in silence."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import derivatives, spherical_attention, spherical_attention_map
from torch import Tensor
from torch.autograd import forward_ad

MakeInputs = Callable[..., dict[str, Any]]
Function = Callable[[Tensor], Tensor]

CASES: dict[str, dict[str, Any]] = {
    "linear": {"method": "gram"},
    "linear, self excluded, shared": {"method": "gram", "exclude_self": "true", "map_batch": 1},
    "rows": {"method": "gram", "bias": True, "mask": True},
    "rows, softmax": {"method": "gram", "bias": True, "normaliser": "softmax"},
    "gated": {"gate": True, "mask": True},
    "map": {"method": "gram", "map": True, "mask": True},
    "map, softmax": {"method": "gram", "map": True, "bias": True, "normaliser": "softmax"},
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, make_inputs: MakeInputs) -> tuple[Function, Tensor]:
    """Return a function of q by one of the forms, and q; more pairs than `auto` calls few."""
    options = dict(CASES[request.param])
    given = {name: options.pop(name) for name in ("method", "normaliser") if name in options}
    of_map = options.pop("map", False)
    inputs = make_inputs(n_heads=1, head_dim=3, value_dim=2, n_queries=197, n_keys=193, **options)
    q = inputs.pop("q")
    if not of_map:
        return lambda q: spherical_attention(q, **inputs, **given), q
    del inputs["v"]

    def flat_map(q: Tensor) -> Tensor:
        means = spherical_attention_map(q, **inputs, **given)
        return torch.cat([mean.flatten() for mean in means])

    return flat_map, q


def along(function: Function, q: Tensor, tangent: Tensor) -> Tensor:
    """Return the derivative in the direction of `tangent` by central differences."""
    step = 1e-6 * tangent
    return (function(q + step) - function(q - step)) / 2e-6


def assert_near(got: Tensor, want: Tensor, share: float = 1e-5) -> None:
    assert want.norm() > 0
    assert (got - want).norm() <= share * want.norm()


def test_forward_mode(case: tuple[Function, Tensor]) -> None:
    function, q = case
    tangent = torch.randn_like(q)
    want = along(function, q, tangent)
    assert_near(torch.func.jvp(function, (q,), (tangent,))[1], want)
    with forward_ad.dual_level():
        found = forward_ad.unpack_dual(function(forward_ad.make_dual(q, tangent)))
    assert_near(found.tangent, want)
    assert_near(torch.autograd.functional.jvp(function, q, tangent)[1], want)


def test_forward_mode_of_a_gradient(case: tuple[Function, Tensor]) -> None:
    """The tangent arrives in the backward pass of an operator that ran without one."""
    function, q = case
    q.requires_grad_()
    out = function(q)
    do = torch.randn_like(out)
    (want,) = torch.autograd.grad(out, q, do, retain_graph=True)
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(torch.zeros_like(do), do)
        (found,) = torch.autograd.grad(out, q, dual)
        assert_near(forward_ad.unpack_dual(found).tangent, want, 1e-9)


def test_second_derivatives(case: tuple[Function, Tensor]) -> None:
    function, q = case
    tangent = torch.randn_like(q)

    def gradient(q: Tensor) -> Tensor:
        q = q.detach().requires_grad_()
        return torch.autograd.grad(function(q).square().sum(), q)[0]

    leaf = q.clone().requires_grad_()
    (first,) = torch.autograd.grad(function(leaf).square().sum(), leaf, create_graph=True)
    (second,) = torch.autograd.grad((first * tangent).sum(), leaf)
    assert_near(second, along(gradient, q, tangent))


def test_third_derivatives(make_inputs: MakeInputs) -> None:
    inputs = make_inputs(n_heads=1, n_queries=197, n_keys=193)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)

    def derivatives_of(method: str) -> list[Tensor]:
        found = [spherical_attention(**{**inputs, "v": inputs["v"] * scale.sin(),
                 "q": inputs["q"] * scale, "eps": 3.0}, method=method).square().sum()]  # fmt: skip
        for _ in range(3):
            found += torch.autograd.grad(found[-1], scale, create_graph=True)
        return found

    for got, want in zip(derivatives_of("gram"), derivatives_of("reference"), strict=True):
        torch.testing.assert_close(got, want)


@pytest.mark.parametrize("transform", [torch.func.jacrev, torch.func.jacfwd, torch.func.hessian])
def test_transforms(case: tuple[Function, Tensor], transform: Callable[..., Any]) -> None:
    function, q = case

    def of_two(x: Tensor) -> Tensor:
        return function(q * x[:, None, None, None]).square().sum() if len(q) > 1 else function(
            q * x.prod()).square().sum()  # fmt: skip

    x = torch.tensor([1.0, 1.2], dtype=torch.float64)
    plain = {
        torch.func.hessian: torch.autograd.functional.hessian,
    }.get(transform, torch.autograd.functional.jacobian)
    for vectorize in (False, True):
        torch.testing.assert_close(transform(of_two)(x), plain(of_two, x, vectorize=vectorize))


def test_a_batch_of_problems(case: tuple[Function, Tensor]) -> None:
    function, q = case
    problems = torch.stack([q, 2 * q, q.flip(2)])
    want = torch.stack([function(one) for one in problems])
    torch.testing.assert_close(torch.func.vmap(function)(problems), want)


def test_every_argument_of_a_batch_of_problems(make_inputs: MakeInputs) -> None:
    inputs = make_inputs(bias=True, mask=True, gate=True, exclude_self="index")
    names = list(inputs)

    def attend(*tensors: Tensor) -> Tensor:
        return spherical_attention(**dict(zip(names, tensors, strict=True)))

    stacked = [torch.stack([t, t.flip(0)]) for t in inputs.values()]
    want = torch.stack([attend(*(t[i] for t in stacked)) for i in range(2)])
    torch.testing.assert_close(torch.func.vmap(attend)(*stacked), want)


@pytest.mark.parametrize("normaliser", ["l2", "l1"])
def test_gradgradcheck_of_every_argument(normaliser: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs(n_heads=1, batch=1, n_queries=3, n_keys=4, head_dim=2, value_dim=2)
    bias = torch.randn(1, 3, 4, dtype=torch.float64)
    leaves = [t.requires_grad_() for t in (inputs["q"], inputs["k"], inputs["v"], bias)]

    def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        return spherical_attention(q, k, v, bias=bias, method="gram", normaliser=normaliser)

    def attend_linearly(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return spherical_attention(q, k, v, method="gram")

    assert torch.autograd.gradgradcheck(attend, leaves)
    assert torch.autograd.gradgradcheck(attend_linearly, leaves[:3])


def test_second_derivatives_of_the_kernels(make_inputs: MakeInputs, device: str) -> None:
    inputs = make_inputs(batch=1, n_heads=1, dtype=torch.float32, mask=True, device=device)
    inputs["k"] = inputs["k"].masked_fill(~inputs["key_mask"][:, None, :, None], float("nan"))

    def curvature(method: str) -> Tensor:
        q = inputs["q"].detach().requires_grad_()
        out = spherical_attention(**{**inputs, "q": q}, method=method)
        (first,) = torch.autograd.grad(out.square().sum(), q, create_graph=True)
        return torch.autograd.grad(first.square().sum(), q)[0]

    torch.testing.assert_close(
        curvature("streaming"), curvature("reference"), atol=1e-4, rtol=1e-3
    )


def test_without_tangents_the_operators_run() -> None:
    assert not derivatives.plain_torch_only()
    with forward_ad.dual_level():
        assert derivatives.plain_torch_only()
