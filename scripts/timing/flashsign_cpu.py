"""Time spherical attention on the CPU against PyTorch's SoftMax attention, in one run.

    python scripts/timing/flashsign_cpu.py             # or: make bench
    python scripts/timing/flashsign_cpu.py --threads 2 --sizes 1024 4096
    python scripts/timing/flashsign_cpu.py --busy 1    # beside a process that computes without end

Prints milliseconds of forward + backward (best of a few runs; float32 noise) and how many times
faster than `scaled_dot_product_attention` each form is: with N queries and N keys at B = 1, plain
and with self-exclusion; then for a biased map of N × 512 that 32 batch elements share. On a busy
machine it is the median of the runs instead, since waiting is a part of it.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median
from typing import NamedTuple

import torch
import torch.nn.functional as F
from busy import busy_cores
from flashsign import spherical_attention
from torch import Tensor

N_HEADS, HEAD_DIM = 8, 32
SHARED_BATCH, SHARED_KEYS = 32, 512
REFERENCE_LIMIT = 4096
"""Largest N for the quadratic reference: 8192 needs over 10 GB for its backward pass."""


class Runs(NamedTuple):
    """How often something is timed, and which time counts."""

    budget: float
    """About how many seconds a measurement may take."""
    choose: Callable[[list[float]], float]
    """Of the seconds of several runs, such as `min`."""


def milliseconds(step: Callable[[], Tensor], inputs: list[Tensor], run: Runs) -> float:
    """Return the time of forward + backward in ms."""
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < 2 or (time.perf_counter() - started < run.budget and len(times) < 20):
        for tensor in inputs:
            tensor.grad = None
        begin = time.perf_counter()
        out = step()
        out.backward(torch.ones_like(out))
        times.append(time.perf_counter() - begin)
    return 1e3 * run.choose(times)


def random_inputs(*shapes: tuple[int, ...]) -> list[Tensor]:
    """Return leaf tensors of standard normal noise."""
    return [torch.randn(shape).requires_grad_() for shape in shapes]


def compare(size: int, run: Runs) -> None:
    """Print one row: SDPA, reference and gram, and gram with self-exclusion, at N = M = `size`."""
    shape = (1, N_HEADS, size, HEAD_DIM)
    inputs = random_inputs(shape, shape, shape)
    q, k, v = inputs
    sdpa = milliseconds(lambda: F.scaled_dot_product_attention(q, k, v), inputs, run)
    cells = [f"{size:>6}", f"{sdpa:>10.1f}"]
    if size <= REFERENCE_LIMIT:
        plain = milliseconds(lambda: spherical_attention(q, k, v, method="reference"), inputs, run)
        cells += [f"{plain:>10.1f}", f"{sdpa / plain:>6.1f}x"]
    else:
        cells += [f"{'-':>10}", f"{'-':>7}"]
    for exclude_self in (False, True):
        fast = milliseconds(
            lambda alone=exclude_self: spherical_attention(
                q, k, v, exclude_self=alone, method="gram"
            ),
            inputs,
            run,
        )
        cells += [f"{fast:>10.1f}", f"{sdpa / fast:>6.1f}x"]
    print(" ".join(cells), flush=True)


def compare_shared(size: int, run: Runs) -> None:
    """Print one row for a biased map that all batch elements share: reference and gram."""
    q, k, v, bias = inputs = random_inputs(
        (1, 1, size, HEAD_DIM),
        (1, 1, SHARED_KEYS, HEAD_DIM),
        (SHARED_BATCH, 1, SHARED_KEYS, HEAD_DIM),
        (1, size, SHARED_KEYS),
    )
    wide_q, wide_k = q.expand(SHARED_BATCH, -1, -1, -1), k.expand(SHARED_BATCH, -1, -1, -1)
    sdpa = milliseconds(
        lambda: F.scaled_dot_product_attention(wide_q, wide_k, v, attn_mask=bias), inputs, run
    )
    fast = milliseconds(
        lambda: spherical_attention(q, k, v, bias=bias, method="gram"), inputs, run
    )
    print(f"{size:>6} {sdpa:>10.1f} {fast:>10.1f} {sdpa / fast:>6.1f}x", flush=True)


def main() -> None:
    """Read the options and print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1024, 2048, 4096, 8192])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--budget", type=float, default=1.0, help="seconds per measurement")
    parser.add_argument("--busy", type=int, default=0, help="processes that compute beside it")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    run = Runs(args.budget, median if args.busy else min)
    beside = f", beside {args.busy} busy process(es)" if args.busy else ""
    print(
        f"torch {torch.__version__}, {args.threads} threads, H = {N_HEADS}, d = {HEAD_DIM}, "
        f"ms{beside}"
    )
    with busy_cores(args.busy):
        print(f"{'N':>6} {'SDPA':>10} {'reference':>18} {'gram':>18} {'gram, no self':>18}")
        for size in args.sizes:
            compare(size, run)
        print(f"\nshared biased map, B = {SHARED_BATCH}, H = 1, M = {SHARED_KEYS}, ms")
        print(f"{'N':>6} {'SDPA':>10} {'gram':>18}")
        for size in args.sizes:
            compare_shared(size, run)


if __name__ == "__main__":
    main()
