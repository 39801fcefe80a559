"""The forward kernel against the specification: options, sizes, layouts, precision."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from flashsign import spherical_attention
from flashsign.streaming import arguments
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]
HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]


@pytest.mark.parametrize(
    ("bias", "mask", "gate", "exclude_self"),
    list(product([False, True], [False, True], [False, True], ["none", "true", "index"])),
)
def test_every_combination_of_options(
    bias: bool,
    mask: bool,
    gate: bool,
    exclude_self: str,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    """Output and every gradient, over several blocks of queries and of keys."""
    inputs = make_inputs(
        batch=2, n_heads=1, n_queries=37, n_keys=41, head_dim=11, value_dim=7,
        dtype=torch.float32, bias=bias, mask=mask, gate=gate, exclude_self=exclude_self,
        device=device,
    )  # fmt: skip
    assert_within_budget(results(inputs, "streaming"), inputs)


@pytest.mark.parametrize("options", [False, True], ids=["plain", "options"])
@pytest.mark.parametrize("exclude_self", ["none", "true", "index"])
@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]
)
def test_l1(
    dtype: torch.dtype,
    exclude_self: str,
    options: bool,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    """Output and every gradient, as above, with a row that no key is left to."""
    inputs = make_inputs(
        batch=2, n_heads=2, n_queries=37, n_keys=41, head_dim=11, value_dim=7, dtype=dtype,
        bias=options, mask=options, gate=options, exclude_self=exclude_self, device=device,
    )  # fmt: skip
    if options:
        inputs["gate"][1] = 0.0
    inputs["normaliser"] = "l1"
    assert_within_budget(results(inputs, "streaming"), inputs)


@pytest.mark.parametrize("normaliser", ["l2", "l1"])
def test_a_gate_for_each_head(
    normaliser: str,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    inputs = make_inputs(n_queries=37, n_keys=41, dtype=torch.float32, bias=True, device=device)
    gate = torch.rand(3, 37, 41, generator=torch.Generator().manual_seed(2)).round(decimals=1)
    inputs |= {"gate": gate.to(device), "normaliser": normaliser}
    assert_within_budget(results(inputs, "streaming"), inputs)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("options", [False, True], ids=["plain", "options"])
@pytest.mark.parametrize("head_dim", [16, 37, 64, 128])
def test_half_precision(
    head_dim: int,
    options: bool,
    dtype: torch.dtype,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    inputs = make_inputs(
        batch=2, n_heads=1, n_queries=67, n_keys=71, head_dim=head_dim, value_dim=head_dim + 3,
        dtype=dtype, bias=options, mask=options, gate=options,
        exclude_self="index" if options else "none", device=device,
    )  # fmt: skip
    assert_within_budget(results(inputs, "streaming"), inputs)


@pytest.mark.parametrize("head_dim", [1, 16, 17, 64, 256])
@pytest.mark.parametrize("value_dim", [1, 32, 256])
def test_head_dimensions(
    value_dim: int,
    head_dim: int,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    inputs = make_inputs(
        batch=1, n_heads=2, n_queries=19, n_keys=37, head_dim=head_dim, value_dim=value_dim,
        dtype=torch.float32, bias=True, device=device,
    )  # fmt: skip
    assert_within_budget(results(inputs, "streaming"), inputs)


@pytest.mark.parametrize(("n_queries", "n_keys"), [(1, 1), (1, 131), (131, 1), (32, 64), (2, 3)])
def test_numbers_of_tokens(
    n_queries: int,
    n_keys: int,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    device: str,
) -> None:
    """By tolerance, since over few keys the reference may be exact by chance.

    A single score near 0 has few digits, so ε is of the size of the scores.
    """
    inputs = make_inputs(
        n_queries=n_queries, n_keys=n_keys, dtype=torch.float32, bias=True, device=device
    ) | {"eps": 1.0}  # fmt: skip
    got, exact = results(inputs, "streaming"), results(inputs, "reference", torch.float64)
    for name, want in exact.items():
        torch.testing.assert_close(got[name].double(), want, atol=2e-6, rtol=1e-5, msg=name)


def test_large_scores_do_not_overflow_float16(make_inputs: MakeInputs, device: str) -> None:
    """Scores of 256 features around 30² · √256 pass 65504 often; scaled by 1/√256 they do not."""
    inputs = make_inputs(n_queries=33, n_keys=47, head_dim=256, dtype=torch.float16, device=device)
    inputs["q"], inputs["k"] = 60 * inputs["q"], 60 * inputs["k"]
    assert (inputs["q"].float() @ inputs["k"].float().mT).abs().max() > 65504
    got = spherical_attention(**inputs, method="streaming")
    want = spherical_attention(**inputs, method="reference")
    torch.testing.assert_close(got, want, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("normaliser", ["l2", "l1"])
@pytest.mark.parametrize("eps", [0.0, 3.0])
def test_eps_and_rows_without_scores(
    eps: float,
    normaliser: str,
    make_inputs: MakeInputs,
    results: Callable[..., dict[str, Tensor]],
    device: str,
) -> None:
    """Query 0 is 0, all pairs of query 1 are removed: zeros, and gradients as the reference's."""
    inputs = make_inputs(n_queries=19, dtype=torch.float32, gate=True, device=device)
    inputs["q"][:, :, 0] = 0.0
    inputs["gate"][1] = 0.0
    inputs |= {"eps": eps, "normaliser": normaliser}
    got, want = (results(inputs, method) for method in ("streaming", "reference"))
    for name in want:
        torch.testing.assert_close(got[name], want[name], msg=name, atol=1e-6, rtol=1e-5)
    assert (got["out"][:, :, :2] == 0).all()
    assert (got["q"][:, :, 1] == 0).all()


def test_masked_keys_and_values_may_hold_anything(
    make_inputs: MakeInputs, results: Callable[..., dict[str, Tensor]], device: str
) -> None:
    inputs = make_inputs(dtype=torch.float32, bias=True, mask=True, device=device)
    want = results(inputs, "streaming")
    removed = ~inputs["key_mask"][:, None, :, None]
    for name in ("k", "v"):
        inputs[name] = inputs[name].masked_fill(removed, float("nan"))
    got = results(inputs, "streaming")
    assert all(torch.equal(got[name], want[name]) for name in want)
    assert (got["k"].masked_select(removed) == 0).all()


def test_tf32_only_where_torch_allows_it() -> None:
    assert arguments.precision(64) == "ieee"
    torch.set_float32_matmul_precision("high")
    try:
        assert arguments.precision(64) == arguments.precision(128) == "tf32"
        assert arguments.precision(256) == "ieee"
    finally:
        torch.set_float32_matmul_precision("highest")
