"""Choose the tiles of the streaming kernels on this GPU: prints the table of `streaming.configs`.

    python scripts/timing/flashsign_tune.py --head-dims 64 128 --dtypes bfloat16
    python scripts/timing/flashsign_tune.py --head-dims 256 --dtypes float32 --kernels forward map

Tries a short list of tiles in place of the table's own. One that does not compile, does not launch
or gives a result other than float64's is dropped; of the others the fastest is taken, at N = M =
2048, B = 8, H = 16. A kernel is timed inside the call that needs it, with all others as the table
or the kernels before it in the list have them.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple, get_args

import torch
from attention_peers import TOLERANCE
from flashsign import spherical_attention, spherical_attention_map
from flashsign.streaming import configs
from flashsign.streaming.arguments import padded
from flashsign.streaming.configs import Kernel, Key, Tile
from flashsign_gpu import milliseconds
from torch import Tensor

SHAPE, CHECKED = (8, 16, 2048), (2, 3, 331)
"""Batch, heads, tokens to time, and to compare with float64: a prime number fills no tile."""

CANDIDATES = (
    (128, 128, 8, 2),
    (128, 128, 8, 3),
    (128, 64, 8, 2),
    (128, 64, 8, 3),
    (128, 64, 4, 2),
    (128, 64, 4, 3),
    (128, 32, 8, 3),
    (128, 32, 4, 3),
    (64, 128, 8, 3),
    (64, 64, 8, 3),
    (64, 64, 4, 2),
    (64, 64, 4, 3),
    (64, 32, 8, 3),
    (64, 32, 4, 2),
    (32, 32, 4, 2),
)
"""Tokens that a program owns and tokens of a step of its walk; warps, stages."""

KERNELS = get_args(Kernel)
DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


class Problem(NamedTuple):
    """Arguments of spherical attention, and the gradient of its output."""

    tensors: dict[str, Tensor]
    """q, k, v, and the bias where there are options."""
    exclude_self: bool
    do: Tensor


def problem(
    shape: tuple[int, int, int], head_dim: int, options: bool, device: str, dtype: torch.dtype
) -> Problem:
    """Return noise; with `options` a bias, and every query leaves itself out."""
    batch, n_heads, n_tokens = shape
    noise = partial(torch.randn, device=device, dtype=dtype)
    tensors = {name: noise(batch, n_heads, n_tokens, head_dim) for name in "qkv"}
    if options:
        tensors["bias"] = noise(n_heads, n_tokens, n_tokens)
    return Problem(tensors, options, noise(batch, n_heads, n_tokens, head_dim))


def results(kernel: Kernel, given: Problem, method: str) -> Sequence[Tensor]:
    """Return what the call that needs `kernel` gives: outputs, gradients, or means of the map."""
    arguments: dict[str, Any] = {
        **given.tensors,
        "exclude_self": given.exclude_self,
        "method": method,
    }
    if kernel == "map":
        del arguments["v"]
        return spherical_attention_map(**arguments)
    learned = {"q", "k", "v", "bias"} if kernel == "bias" else {"q", "k", "v"}
    for name, t in given.tensors.items():
        t.requires_grad_(kernel != "forward" and name in learned)
    out = spherical_attention(**arguments)
    inputs = [t for t in given.tensors.values() if t.requires_grad]
    return [out, *torch.autograd.grad(out, inputs, given.do)] if inputs else [out]


def exact(kernel: Kernel, given: Problem) -> Sequence[Tensor]:
    """Return the results in float64."""
    tensors = {name: t.detach().double() for name, t in given.tensors.items()}
    return results(kernel, Problem(tensors, given.exclude_self, given.do.double()), "reference")


def largest_error(got: Sequence[Tensor], wanted: Sequence[Tensor]) -> float:
    """Return the largest relative error (Frobenius norm); infinite for any NaN."""
    errors = [
        float((mine.detach() - true).norm() / true.norm())
        for mine, true in zip(got, (t.detach() for t in wanted), strict=True)
    ]
    return max(errors) if all(map(math.isfinite, errors)) else math.inf


def candidates(kernel: Kernel) -> list[Tile]:
    """Return the tiles to try: the owner is a block of keys where dk and dv are summed."""
    owns_keys = kernel == "keys"
    return [
        Tile(step, own, *launch) if owns_keys else Tile(own, step, *launch)
        for own, step, *launch in CANDIDATES
    ]


def tune(kernel: Kernel, key: Key, checked: Problem, timed: Problem) -> None:
    """Leave the fastest right tile in the table, and print how it compares."""
    from triton.errors import TritonError

    row, wanted = configs.TABLE[key], exact(kernel, checked)
    dtypes, tolerance = {checked.do.dtype, torch.float32}, TOLERANCE[checked.do.dtype]
    times: dict[Tile, float] = {}
    for tile in dict.fromkeys((row[kernel], *candidates(kernel))):
        configs.TABLE[key] = {**row, kernel: tile}
        try:
            poison = [torch.full_like(t, math.nan, dtype=d) for t in wanted for d in dtypes]
            del poison  # the kernel is given this memory, and not a right result, to write to
            error = largest_error(results(kernel, checked, "streaming"), wanted)
            if error <= tolerance:
                times[tile] = milliseconds(partial(results, kernel, timed, "streaming"))
            dropped = "" if error <= tolerance else f"wrong: relative error {error:.1e}"
        except (TritonError, RuntimeError) as refusal:
            dropped = " ".join(str(refusal).split())[:160]
        if dropped:
            print(f"# {kernel} {tile_text(tile)}: dropped, {dropped}", flush=True)
    best = min(times, key=times.__getitem__, default=row[kernel])
    configs.TABLE[key] = {**row, kernel: best}
    for tile in dict.fromkeys((row[kernel], best)):
        print(f"# {kernel} {tile_text(tile)}: {times.get(tile, math.nan):.4f} ms", flush=True)


def row_text(key: Key) -> str:
    """Return a row as the table is written."""
    options = "yes" if key.options else "no"
    tiles = " ".join(f"{tile_text(configs.TABLE[key][kernel]):<11}" for kernel in KERNELS)
    return f"{key.chip:>4} {key.width:>5} {key.element_size:>5} {options:>7} {tiles}".rstrip()


def tile_text(tile: Tile) -> str:
    """Return a tile as the table is written."""
    return "x".join(map(str, tile))


def main(arguments: Sequence[str] | None = None) -> int:
    """Tune what was asked for and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--head-dims", type=int, nargs="+", default=[64, 128])
    parser.add_argument("--dtypes", nargs="+", choices=DTYPES, default=["bfloat16"])
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=KERNELS)
    args = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("no CUDA device: skipped")
        return 0
    torch.manual_seed(0)
    print(f"# {torch.cuda.get_device_name()}, torch {torch.__version__}")
    for head_dim, dtype, options in product(args.head_dims, args.dtypes, (False, True)):
        timed, checked = (
            problem(shape, head_dim, options, "cuda", DTYPES[dtype]) for shape in (SHAPE, CHECKED)
        )
        q = timed.tensors["q"]
        key = Key(configs.chip(q.device), padded(head_dim), q.element_size(), options)
        for kernel in args.kernels:
            if options or kernel != "bias":
                tune(kernel, key, checked, timed)
        print(row_text(key), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
