"""Compiles the linear-time kernels for one chip and width of heads; prints a JSON line for each.

    python tests/flashsign/linear/kernels/compile_kernels.py CHIP WIDTH

Without a GPU, as `compile_rows.py`, whose chips these are.
"""

import json
import sys
from itertools import product
from typing import Any

import torch
import triton
from flashsign.linear.kernels import backward, forward
from flashsign.streaming import backward as streaming_backward
from flashsign.streaming import configs
from flashsign.streaming import forward as streaming_forward

from tests.flashsign.streaming.compile_rows import Driver, compile_instead_of_launching, report


def launch_all(
    dtype: torch.dtype, sizes: tuple[int, int], self_index: torch.Tensor | None
) -> None:
    """Call every launcher once, for heads of `sizes` (d, d_v); the streaming ones are others'."""
    head_dim, value_dim = sizes
    q, k = (torch.empty(2, 3, 256, head_dim, dtype=dtype) for _ in range(2))
    v, do = (torch.empty(2, 3, 256, value_dim, dtype=dtype) for _ in range(2))
    _, saved = forward.forward(q, k, v, self_index, 1e-6)
    backward.backward(do, q, k, v, self_index, saved, 1e-6)


if __name__ == "__main__":
    chip, width = int(sys.argv[1]), int(sys.argv[2])
    compiled: list[tuple[str, Any]] = []
    compile_instead_of_launching(compiled)
    triton.runtime.driver.set_active(Driver(chip or 80))
    configs.chip = lambda device: chip
    for module, name in (
        (streaming_forward, "forward"),
        (streaming_backward, "rows"),
        (streaming_backward, "gradients"),
    ):
        setattr(module, name, lambda *_: (None, None))
    for dtype, own, sizes in product(
        (torch.bfloat16, torch.float16),
        (None, torch.arange(256)),
        sorted({(width, width), (width, 16), (16, width)}),
    ):
        compiled.clear()
        launch_all(dtype, sizes, own)
        case = {"dtype": str(dtype), "own": own is not None, "sizes": sizes}
        for name, kernel in {kernel.hash: (name, kernel) for name, kernel in compiled}.values():
            print(json.dumps(report(name, kernel) | case), flush=True)
