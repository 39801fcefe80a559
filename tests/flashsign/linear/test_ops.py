"""The linear form as torch sees it: opcheck."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from flashsign.linear import ops

MakeInputs = Callable[..., dict[str, Any]]


@pytest.mark.parametrize("exclude_self", ["none", "index"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("n_keys", [11, 37])
def test_opcheck(
    dtype: torch.dtype, exclude_self: str, n_keys: int, make_inputs: MakeInputs
) -> None:
    inputs = make_inputs(dtype=dtype, exclude_self=exclude_self, n_keys=n_keys)
    q, k, v = (inputs[name].requires_grad_() for name in "qkv")
    index = inputs.get("exclude_self")
    torch.library.opcheck(ops.gram_forward, (q, k, v, index, 1e-6))
    with torch.no_grad():
        do = torch.ones(*q.shape[:3], v.shape[-1], dtype=dtype)
        _, *sums = ops.gram_forward(q, k, v, index, 1e-6)
        torch.library.opcheck(ops.gram_backward, (do, q, k, v, index, sums, 1e-6, None))
