"""Row blocks: no map in memory, and the same result whatever the blocks."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import dispatch, reference
from flashsign.rows import form
from torch import Tensor

Results = Callable[..., dict[str, Tensor]]
MakeInputs = Callable[..., dict[str, Any]]


NORMALISERS = ["l2", "l1", "softmax"]


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("elements", [1, 40, 10**6])
@pytest.mark.parametrize("columns", [2, 10**6])
@pytest.mark.parametrize("map_batch", [None, 1], ids=["per_element", "shared"])
def test_result_does_not_depend_on_the_blocks(
    elements: int,
    columns: int,
    map_batch: int | None,
    normaliser: str,
    make_inputs: MakeInputs,
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = make_inputs(bias=True, mask=True, exclude_self="index", map_batch=map_batch)
    inputs["normaliser"] = normaliser
    expected = results(inputs, "reference")
    monkeypatch.setattr(form, "BLOCK_ELEMENTS", elements)
    monkeypatch.setattr(form, "SUM_COLUMNS", columns)
    for name, got in results(inputs, "gram").items():
        torch.testing.assert_close(got, expected[name], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("normaliser", NORMALISERS)
@pytest.mark.parametrize("gate", ["none", "shared", "of_heads"])
@pytest.mark.parametrize("exclude_self", ["none", "true", "index"])
@pytest.mark.parametrize("map_batch", [None, 1], ids=["per_element", "shared"])
def test_without_a_linear_form_auto_takes_rows(
    map_batch: int | None,
    exclude_self: str,
    gate: str,
    normaliser: str,
    make_inputs: MakeInputs,
    results: Results,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forward and every gradient, with rows that no key is left to."""
    monkeypatch.setattr(dispatch, "FEW_SCORES", 0)
    monkeypatch.setattr(dispatch, "FEW_PAIRS", 0)
    monkeypatch.setattr(form, "BLOCK_ELEMENTS", 40)
    inputs = make_inputs(
        mask=True, gate=gate != "none", exclude_self=exclude_self, map_batch=map_batch
    )
    inputs["key_mask"][0] = False
    if gate != "none":
        inputs["gate"][1] = 0.0
    if gate == "of_heads":
        heads = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
        inputs["gate"] = inputs["gate"] * heads[:, None, None]
    inputs["normaliser"] = normaliser
    expected = results(inputs, "reference")
    for name, got in results(inputs, "auto").items():
        torch.testing.assert_close(got, expected[name], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("normaliser", NORMALISERS)
def test_error_is_within_that_of_the_reference(
    normaliser: str,
    make_inputs: MakeInputs,
    results: Results,
    assert_within_budget: Callable[..., Any],
) -> None:
    inputs = make_inputs(n_queries=53, n_keys=61, dtype=torch.float32, bias=True, mask=True)
    inputs["normaliser"] = normaliser
    assert_within_budget(results(inputs, "gram"), inputs)


def test_hand_computed_row() -> None:
    # s = [3, -4], r = 1/5, o = 0.6 · 1 - 0.8 · 10; ds = r (do v - o w) with do = 1
    def column(*values: float) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)[:, None]

    head = form.Head(column(1.0), column(3.0, -4.0), column(1.0, 10.0))
    o, r = form.forward(head, eps=0.0)
    assert (o.item(), r.item()) == pytest.approx((-7.4, 0.2))
    grads = form.SharedGradients(torch.zeros_like(head.k), torch.zeros_like(head.v))
    dq = form.backward(head, column(1.0), r, grads)
    ds = [0.2 * (1 + 7.4 * 0.6), 0.2 * (10 - 7.4 * 0.8)]
    assert grads.dk.flatten().tolist() == pytest.approx(ds)
    assert grads.dv.flatten().tolist() == pytest.approx([0.6, -0.8])
    assert dq.item() == pytest.approx(0.0)  # the scale of the query changes nothing


def test_nearly_cancelled_scores_of_few_keys_keep_their_digits() -> None:
    g = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, 1, n, 8, generator=g) for n in (1, 32, 32))
    k -= (1 - 1e-4) * (k @ q.mT) / q.square().sum() * q
    rest = (None, None, None, None, 1e-12, "l2")
    got = form.attention_forward(q, k, v, *rest)[0]
    want = reference.attention(q.double(), k.double(), v.double(), *rest)
    torch.testing.assert_close(got.double(), want, atol=1e-6, rtol=0)


def test_few_keys_are_held_in_float64() -> None:
    def dtype(n_keys: int, given: torch.dtype) -> torch.dtype:
        q = torch.zeros(1, 1, 2, 3, dtype=given)
        k = torch.zeros(1, 1, n_keys, 3, dtype=given)
        return form.sum_dtype(q, k, k)

    assert dtype(form.FEW_KEYS, torch.float32) == torch.float64
    assert dtype(form.FEW_KEYS + 1, torch.float32) == torch.float32
    assert dtype(form.FEW_KEYS + 1, torch.bfloat16) == torch.float32
    assert dtype(form.FEW_KEYS + 1, torch.float64) == torch.float64


def test_a_long_sum_over_a_shared_map_keeps_its_digits(
    make_inputs: MakeInputs, results: Results
) -> None:
    inputs = make_inputs(
        bias=True, map_batch=1, batch=61, n_heads=1, n_queries=53, n_keys=67, head_dim=29,
        value_dim=31, dtype=torch.float32,
    )  # fmt: skip
    exact = results(inputs, "reference", torch.float64)
    plain, fast = results(inputs, "reference"), results(inputs, "gram")
    for name, want in exact.items():
        error, allowed = ((x[name].double() - want).norm().item() for x in (fast, plain))
        assert error <= 2 * allowed, name
