"""Compiles every kernel with the rows of the configs table for one chip and width; prints JSON.

    python tests/flashsign/streaming/compile_rows.py CHIP WIDTH

Runs without a GPU: a stand-in for the driver names the chip, the real launchers specialise the
kernels as they would there, and instead of a launch the machine code is read.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from typing import Any

os.environ.pop("TRITON_INTERPRET", None)

import torch
import triton
from flashsign.map.form import empty_means
from flashsign.streaming import backward, configs, forward, pairs
from flashsign.streaming.arguments import MIN_BLOCK, Options
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

Report = dict[str, Any]


class Driver:
    """The part of a driver that compilation asks for."""

    def __init__(self, capability: int) -> None:
        self.target = GPUTarget("cuda", capability, 32)

    def get_current_target(self) -> GPUTarget:
        return self.target

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compile_instead_of_launching(compiled: list[tuple[str, Any]]) -> None:
    """Make every launch compile only, and append (name, compiled kernel) to `compiled`."""
    run = JITFunction.run

    def warm_up(self: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        kernel = run(self, *args, grid=grid, warmup=True, **kwargs)
        compiled.append((self.__name__, kernel))
        return kernel

    JITFunction.run = warm_up


def launch_all(
    dtype: torch.dtype, width: int, with_options: bool, sizes: tuple[int, int, int]
) -> None:
    """Call every launcher once, for `sizes` (B, H, N = M)."""
    batch, n_heads, n = sizes
    q, k, v, do, out = (torch.empty(batch, n_heads, n, width, dtype=dtype) for _ in range(5))
    options = Options(None, None, None, None)
    if with_options:
        bias, gate = torch.empty(n_heads, n, n, dtype=dtype), torch.empty(n, n, dtype=dtype)
        mask = torch.ones(batch, n, dtype=torch.bool)
        options = Options(bias, mask, torch.arange(n), gate)
    norm = forward.forward(q, k, v, options, 1e-6, out, normaliser="l2")
    r, projection = backward.rows(out, do, norm, 1e-6, normaliser="l2")
    given = (q, k, v, options, do, r, projection)
    backward.gradients(*given, normaliser="l2")
    if with_options:
        pairs.bias_gradient(*given, "l2")
    pairs.write_means(empty_means(q, k), q, k, options, 1e-6, "l2")


def report(name: str, kernel: Any) -> Report:
    """Return what the machine code and its metadata say of a kernel."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as binary:
        binary.write(kernel.asm["cubin"])
        binary.flush()
        command = [knobs.nvidia.cuobjdump.path, "-res-usage", binary.name]
        used = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    ptx = kernel.asm["ptx"]
    return {
        "kernel": name,
        "registers": int(re.search(r"REG:(\d+)", used)[1]),
        "spilled_bytes": int(re.search(r"STACK:(\d+)", used)[1]),  # nothing else is on the stack
        "shared_bytes": kernel.metadata.shared,
        "wgmma": len(re.findall(r"\bwgmma\.mma_async", ptx)),
        "mma": len(re.findall(r"\bmma\.sync", ptx)),
    }


def reports(chip: int, width: int) -> Iterator[Report]:
    """Yield a report for every kernel, dtype, precision and row of the table.

    With the least width, also for one token of one feature, where a size or stride of 1 is a
    constant to the compiler and no access is aligned.
    """
    compiled: list[tuple[str, Any]] = []
    compile_instead_of_launching(compiled)
    triton.runtime.driver.set_active(Driver(chip or 80))
    configs.chip = lambda device: chip
    cases = [(torch.bfloat16, "ieee"), (torch.float32, "ieee")]
    if width <= 128:  # wider, tf32 is not used
        cases.append((torch.float32, "tf32"))
    if width == 64:  # float16 takes the rows of bfloat16 and the same instructions
        cases.append((torch.float16, "ieee"))
    for (dtype, precision), with_options in product(cases, (False, True)):
        torch.backends.cuda.matmul.fp32_precision = precision
        for sizes in [(2, 3, 257 if with_options else 256)] + [(1, 1, 1)] * (width == MIN_BLOCK):
            compiled.clear()
            launch_all(dtype, width if sizes[2] > 1 else 1, with_options, sizes)
            case = {"dtype": str(dtype), "precision": precision, "options": with_options}
            for name, kernel in {
                kernel.hash: (name, kernel) for name, kernel in compiled
            }.values():
                yield report(name, kernel) | case | {"tokens": sizes[2]}


if __name__ == "__main__":
    for line in reports(int(sys.argv[1]), int(sys.argv[2])):
        print(json.dumps(line), flush=True)
