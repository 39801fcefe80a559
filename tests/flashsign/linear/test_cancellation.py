"""Heads are worked out in float32 where that is exact enough, and nowhere else."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign.linear import cancellation, chunks, form
from flashsign.linear.cancellation import CERTAIN, mean_squared_norm, needs_float64, squared_norm
from torch import Tensor

LONG = {"batch": 2, "n_queries": 89, "n_keys": 97, "head_dim": 32, "value_dim": 29}
"""A shape whose heads are worked out in float32 where they are certain."""
DRIFTS = [
    pytest.param(drift, id="".join(drift) or "none")
    for drift in ((), ("k",), ("k", "v"), ("q", "k"), ("q", "k", "v"), ("q", "v"))
]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16])
def test_size_is_the_squared_norm_of_a_head(dtype: torch.dtype) -> None:
    t = torch.full((3, 7, 5), 200.0).to(dtype)  # squares and sums beyond the range of float16
    t[1] = 0.0
    assert squared_norm(t).dtype == torch.float64
    torch.testing.assert_close(squared_norm(t), torch.tensor([1.4e6, 0.0, 1.4e6]).double())


def test_mean_squared_norm_is_the_mean_over_directions() -> None:
    g = torch.Generator().manual_seed(0)
    x = torch.randn(1, 100003, 5, generator=g, dtype=torch.float64)
    a = torch.randn(2, 5, 3, generator=g, dtype=torch.float64)
    x /= x.norm(dim=-1, keepdim=True)
    mean = squared_norm(x @ a) / x.shape[1]
    torch.testing.assert_close(mean_squared_norm(a), mean, rtol=1e-2, atol=0.0)


def test_heads_for_float64_have_a_sum_too_large_or_not_finite() -> None:
    result = torch.ones(6)
    total = torch.tensor([0.9, 1.1, 0.5, torch.inf, torch.nan, 0.0]) * CERTAIN
    assert needs_float64(total, result).nonzero()[:, 0].tolist() == [1, 3, 4]


def test_nothing_summed_to_nothing_is_certain() -> None:
    assert not needs_float64(torch.zeros(3), torch.zeros(3)).any()


def error(got: Tensor, exact: Tensor) -> float:
    return (got.double() - exact).square().mean().sqrt().item()


def long_inputs(make_inputs: Callable[..., dict[str, Any]], **options: Any) -> dict[str, Any]:
    return make_inputs(**(LONG | {"dtype": torch.float32} | options))


def assert_within_budget(
    inputs: dict[str, Any], results: Callable[..., dict[str, Tensor]]
) -> None:
    exact = results(inputs, "reference", torch.float64)
    plain, fast = results(inputs, "reference"), results(inputs, "gram")
    for name, want in exact.items():
        assert error(fast[name], want) <= 2 * error(plain[name], want), name


def forms(inputs: dict[str, Any]) -> Tensor:
    """Return how the rows of an input without self-exclusion are worked out."""
    q, k, v = inputs["q"], inputs["k"], inputs["v"]
    return form.forward(q, k, v, None, 1e-6)[1].form


@pytest.mark.parametrize("exclude_self", ["none", "true", "index", "tied"])
@pytest.mark.parametrize("n_keys", [67, 1021])
@pytest.mark.parametrize("head_dim", [3, 31, 64])
def test_long_sequences_are_in_float32_within_budget(
    exclude_self: str,
    n_keys: int,
    head_dim: int,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = long_inputs(
        make_inputs, exclude_self=exclude_self, n_keys=n_keys, head_dim=head_dim, seed=n_keys
    )
    assert_within_budget(inputs, results)
    if head_dim < n_keys // 2:  # otherwise some directions are nearly without keys
        assert (forms(inputs) == form.SINGLE).all()


@pytest.mark.parametrize("drift", DRIFTS)
@pytest.mark.parametrize("size", [0.3, 3.0, 30.0])
def test_common_means_stay_within_budget(
    drift: tuple[str, ...],
    size: float,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = long_inputs(make_inputs)
    for seed, name in enumerate(drift):
        g = torch.Generator().manual_seed(seed)
        inputs[name] += size * torch.randn(inputs[name].shape[-1], generator=g)
    assert_within_budget(inputs, results)


def orthogonal_inputs(
    make_inputs: Callable[..., dict[str, Any]], slope: float, drift: float, n_rows: int
) -> dict[str, Any]:
    """Return keys near a hyperplane and, for the first rows, queries near its normal."""
    inputs = long_inputs(make_inputs)
    q, k = inputs["q"], inputs["k"]
    k[..., 0] *= slope
    k[..., 1:] += drift
    inputs["v"] += drift
    q[..., :n_rows, 1:] *= slope
    q[..., :n_rows, 0] += 2.0
    rotation = torch.linalg.qr(torch.randn(32, 32, generator=torch.Generator().manual_seed(4)))[0]
    return inputs | {"q": q @ rotation, "k": k @ rotation}


@pytest.mark.parametrize("n_rows", [89, 11], ids=["all_rows", "some_rows"])
@pytest.mark.parametrize("drift", [0.0, 3.0], ids=["centred", "drift"])
@pytest.mark.parametrize("slope", [1e-1, 1e-2, 1e-3, 1e-5])
def test_queries_nearly_orthogonal_to_all_keys_do_not_cancel(
    slope: float,
    drift: float,
    n_rows: int,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = orthogonal_inputs(make_inputs, slope, drift, n_rows)
    assert_within_budget(inputs, results)
    double = {name: t.double() for name, t in inputs.items()}
    expected, got = results(double, "reference"), results(double, "gram")
    for name, want in expected.items():  # κ² u relative to the largest, κ = 1 / slope²
        scale = want.abs().max().item()
        torch.testing.assert_close(got[name], want, atol=1e-13 / slope**2 * scale, rtol=1e-9)


def test_float32_alone_would_cancel(
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = orthogonal_inputs(make_inputs, 1e-2, 3.0, 89)
    assert (forms(inputs) == form.DOUBLE).all()
    monkeypatch.setattr(cancellation, "CERTAIN", 1e300)
    assert (forms(inputs) == form.SINGLE).all()
    with pytest.raises(AssertionError):
        assert_within_budget(inputs, results)


def test_heads_are_worked_out_in_float64_one_by_one(
    make_inputs: Callable[..., dict[str, Any]], results: Callable[..., dict[str, Tensor]]
) -> None:
    inputs = long_inputs(make_inputs)
    inputs["k"][1, 2] += 30.0
    found = forms(inputs)
    assert (found[1, 2] == form.DOUBLE).all()
    assert (found == form.DOUBLE).sum() == found.shape[-1]
    assert_within_budget(inputs, results)


@pytest.mark.parametrize("n_keys", [23, 131])
def test_heads_without_full_rank_are_worked_out_in_float64(
    n_keys: int,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = long_inputs(make_inputs, n_keys=n_keys)
    inputs["k"][..., 19:] = 0.0
    assert (forms(inputs) == form.DOUBLE).all()
    assert_within_budget(inputs, results)


@pytest.mark.parametrize("scale", [1e-12, 1e13])
def test_scores_that_float32_cannot_square(
    scale: float,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = long_inputs(make_inputs)
    inputs |= {"q": scale * inputs["q"], "k": scale * inputs["k"], "eps": 0.0}
    exact, got = results(inputs, "reference", torch.float64), results(inputs, "gram")
    for name, want in exact.items():
        assert error(got[name], want) <= 1e-6 * want.abs().max().item(), name


@pytest.mark.parametrize("elements", [1, 5000, 10000])
@pytest.mark.parametrize("options", [{"exclude_self": "index"}, {"map_batch": 1, "batch": 7}])
def test_float32_result_does_not_depend_on_the_chunks(
    elements: int,
    options: dict[str, Any],
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = long_inputs(make_inputs, **options)
    expected = results(inputs, "gram")
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", elements)
    for name, got in results(inputs, "gram").items():
        torch.testing.assert_close(got, expected[name], atol=3e-6, rtol=3e-6)
