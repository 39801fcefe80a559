"""Blocks of rows as torch sees them: opcheck."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign.rows import ops

MakeInputs = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("normaliser", ["l2", "l1", "softmax"])
@pytest.mark.parametrize("options", [False, True], ids=["plain", "options"])
@pytest.mark.parametrize("n_keys", [11, 37])
def test_opcheck(n_keys: int, options: bool, normaliser: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs(
        dtype=torch.float32, n_keys=n_keys, bias=options, mask=options, gate=options,
        exclude_self="index" if options else "none",
    )  # fmt: skip
    q, k, v = (inputs[name].requires_grad_() for name in "qkv")
    bias = inputs["bias"].requires_grad_() if options else None
    rest = tuple(inputs.get(name) for name in ("key_mask", "exclude_self", "gate"))
    given = (q, k, v, bias, *rest, 1e-6, normaliser)
    torch.library.opcheck(ops.rows_forward, given)
    with torch.no_grad():
        out, r = ops.rows_forward(*given)
        do = torch.ones_like(out)
        torch.library.opcheck(ops.rows_backward, (do, r, q, k, v, bias, *rest, 1e-6, normaliser))
