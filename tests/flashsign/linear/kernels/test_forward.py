"""The linear-time forward kernel: which rows it leaves to the streaming kernel, and why."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

pytest.importorskip("triton")

from flashsign import reference
from flashsign.linear.kernels import forward
from torch import Tensor

MakeInputs = Callable[..., dict[str, Any]]
HALF = [torch.float16, pytest.param(torch.bfloat16, marks=pytest.mark.gpu)]


def attended(inputs: dict[str, Any], eps: float = 1e-6) -> tuple[Tensor, forward.Saved]:
    own = inputs.get("exclude_self")
    if own is True:
        own = torch.arange(inputs["k"].shape[2], device=inputs["k"].device)
    return forward.forward(inputs["q"], inputs["k"], inputs["v"], own, eps)


@pytest.mark.parametrize("dtype", HALF)
@pytest.mark.parametrize("exclude_self", ["none", "index"])
def test_rows_of_ordinary_data_are_not_flagged(
    exclude_self: str, dtype: torch.dtype, make_inputs: MakeInputs, device: str
) -> None:
    inputs = make_inputs(
        n_queries=139, n_keys=149, head_dim=17, value_dim=19, dtype=dtype,
        exclude_self=exclude_self, device=device,
    )  # fmt: skip
    out, saved = attended(inputs)
    assert saved.flag.sum() == 0
    own = inputs.get("exclude_self")
    q, k = inputs["q"].double(), inputs["k"].double()
    s = reference.scores(q, k, self_index=own)
    torch.testing.assert_close(
        saved.r.double(), reference.inverse_norm(s.square().sum(-1), 1e-6), rtol=1e-5, atol=0.0
    )
    want = (s * saved.r.double()[..., None]) @ inputs["v"].double()
    torch.testing.assert_close(out, want.to(dtype), rtol=2 * torch.finfo(dtype).eps, atol=1e-6)


def test_a_common_offset_of_keys_and_values_flags_nothing(
    make_inputs: MakeInputs, device: str
) -> None:
    """Sums of features cancel a little in most rows then, which 21 bits bear."""
    inputs = make_inputs(n_queries=139, n_keys=149, dtype=torch.float16, device=device)
    inputs["k"] += 4.0
    inputs["v"] += 4.0
    assert attended(inputs)[1].flag.sum() <= 2


def test_queries_nearly_orthogonal_to_all_keys_are_flagged(
    make_inputs: MakeInputs, device: str
) -> None:
    """Keys 30 (e₀ + e₁) + noise/50; of a query with q₁ = -q₀ the offset sees nothing."""
    inputs = make_inputs(n_queries=71, n_keys=67, head_dim=16, dtype=torch.float16, device=device)
    inputs["k"] *= 0.02
    inputs["k"][..., :2] += 30.0
    inputs["q"][:, :, 20:, 1] = -inputs["q"][:, :, 20:, 0]
    flag = attended(inputs)[1].flag.bool()
    assert flag[:, :, 20:].float().mean() > 0.9
    assert flag[:, :, :20].float().mean() < 0.1


def test_rows_dominated_by_themselves_are_flagged_and_few(
    make_inputs: MakeInputs, device: str
) -> None:
    """Three keys point far out of the span of the others: at most d rows can, by leverage."""
    inputs = make_inputs(n_keys=53, dtype=torch.float16, exclude_self="true", device=device)
    k = inputs["k"]
    k[..., 3:] = 0.0
    k[:, :, 3:] *= 0.01
    k[:, :, :3, :3] = 100.0 * torch.eye(3, device=device, dtype=k.dtype)
    inputs["q"] = k.clone()
    out, saved = attended(inputs)
    assert (saved.flag.sum(-1) == 3).all()
    assert saved.flag[:, :, :3].all()
    assert (saved.r[saved.flag.bool()] == 0).all()
    assert out.isfinite().all()


def test_balanced_weights_over_offset_values_are_flagged(
    make_inputs: MakeInputs, device: str
) -> None:
    """Σ s v loses what all values share where the scores sum to 0, although Σ s² loses nothing."""
    inputs = make_inputs(
        batch=1, n_heads=2, n_queries=37, n_keys=64, head_dim=8, value_dim=5,
        dtype=torch.float16, device=device,
    )  # fmt: skip
    inputs["k"][:, :, 32:] = -inputs["k"][:, :, :32]
    inputs["k"][..., 0] = 64.0
    inputs["v"] = 0.01 * inputs["v"] + 100.0
    inputs["q"][:, :, :, 0] = 0.0
    assert attended(inputs)[1].flag.all()
    inputs["v"] -= 100.0
    assert not attended(inputs)[1].flag.any()


@pytest.mark.parametrize("eps", [0.0, 3.0])
def test_rows_without_scores_are_zeros(eps: float, make_inputs: MakeInputs, device: str) -> None:
    inputs = make_inputs(dtype=torch.float16, device=device)
    inputs["q"][:, :, 0] = 0.0
    inputs["k"][0] = 0.0
    out, saved = attended(inputs, eps)
    assert (out[:, :, 0] == 0).all()
    assert (out[0] == 0).all()
    assert saved.flag.sum() == 0
