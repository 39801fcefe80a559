"""The map as torch sees it: opcheck."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign.map import ops

MakeInputs = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("normaliser", ["l2", "l1", "softmax"])
def test_opcheck(normaliser: str, make_inputs: MakeInputs) -> None:
    inputs = make_inputs(bias=True, mask=True, gate=True, exclude_self="index")
    q, k, bias = (inputs[name].requires_grad_() for name in ("q", "k", "bias"))
    rest = (inputs["key_mask"], inputs["exclude_self"], inputs["gate"])
    given = (q, k, bias, *rest, 1e-6, normaliser)
    torch.library.opcheck(ops.map_forward, (*given, False))
    with torch.no_grad():
        means = ops.map_forward(*given, False)
        torch.library.opcheck(ops.map_backward, (*means, *given))
