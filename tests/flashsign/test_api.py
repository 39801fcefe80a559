"""The public functions: which implementation runs, and what importing the package costs."""

import doctest
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flashsign
import pytest
import torch
from flashsign import api, spherical_attention, spherical_attention_map

MakeInputs = Callable[..., dict[str, Any]]


def test_auto_is_gram_and_for_the_gradient_of_a_gate_the_reference(
    make_inputs: MakeInputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[str] = []
    gram, reference = api.gram.attention, api.reference.attention
    monkeypatch.setattr(api.gram, "attention", lambda *a: (called.append("gram"), gram(*a))[1])
    monkeypatch.setattr(
        api.reference, "attention", lambda *a: (called.append("reference"), reference(*a))[1]
    )
    inputs = make_inputs(n_queries=193, n_keys=197)
    spherical_attention(**inputs)
    spherical_attention(**inputs, gate=torch.ones(193, 197, requires_grad=True))
    spherical_attention(**inputs, method="reference")
    spherical_attention(**inputs, method="gram")
    assert called == ["gram", "reference", "reference", "gram"]


def test_a_gate_of_ones_changes_nothing(make_inputs: MakeInputs) -> None:
    inputs = make_inputs(bias=True, mask=True)
    gated = spherical_attention(**inputs, gate=torch.ones(13, 11))
    torch.testing.assert_close(gated, spherical_attention(**inputs))


def test_streaming_runs_the_kernels(
    make_inputs: MakeInputs, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    called: list[str] = []
    streaming, mapped = api.streaming_ops.streaming, api.map_ops.map_forward
    monkeypatch.setattr(
        api.streaming_ops, "streaming", lambda *a: (called.append("attention"), streaming(*a))[1]
    )
    monkeypatch.setattr(
        api.map_ops, "map_forward", lambda *a: (called.append(f"map {a[8]}"), mapped(*a))[1]
    )
    inputs = make_inputs(dtype=torch.float32, device=device)
    spherical_attention(**inputs, method="streaming")
    del inputs["v"]
    spherical_attention_map(**inputs, method="streaming")
    spherical_attention_map(**inputs, method="gram")
    assert called == ["attention", "map True", "map False"]


@pytest.mark.parametrize("method", ["gram", "reference"])
@pytest.mark.parametrize("bias", [False, True], ids=["plain", "biased"])
def test_masked_keys_and_values_may_hold_anything(
    bias: bool, method: str, make_inputs: MakeInputs
) -> None:
    inputs = make_inputs(mask=True, bias=bias)
    want = spherical_attention(**inputs, method=method)
    removed = ~inputs["key_mask"][:, None, :, None]
    for name in ("k", "v"):
        inputs[name] = inputs[name].masked_fill(removed, float("nan"))
    torch.testing.assert_close(spherical_attention(**inputs, method=method), want)
    del inputs["v"]
    means = spherical_attention_map(**inputs, method=method)
    assert all(mean.isfinite().all() for mean in means)


@pytest.mark.parametrize("function", [spherical_attention, spherical_attention_map])
def test_an_explicit_method_never_falls_back(
    function: Callable[..., Any], make_inputs: MakeInputs
) -> None:
    inputs = make_inputs()
    if function is spherical_attention_map:
        del inputs["v"]
    with pytest.raises(ValueError, match="gate"):
        function(**inputs, gate=torch.ones(13, 11), method="gram")
    with pytest.raises(ValueError, match=r"q: got dtype torch.float64 .*'streaming'"):
        function(**inputs, method="streaming")


def test_examples_of_the_docstrings_run() -> None:
    result = doctest.testmod(api)
    assert result.attempted >= 6
    assert result.failed == 0


def test_import_loads_neither_grn_nor_triton() -> None:
    code = (
        "import sys; sys.modules['triton'] = None\n"  # importing it now fails
        "import flashsign, torch\n"
        "flashsign.spherical_attention(*torch.randn(3, 1, 1, 5, 2))\n"
        "print(sorted(m for m in sys.modules if m.split('.')[0] == 'grn'))"
    )
    folder = Path(flashsign.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, check=True
    )
    assert done.stdout.strip() == "[]"
