"""Inputs, gradients and poisoned memory that the tests of flashsign share."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign import spherical_attention
from flashsign.streaming import configs
from torch import Tensor

Inputs = dict[str, Any]


@pytest.fixture(autouse=True)
def poisoned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fill what should be uninitialised with NaN, so that an element never written shows."""

    def poison(allocate: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def poisoned(*args: Any, **kwargs: Any) -> Tensor:
            t = allocate(*args, **kwargs)
            return t.fill_(float("nan")) if t.is_floating_point() else t

        return poisoned

    monkeypatch.setattr(torch, "empty", poison(torch.empty))
    monkeypatch.setattr(torch, "empty_like", poison(torch.empty_like))
    monkeypatch.setattr(Tensor, "new_empty", poison(Tensor.new_empty))


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """Let few tokens make several tiles in the interpreter; a GPU takes the rows it would take."""
    if device == "cpu":
        monkeypatch.setattr(configs, "tile", lambda *_: configs.Tile(32, 32, 4, 1))


def _make_inputs(
    *,
    batch: int = 2,
    map_batch: int | None = None,
    n_heads: int = 3,
    n_queries: int = 13,
    n_keys: int = 11,
    head_dim: int = 5,
    value_dim: int = 7,
    dtype: torch.dtype = torch.float64,
    bias: bool = False,
    mask: bool = False,
    gate: bool = False,
    exclude_self: str = "none",
    device: str = "cpu",
    seed: int = 0,
) -> Inputs:
    """Return keyword arguments of spherical_attention: noise of the shapes and options asked for.

    `exclude_self`: "none", "true" (then n_queries is n_keys), "index", or "tied": as "true" with
    q = k, the case where the self term dominates.
    """
    g = torch.Generator().manual_seed(seed)
    if exclude_self in ("true", "tied"):
        n_queries = n_keys
    maps = batch if map_batch is None else map_batch

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=g, dtype=torch.float64).to(dtype)

    k = noise(maps, n_heads, n_keys, head_dim)
    q = k.clone() if exclude_self == "tied" else noise(maps, n_heads, n_queries, head_dim)
    inputs: Inputs = {"q": q, "k": k, "v": noise(batch, n_heads, n_keys, value_dim)}
    if bias:
        inputs["bias"] = noise(n_heads, n_queries, n_keys)
    if mask:
        inputs["key_mask"] = torch.rand(maps, n_keys, generator=g) > 0.3
    if exclude_self == "index":
        inputs["exclude_self"] = torch.randint(-1, n_keys, (n_queries,), generator=g)
    elif exclude_self != "none":
        inputs["exclude_self"] = True
    if gate:
        inputs["gate"] = torch.rand(n_queries, n_keys, generator=g).to(dtype)
    return {n: x.to(device) if isinstance(x, Tensor) else x for n, x in inputs.items()}


def _results(inputs: Inputs, method: str, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Return the output and the gradient of each float input but the gate, computed in `dtype`.

    The output gradient is fixed noise, rounded to the dtype of the inputs as they were passed.
    """
    given = inputs["v"].dtype
    inputs = {
        name: x.detach().to(dtype or x.dtype).requires_grad_(name != "gate")
        if isinstance(x, Tensor) and x.is_floating_point()
        else x
        for name, x in inputs.items()
    }
    out = spherical_attention(**inputs, method=method)
    g = torch.Generator().manual_seed(1)
    do = torch.randn(out.shape, generator=g, dtype=torch.float64).to(given)
    out.backward(do.to(out.device, out.dtype))
    grads = {name: x.grad for name, x in inputs.items() if getattr(x, "grad", None) is not None}
    return {"out": out.detach(), **grads}


def _assert_within_budget(
    got: dict[str, Tensor], inputs: Inputs, factor: float = 2.0
) -> dict[str, float]:
    """Check `got` against float64: at most `factor` times the error of the reference.

    The reference runs in the dtype of the inputs. Errors are root mean squares over a tensor.
    """
    exact, rounded = (_results(inputs, "reference", dtype) for dtype in (torch.float64, None))
    ratios = {}
    for name, want in exact.items():
        assert got[name].dtype == rounded[name].dtype, name
        errors = [(t[name].double() - want).square().mean().sqrt().item() for t in (got, rounded)]
        ratios[name] = errors[0] / max(errors[1], torch.finfo(torch.float64).tiny)
        assert ratios[name] <= factor, (name, errors)
    return ratios


@pytest.fixture(scope="session")
def assert_within_budget() -> Callable[..., dict[str, float]]:
    return _assert_within_budget


@pytest.fixture(scope="session")
def device() -> str:
    """Where Triton kernels run: a GPU if there is one, else its interpreter on the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@pytest.fixture(scope="session")
def make_inputs() -> Callable[..., Inputs]:
    return _make_inputs


@pytest.fixture(scope="session")
def results() -> Callable[..., dict[str, Tensor]]:
    return _results
