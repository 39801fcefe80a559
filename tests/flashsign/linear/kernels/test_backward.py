"""The linear-time kernels end to end: output and every gradient within the budget."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("triton")

from flashsign.linear.kernels import backward, forward, state
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]
HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few tokens make several shares."""
    monkeypatch.setattr(state, "LEAST_SHARE", state.TOKENS)


def results(inputs: dict[str, Any]) -> dict[str, Tensor]:
    """Return output and gradients, with the output gradient of the fixture `results`."""
    q, k, v = (inputs[name] for name in "qkv")
    own, eps = inputs.get("exclude_self"), inputs.get("eps", 1e-6)
    if own is True:
        own = torch.arange(k.shape[2], device=k.device)
    out, saved = forward.forward(q, k, v, own, eps)
    g = torch.Generator().manual_seed(1)
    do = torch.randn(out.shape, generator=g, dtype=torch.float64).to(out.device, out.dtype)
    grads = backward.backward(do, q, k, v, own, saved, eps)
    return {"out": out, **dict(zip("qkv", grads, strict=True))}


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("exclude_self", ["none", "true", "index"])
@pytest.mark.parametrize(("head_dim", "value_dim"), [(11, 7), (17, 67), (67, 17)])
def test_output_and_gradients(
    head_dim: int,
    value_dim: int,
    exclude_self: str,
    dtype: torch.dtype,
    make_inputs: MakeInputs,
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    """1.1 times the error of the reference: nothing is rounded but the results."""
    inputs = make_inputs(
        n_heads=1, n_queries=137, n_keys=131, head_dim=head_dim, value_dim=value_dim,
        dtype=dtype, exclude_self=exclude_self, device=device,
    )  # fmt: skip
    assert_within_budget(results(inputs), inputs, factor=1.1)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize(("head_dim", "value_dim"), [(131, 7), (7, 131), (129, 251)])
def test_wide_heads(
    head_dim: int,
    value_dim: int,
    dtype: torch.dtype,
    make_inputs: MakeInputs,
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    inputs = make_inputs(
        batch=1, n_heads=2, n_queries=37, n_keys=41, head_dim=head_dim, value_dim=value_dim,
        dtype=dtype, exclude_self="index", device=device,
    )  # fmt: skip
    assert_within_budget(results(inputs), inputs, factor=1.1)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("n_tokens", [5, 7, 11, 19])
def test_few_tokens_that_are_their_own_keys(
    n_tokens: int,
    dtype: torch.dtype,
    make_inputs: MakeInputs,
    assert_within_budget: Callable[..., Any],
    device: str,
) -> None:
    inputs = make_inputs(
        n_keys=n_tokens, head_dim=31, dtype=dtype, exclude_self="tied", device=device
    )
    assert_within_budget(results(inputs), inputs)


def test_rows_dominated_by_themselves(
    make_inputs: MakeInputs, assert_within_budget: Callable[..., Any], device: str
) -> None:
    """Flagged rows beside others in the same block, and heads without any."""
    inputs = make_inputs(n_keys=53, dtype=torch.float16, exclude_self="true", device=device)
    k = inputs["k"]
    k[1, :, :, 3:] = 0.0
    k[1, :, 3:] *= 0.01
    k[1, :, :3, :3] = 100.0 * torch.eye(3, device=device, dtype=k.dtype)
    inputs["q"] = k.clone()
    inputs["q"].mul_(0.125)
    assert_within_budget(results(inputs), inputs)


def test_queries_nearly_orthogonal_to_all_keys(
    make_inputs: MakeInputs, assert_within_budget: Callable[..., Any], device: str
) -> None:
    inputs = make_inputs(
        n_queries=71, n_keys=67, head_dim=16, dtype=torch.float16, exclude_self="index",
        device=device,
    )  # fmt: skip
    inputs["k"] *= 0.02
    inputs["k"][..., :2] += 30.0
    inputs["q"][:, :, 20:, 1] = -inputs["q"][:, :, 20:, 0]
    assert_within_budget(results(inputs), inputs)


def test_offsets_of_keys_and_values_cancel_in_the_gradients(
    make_inputs: MakeInputs, assert_within_budget: Callable[..., Any], device: str
) -> None:
    """dq is what a small part of the scores leaves of two large sums."""
    inputs = make_inputs(batch=1, n_queries=139, n_keys=307, dtype=torch.float16, device=device)
    inputs["k"] += 4.0
    inputs["v"] += 4.0
    assert_within_budget(results(inputs), inputs, factor=1.1)


@pytest.mark.parametrize("eps", [0.0, 3.0])
def test_eps_and_rows_without_scores(
    eps: float, make_inputs: MakeInputs, assert_within_budget: Callable[..., Any], device: str
) -> None:
    """Queries of 0, and a query whose only key with a score is its own."""
    inputs = make_inputs(n_queries=19, dtype=torch.float16, device=device)
    inputs["q"][:, :, :3] = 0.0
    inputs["k"][1, :, 1:] = 0.0
    inputs["exclude_self"] = torch.full((19,), -1, device=device)
    inputs["exclude_self"][5] = 0
    inputs["eps"] = eps
    got = results(inputs)
    assert_within_budget(got, inputs)
    assert (got["out"][1, :, 5] == 0).all()
    assert (got["q"][1, :, 5] == 0).all()


def test_a_key_that_all_queries_leave_out_gets_no_gradient(
    make_inputs: MakeInputs, assert_within_budget: Callable[..., Any], device: str
) -> None:
    """Within rounding of the sums it is taken out of: the reference gives exact zeros."""
    inputs = make_inputs(n_queries=37, dtype=torch.float16, device=device)
    inputs["exclude_self"] = torch.full((37,), 5, device=device)
    got = results(inputs)
    assert_within_budget(got, inputs, factor=1.1)
    for name in "kv":
        assert got[name][:, :, 5].abs().max() < 1e-4 * got[name].abs().max()


def test_expanded_batches_and_any_strides(make_inputs: MakeInputs, device: str) -> None:
    inputs = make_inputs(dtype=torch.float16, exclude_self="index", device=device)
    inputs["q"], inputs["k"] = (inputs[n][:1].expand(2, -1, -1, -1) for n in "qk")
    strided = inputs | {
        "q": inputs["q"].transpose(1, 2).contiguous().transpose(1, 2),
        "k": inputs["k"].mT.contiguous().mT,
        "v": inputs["v"][:, :, :, None].expand(-1, -1, -1, 2, -1)[:, :, :, 1],
    }
    want, got = results(inputs), results(strided)
    assert all(torch.equal(got[name], want[name]) for name in want)


def test_queries_by_key() -> None:
    order, starts = backward.queries_by_key(torch.tensor([3, -1, 0, 3, 2, -1]), 5)
    own = [order[starts[j] : starts[j + 1]].tolist() for j in range(5)]
    assert own == [[2], [], [4], [0, 3], []]
