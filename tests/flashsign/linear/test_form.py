"""The gram form against the specification: forward and every gradient."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from flashsign import reference, spherical_attention
from flashsign.linear import chunks, form
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

OPTIONS = [
    pytest.param(
        {"bias": bias, "mask": mask, "exclude_self": self_, "map_batch": maps},
        id=f"bias{bias:d}-mask{mask:d}-self_{self_}-{'shared' if maps else 'per_element'}",
    )
    for bias, mask, self_, maps in product(
        (False, True), (False, True), ("none", "true", "index", "tied"), (None, 1)
    )
]
SHAPES = [
    pytest.param(dict(zip(("batch", "n_heads", "n_queries", "n_keys"), s[:4], strict=True))
                 | {"head_dim": s[4], "value_dim": s[5]},
                 id="B{}-H{}-N{}-M{}-D{}-DV{}".format(*s))
    for s in (
        (2, 3, 13, 11, 5, 7), (1, 2, 5, 17, 31, 3), (3, 1, 211, 101, 7, 2), (7, 5, 3, 2, 1, 11)
    )
]  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", OPTIONS)
def test_float64_agrees_with_the_specification(
    options: dict[str, Any],
    shape: dict[str, int],
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = make_inputs(**(shape | options))
    expected, got = results(inputs, "reference"), results(inputs, "gram")
    assert expected.keys() == got.keys()
    assert {"out", "q", "k", "v"} <= got.keys()
    assert ("bias" in got) == options["bias"]
    for name, want in expected.items():
        torch.testing.assert_close(got[name], want, atol=1e-9, rtol=1e-9)


def error(got: Tensor, exact: Tensor) -> float:
    return (got.double() - exact).square().mean().sqrt().item()


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize("maps", [None, 1], ids=["per_element", "shared"])
@pytest.mark.parametrize(
    ("exclude_self", "n_keys", "head_dim"),
    [("tied", n, d) for n in (5, 7, 11, 19) for d in (3, 32)]
    + [("none", 97, 32), ("true", 97, 32), ("index", 97, 32), ("tied", 97, 32)],
)
def test_float32_error_is_within_twice_that_of_the_specification(
    exclude_self: str,
    n_keys: int,
    head_dim: int,
    maps: int | None,
    bias: bool,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = make_inputs(
        exclude_self=exclude_self, n_keys=n_keys, head_dim=head_dim, value_dim=29, n_queries=89,
        bias=bias, map_batch=maps, batch=4, dtype=torch.float32, seed=n_keys + head_dim,
    )  # fmt: skip
    exact = results(inputs, "reference", torch.float64)
    plain, fast = results(inputs, "reference"), results(inputs, "gram")
    for name, want in exact.items():
        assert fast[name].dtype == torch.float32
        budget = 2 * error(plain[name], want)
        assert error(fast[name], want) <= budget, name


def isolated_inputs(n_keys: int, others: float, dtype: torch.dtype) -> dict[str, Any]:
    """Return q = k of nearly orthogonal long rows: each sees itself and next to nothing else."""
    g = torch.Generator().manual_seed(5)
    k = 100.0 * torch.eye(n_keys) + others * torch.randn(n_keys, n_keys, generator=g)
    k = k[None, None].expand(2, 3, -1, -1).to(dtype).contiguous()
    v = torch.randn(2, 3, n_keys, 7, generator=g).to(dtype)
    return {"q": k.clone(), "k": k, "v": v, "exclude_self": True}


@pytest.mark.parametrize("others", [0.0, 1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("n_keys", [5, 13, 19])
def test_rows_dominated_by_themselves_do_not_cancel(
    n_keys: int, others: float, results: Callable[..., dict[str, Tensor]]
) -> None:
    double = isolated_inputs(n_keys, others, torch.float64)
    expected, got = results(double, "reference"), results(double, "gram")
    for name, want in expected.items():
        scale = 1 + want.abs().max().item()
        torch.testing.assert_close(got[name], want, atol=1e-9 * scale, rtol=1e-9)
    single = isolated_inputs(n_keys, others, torch.float32)
    exact = results(single, "reference", torch.float64)
    plain, fast = results(single, "reference"), results(single, "gram")
    for name, want in exact.items():
        assert error(fast[name], want) <= 2 * error(plain[name], want), name


def test_without_the_exact_rows_the_sums_do_cancel(
    monkeypatch: pytest.MonkeyPatch, results: Callable[..., dict[str, Tensor]]
) -> None:
    inputs = isolated_inputs(13, 1e-6, torch.float64)
    want = results(inputs, "reference")["out"]
    monkeypatch.setattr(form, "CANCELLED", 0.0)
    assert (results(inputs, "gram")["out"] - want).abs().max().item() > 1e-9


def test_a_row_of_which_little_is_left_keeps_its_digits(
    results: Callable[..., dict[str, Tensor]],
) -> None:
    """Without itself, between 1e-6 and 1e-4 of the squared norm."""
    inputs = isolated_inputs(13, 0.05, torch.float64)
    want, got = (results(inputs, method)["out"] for method in ("reference", "gram"))
    torch.testing.assert_close(got, want, atol=1e-13, rtol=0)


def test_few_rows_can_be_dominated_by_themselves() -> None:
    g = torch.Generator().manual_seed(2)
    head_dim = 7
    k = torch.randn(1, 1, 499, head_dim, generator=g, dtype=torch.float64)
    k[..., :5, :] = 1e6 * torch.eye(5, head_dim, dtype=torch.float64)  # as isolated as can be
    _, sums = form.forward(k, k, k, torch.arange(499), 1e-6)
    n_exact = (sums.form == form.EXACT).sum().item()
    assert 5 <= n_exact <= head_dim / (1 - form.CANCELLED)


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_without_scores_are_zeros_with_finite_gradients(
    dtype: torch.dtype,
    bias: bool,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = make_inputs(mask=True, bias=bias, dtype=dtype)
    inputs["key_mask"][1] = False
    got = results(inputs, "gram")
    assert all(t.isfinite().all() for t in got.values())
    for name in ("out", "q", "k", "v"):
        assert (got[name][1] == 0).all()
        assert (got[name][0] != 0).any()


@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
@pytest.mark.parametrize("eps", [0.0, 1e-6])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_a_single_token_without_itself_is_zero(
    bias: bool,
    eps: float,
    scale: float,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = make_inputs(n_keys=1, exclude_self="true", bias=bias, dtype=torch.float32)
    inputs |= {"q": scale * inputs["q"], "eps": eps}
    assert all((t == 0).all() for t in results(inputs, "gram").values())


@pytest.mark.parametrize("exclude_self", ["none", "index"])
@pytest.mark.parametrize("eps", [0.0, 1e-6])
def test_a_zero_query_gives_zero_and_the_gradient_of_the_specification(
    exclude_self: str,
    eps: float,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = make_inputs(exclude_self=exclude_self) | {"eps": eps}
    inputs["q"][0, 1, 4] = 0.0
    expected, got = results(inputs, "reference"), results(inputs, "gram")
    assert (got["out"][0, 1, 4] == 0).all()
    assert (got["q"][0, 1, 4] == 0).all() == (eps == 0.0)
    for name, want in expected.items():
        torch.testing.assert_close(got[name], want, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("options", [
    {}, {"mask": True, "exclude_self": "index"}, {"bias": True, "exclude_self": "true"},
    {"bias": True, "mask": True}, {"map_batch": 1}, {"map_batch": 1, "bias": True},
])  # fmt: skip
def test_gradcheck(options: dict[str, Any], make_inputs: Callable[..., dict[str, Any]]) -> None:
    inputs = make_inputs(n_queries=3, n_keys=4, head_dim=2, value_dim=1, n_heads=1, **options)
    names = [n for n, x in inputs.items() if isinstance(x, Tensor) and x.is_floating_point()]
    fixed = {n: x for n, x in inputs.items() if n not in names}

    def attend(*tensors: Tensor) -> Tensor:
        return spherical_attention(
            **dict(zip(names, tensors, strict=True)), **fixed, method="gram"
        )

    assert torch.autograd.gradcheck(attend, [inputs[n].requires_grad_() for n in names])


class LargestTensor(TorchDispatchMode):
    """Records the number of elements of the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for t in out if isinstance(out, tuple | list) else (out,):
            if isinstance(t, Tensor):
                self.elements = max(self.elements, t.numel())
        return out


def test_no_tensor_is_larger_than_the_inputs(make_inputs: Callable[..., dict[str, Any]]) -> None:
    inputs = make_inputs(n_heads=1, n_queries=1009, n_keys=1013, head_dim=5, value_dim=7)
    q, k, v, index = inputs["q"], inputs["k"], inputs["v"], torch.arange(1009)
    with LargestTensor() as largest:
        out, sums = form.forward(q, k, v, index, 1e-6)
        form.backward(torch.ones_like(out), q, k, v, index, sums, 1e-6)
    assert largest.elements <= max(v.numel(), out.numel()) < 1009 * 1013


@pytest.mark.parametrize("elements", [1, 60])
@pytest.mark.parametrize("options", [{"exclude_self": "tied"}, {"map_batch": 1, "mask": True}])
def test_result_does_not_depend_on_the_chunks(
    elements: int,
    options: dict[str, Any],
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = make_inputs(**options)
    expected = results(inputs, "reference")
    monkeypatch.setattr(chunks, "CHUNK_ELEMENTS", elements)
    for name, got in results(inputs, "gram").items():
        torch.testing.assert_close(got, expected[name], atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
def test_half_precision_only_rounds_the_result(
    dtype: torch.dtype,
    bias: bool,
    make_inputs: Callable[..., dict[str, Any]],
    results: Callable[..., dict[str, Tensor]],
) -> None:
    inputs = make_inputs(dtype=dtype, bias=bias, exclude_self="true")
    exact = results(inputs, "reference", torch.float64)
    for name, got in results(inputs, "gram").items():
        assert got.dtype == dtype
        torch.testing.assert_close(
            got.double(),
            exact[name],
            rtol=2 * torch.finfo(dtype).eps,
            atol=2e-2 * torch.finfo(dtype).eps,
        )


def test_autocast_changes_no_sum(make_inputs: Callable[..., dict[str, Any]]) -> None:
    inputs = make_inputs(dtype=torch.float32, bias=True)
    inputs["v"] = inputs["v"].bfloat16()
    q, k, v, bias = (inputs[n].double() for n in ("q", "k", "v", "bias"))
    want = reference.attention(q, k, v, bias, None, None, None, 1e-6, "l2")
    for method in ("gram", "reference"):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            got = spherical_attention(**inputs, method=method)
        assert got.dtype == torch.bfloat16
        torch.testing.assert_close(got, want.bfloat16())
