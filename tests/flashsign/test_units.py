"""Scores of any size: results do not depend on the units of q, k and bias."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention, spherical_attention_map
from flashsign.units import WIDE, in_units, times_power
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]

SCALES = {
    torch.float32: [(60, 0), (0, 60), (-100, 0), (-90, -20), (62, 62), (-60, -60), (90, -90)],
    torch.float64: [(600, 0), (-900, 0), (-500, -400), (700, 700)],
    torch.bfloat16: [(60, 0), (-100, 0), (62, 62)],
}
FORMS = [
    (method, dtype, powers)
    for method in ("reference", "gram")
    for dtype, several in SCALES.items()
    for powers in several
]


def results(inputs: dict[str, Any], method: str, normaliser: str) -> dict[str, Tensor]:
    """Return the output, or the map's means in a row, and all gradients, with ε = 0."""
    given = {
        n: t.detach().requires_grad_() if isinstance(t, Tensor) and t.is_floating_point() else t
        for n, t in inputs.items()
    }
    function = spherical_attention if "v" in given else spherical_attention_map
    found = function(**given, method=method, normaliser=normaliser, eps=0.0)
    out = found if isinstance(found, Tensor) else torch.cat([t.flatten() for t in found[:3]])
    leaves = {n: t for n, t in given.items() if isinstance(t, Tensor) and t.requires_grad}
    g = torch.Generator().manual_seed(2)
    do = torch.randn(out.shape, generator=g, dtype=torch.float64).to(out)
    grads = dict(zip(leaves, torch.autograd.grad(out, list(leaves.values()), do), strict=True))
    norm = {} if isinstance(found, Tensor) else {"norm": found.row_norm_mean.detach()}
    return {"out": out.detach(), **grads, **norm}


def assert_scaled(
    inputs: dict[str, Any], method: str, normaliser: str, powers: tuple[int, int], share: float
) -> None:
    """Compare q · 2^powers[0] and k · 2^powers[1] with the specification in float64."""
    exponents = {"q": powers[0], "k": powers[1], "bias": sum(powers)}
    scaled = {
        n: times_power(t.double(), torch.tensor(exponents[n])).to(t.dtype)
        if n in exponents else t for n, t in inputs.items()
    }  # fmt: skip
    exact = {n: t.double() if isinstance(t, Tensor) else t for n, t in inputs.items()}
    want = results(exact, "reference", normaliser)
    exponents["norm"] = -sum(powers)
    for name, t in results(scaled, method, normaliser).items():
        got = times_power(t.double(), torch.tensor(exponents.get(name, 0)))
        error = (got - want[name]).norm() / want[name].norm()
        assert error <= share, (name, error)


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize("of_map", [False, True], ids=["attention", "map"])
@pytest.mark.parametrize(("method", "dtype", "powers"), FORMS)
def test_a_common_scale_cancels(
    method: str,
    dtype: torch.dtype,
    powers: tuple[int, int],
    of_map: bool,
    bias: bool,
    make_inputs: MakeInputs,
) -> None:
    largest = 120 if dtype != torch.float64 else 1000
    if (bias or of_map) and abs(sum(powers)) > largest:
        pytest.skip("the bias or the row norm itself is out of range")
    inputs = make_inputs(n_queries=67, n_keys=71, dtype=dtype, bias=bias, exclude_self="true")
    if of_map:
        del inputs["v"]
    share = {torch.float32: 2e-5, torch.float64: 1e-12, torch.bfloat16: 5e-2}[dtype]
    for normaliser in ("l2", "l1"):
        linear = not (bias or of_map)
        used = "auto" if normaliser == "l1" and linear and method == "gram" else method
        assert_scaled(inputs, used, normaliser, powers, share)


@pytest.mark.parametrize("powers", [(60, 0), (62, 62), (-90, -20)])
@pytest.mark.parametrize("normaliser", ["l2", "l1"])
def test_kernels(
    normaliser: str, powers: tuple[int, int], make_inputs: MakeInputs, device: str
) -> None:
    inputs = make_inputs(batch=1, n_heads=1, dtype=torch.float32, device=device)
    assert_scaled(inputs, "streaming", normaliser, powers, 2e-5)


def test_rows_and_elements_of_very_different_size(make_inputs: MakeInputs) -> None:
    """Among ordinary rows, tiny and huge ones; with and without ε."""
    inputs = make_inputs(n_queries=67, n_keys=71, dtype=torch.float32)
    inputs["q"][0, 0, ::3] *= 1e30
    inputs["q"][0, 1, ::2] *= 1e-30
    inputs["k"][1, 1] *= 1e25
    inputs["q"][1, 2, 5] = 0.0
    exact = {n: t.double() for n, t in inputs.items()}
    for eps, method in ((0.0, "gram"), (0.0, "reference"), (1e-6, "gram"), (1e-6, "reference")):
        got = spherical_attention(**inputs, eps=eps, method=method)
        want = spherical_attention(**exact, eps=eps, method="reference")
        torch.testing.assert_close(got.double(), want, atol=1e-5, rtol=1e-5)


def test_scores_in_a_bias_alone() -> None:
    zeros, scores = torch.zeros(1, 1, 67, 1), torch.randn(1, 67, 67)
    want = spherical_attention_map(zeros, zeros, bias=scores, eps=0.0)
    for scale in (2.0**-100, 2.0**100):
        for method in ("gram", "reference"):
            got = spherical_attention_map(
                zeros, zeros, bias=scale * scores, eps=0.0, method=method
            )
            torch.testing.assert_close(got.weight_mean, want.weight_mean)
            torch.testing.assert_close(got.row_norm_mean / scale, want.row_norm_mean)


def test_scores_far_below_the_root_of_eps_are_not_normalised(make_inputs: MakeInputs) -> None:
    inputs = make_inputs(n_queries=67, n_keys=71, dtype=torch.float32)
    inputs["q"] *= 1e-30
    exact = {n: t.double() for n, t in inputs.items()}
    for method in ("gram", "reference"):
        got = spherical_attention(**inputs, method=method)
        want = spherical_attention(**exact, method="reference")
        torch.testing.assert_close(got.double() * 1e27, want * 1e27, atol=1e-4, rtol=1e-5)


def test_ordinary_inputs_are_handed_on(make_inputs: MakeInputs) -> None:
    inputs = make_inputs(bias=True)
    found = in_units(inputs["q"], inputs["k"], inputs["bias"], None, 0.0, "l2")
    assert found.q is inputs["q"]
    assert found.k is inputs["k"]
    assert found.exponent is None


def test_units_change_no_digit(make_inputs: MakeInputs) -> None:
    """In a graph the units are always formed: of ordinary rows they are 1."""
    inputs = make_inputs(n_queries=67, n_keys=71, dtype=torch.float32)
    inputs["q"][0, 0, 3] = 2.0 ** (WIDE + 20)
    compiled = torch.compile(spherical_attention, fullgraph=True, backend="aot_eager")
    want = spherical_attention(**inputs, method="gram")
    assert torch.equal(compiled(**inputs, method="gram"), want)


def test_a_power_of_two_is_exact() -> None:
    t = torch.tensor([1.1, -3.0, 2.0**-1000], dtype=torch.float64)
    for power in (-60, 0, 77, 900):
        assert torch.equal(times_power(t, torch.tensor(power)), t * 2.0**power)
    assert times_power(t.float()[:1], torch.tensor(-200)).item() == 0.0
