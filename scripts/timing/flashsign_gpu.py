"""Time streaming spherical attention on a GPU against every other way to attend, in one run.

    python scripts/timing/flashsign_gpu.py             # or: make bench
    python scripts/timing/flashsign_gpu.py --sizes 2048 16384 --output gpu.json --plot gpu.png

Prints TFLOP/s in bfloat16 with N queries and N keys, 16384 tokens in all and 2048 features over
the heads, forward and with the backward pass; then how many times faster FlashSign is than the
best SDPA backend, the best of all others and naive PyTorch, and its share of a matrix product
timed in the same run. A method whose result differs from float64 has no speed. `-`: no result,
for the reason printed below the table.
"""

import argparse
import json
import math
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TypedDict

import torch
from attention_peers import (
    NAIVE,
    OURS,
    TOLERANCE,
    Method,
    Shape,
    error,
    expected,
    methods,
    random_inputs,
    step,
)
from markdown_table import aligned
from matplotlib.figure import Figure

SIZES, HEAD_DIMS = (512, 1024, 2048, 4096, 8192, 16384), (64, 128)
TOKENS, FEATURES = 16384, 2048
"""Tokens of a batch and features over all heads: the same at every N and d."""

FLOPS = {"forward": 4.0, "backward": 10.0, "forward + backward": 14.0}
"""Floating-point operations per pair of tokens and feature; two products, and five backward."""

ROUNDS = 3
"""Times each speed is measured, in turns with the other methods."""

COLOURS = {
    OURS: "black",
    NAIVE: "#999999",
    "naive, compiled": "#CC79A7",
    "SDPA flash": "#0072B2",
    "SDPA efficient": "#56B4E9",
    "SDPA cuDNN": "#009E73",
    "FlexAttention": "#E69F00",
}

Record = TypedDict(
    "Record",
    {
        "method": str,
        "head_dim": int,
        "n": int,
        "pass": str,
        "ms": float | None,
        "spread": float | None,
        "tflops": float | None,
        "error": float | None,
        "note": str,
    },
)
"""One speed; spread is (slowest - fastest) / median of the rounds, note why there is none."""


def flops(shape: Shape, direction: str) -> float:
    """Return the floating-point operations that a direction of attention is counted with."""
    batch, n_heads, n_tokens, head_dim = shape
    return FLOPS[direction] * batch * n_heads * n_tokens * n_tokens * head_dim


def milliseconds(run: Callable[[], object]) -> float:
    """Return the median time of a run on the GPU in ms, its cache flushed before each."""
    from triton.testing import do_bench

    return float(do_bench(run, warmup=25, rep=100, return_mode="median"))


def tried(run: Callable[[], float]) -> tuple[float, str]:
    """Return a number and no note, or NaN and the reason that was given for having none."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")  # SDPA gives its reasons as warnings
        try:
            return run(), ""
        except (RuntimeError, ValueError, ImportError) as refusal:
            said = [str(warning.message) for warning in caught] + [str(refusal)]
    torch.cuda.empty_cache()  # after the exception, which holds tensors
    return math.nan, " ".join(" ".join(said).split())[:240]


def measure(
    chosen: Sequence[Method], shape: Shape, direction: str, device: str, dtype: torch.dtype
) -> list[Record]:
    """Return one record per method: checked against float64, then timed in turns."""
    inputs = random_inputs(shape, device, dtype)
    wanted = {exact: expected(exact, inputs) for exact in {m.exact for m in chosen}}
    errors, notes = {}, {}
    times: dict[Method, list[float]] = {m: [] for m in chosen}
    for m in chosen:
        errors[m], notes[m] = tried(partial(error, m, inputs, direction, wanted[m.exact]))
        if not notes[m] and not errors[m] <= TOLERANCE[dtype]:
            notes[m] = (
                f"wrong: relative error {errors[m]:.1e}, at most {TOLERANCE[dtype]} is right"
            )
    for _ in range(ROUNDS):
        for m in chosen:
            if not notes[m]:
                run = partial(step, m, inputs, direction)
                ms, notes[m] = tried(partial(milliseconds, run))
                times[m].append(ms)
    return [record(m.name, shape, direction, times[m], errors[m], notes[m]) for m in chosen]


def record(
    name: str, shape: Shape, direction: str, times: list[float], error: float, note: str
) -> Record:
    """Return the record of one method; without a speed where there is a note."""
    ms = None if note else median(times)
    return {
        "method": name,
        "head_dim": shape[3],
        "n": shape[2],
        "pass": direction,
        "ms": ms,
        "spread": (max(times) - min(times)) / ms if ms and len(times) > 1 else None,
        "tflops": flops(shape, direction) / ms * 1e-9 if ms else None,
        "error": error if math.isfinite(error) else None,
        "note": note,
    }


def measure_both(shape: Shape, device: str, dtype: torch.dtype) -> list[Record]:
    """Return the records of all methods and directions; backward is the difference of the two."""
    chosen = methods()
    forward = measure(chosen, shape, "forward", device, dtype)
    both = measure(chosen, shape, "forward + backward", device, dtype)
    backward = []
    for f, fb in zip(forward, both, strict=True):
        ms = (fb["ms"] or 0.0) - (f["ms"] or 0.0)
        note = f["note"] or fb["note"] or ("" if ms > 0.0 else "too fast to tell")
        error = math.nan if fb["error"] is None else fb["error"]
        backward.append(record(f["method"], shape, "backward", [ms], error, note))
    return forward + backward + both


def found(records: Sequence[Record], wanted: dict[str, str | int]) -> list[Record]:
    """Return the records that have these values."""
    return [r for r in records if wanted.items() <= r.items()]


def row(records: Sequence[Record], ceiling: float) -> list[str]:
    """Return what the table says of one N: `records` hold each method once."""
    speed = {r["method"]: r["tflops"] or math.nan for r in records}
    mine = speed[OURS]
    others = {name: x for name, x in speed.items() if name != OURS and not math.isnan(x)}
    sdpa = [x for name, x in others.items() if name.startswith("SDPA")]
    best = [max(sdpa, default=math.nan), max(others.values(), default=math.nan), speed[NAIVE]]
    errors = [r["error"] or math.nan for r in records if r["method"] in (OURS, NAIVE)]
    spread = max((r["spread"] for r in records if r["spread"] is not None), default=math.nan)
    cells = [f"{x:.0f}" for x in speed.values()]
    cells += [f"{mine / x:.2f}" for x in best] + [f"{mine / ceiling:.0%}"]
    cells += [f"{x:.1e}" for x in errors] + [f"{spread:.0%}"]
    return ["-" if "nan" in cell else cell for cell in cells]


def table(records: Sequence[Record], ceiling: float) -> str:
    """Return TFLOP/s and ratios as Markdown, a row per N; `records` of one head_dim and pass."""
    names = dict.fromkeys(r["method"].split()[-1] for r in records)
    ratios = ("/ best SDPA", "/ best other", "/ naive", "of matmul")
    titles = ["N", *names, *ratios, "error", "naive's", "spread"]
    sizes = sorted({r["n"] for r in records})
    rows = [[str(n), *row(found(records, {"n": n}), ceiling)] for n in sizes]
    return aligned([titles, *rows])


def plot(records: Sequence[Record], ceiling: float) -> Figure:
    """Draw TFLOP/s against N: a row per head_dim, a column per pass."""
    dims, sizes = (sorted({r[axis] for r in records}) for axis in ("head_dim", "n"))
    figure = Figure(figsize=(11, 0.8 + 2.9 * len(dims)), layout="constrained")
    axes = figure.subplots(len(dims), len(FLOPS), sharex=True, sharey=True, squeeze=False)
    for head_dim, line in zip(dims, axes, strict=True):
        for direction, ax in zip(FLOPS, line, strict=True):
            here = found(records, {"head_dim": head_dim, "pass": direction})
            for name, colour in COLOURS.items():
                drawn = found(here, {"method": name})
                ours = name == OURS
                ax.plot(
                    [r["n"] for r in drawn],
                    [r["tflops"] or math.nan for r in drawn],
                    color=colour,
                    marker="o",
                    markersize=5 if ours else 3,
                    linewidth=2.4 if ours else 1.2,
                    zorder=3 if ours else 2,
                    label=name,
                )
            top = [ceiling] * len(sizes)
            ax.plot(sizes, top, color="#666666", linestyle="--", linewidth=1, label="matmul")
            ax.set_xscale("log", base=2)
            ax.set_xticks(sizes, map(str, sizes), fontsize=8)
            ax.set_title(f"{direction}, d = {head_dim}", fontsize=10)
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_ylim(bottom=0)
        line[0].set_ylabel("TFLOP/s")
    for ax in axes[-1]:
        ax.set_xlabel("N")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    return figure


def matmul_ceiling(device: str, dtype: torch.dtype, n: int = 8192) -> float:
    """Return the TFLOP/s of a product of two n × n matrices of noise."""
    a, b = torch.randn(2, n, n, device=device, dtype=dtype)
    return 2.0 * n**3 / milliseconds(lambda: a @ b) * 1e-9


def report(records: Sequence[Record], ceiling: float) -> None:
    """Print the tables of one head_dim, and once each why a speed is missing."""
    for direction in FLOPS:
        print(f"\n{direction}, d = {records[0]['head_dim']}, TFLOP/s")
        print(table(found(records, {"pass": direction}), ceiling))
    for name, note in dict.fromkeys((r["method"], r["note"]) for r in records if r["note"]):
        print(f"- {name}: {note}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; return 1 if FlashSign has no speed somewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--head-dims", type=int, nargs="+", default=HEAD_DIMS)
    parser.add_argument("--output", type=Path, help="JSON file for the records")
    parser.add_argument("--plot", type=Path, help="picture of the records, .png or .svg")
    args = parser.parse_args(arguments)
    if not torch.cuda.is_available():
        print("no CUDA device: skipped")
        return 0
    device, dtype = "cuda", torch.bfloat16
    torch.manual_seed(0)
    run = {
        "device": torch.cuda.get_device_name(),
        "torch": torch.__version__,
        "triton": version("triton"),
    }
    ceiling = matmul_ceiling(device, dtype)
    names = ", ".join(f"{name} {value}" for name, value in run.items())
    print(f"{names}, {dtype}, matmul {ceiling:.0f} TFLOP/s", flush=True)
    records: list[Record] = []
    for head_dim in args.head_dims:
        for n in args.sizes:
            shape = (max(1, TOKENS // n), FEATURES // head_dim, n, head_dim)
            records += measure_both(shape, device, dtype)
        report(found(records, {"head_dim": head_dim}), ceiling)
        if args.output:
            args.output.write_text(
                json.dumps({**run, "matmul_tflops": ceiling, "records": records}, indent=1)
            )
    if args.plot:
        plot(records, ceiling).savefig(args.plot, dpi=150)
    return int(any(r["note"] for r in found(records, {"method": OURS})))


if __name__ == "__main__":
    sys.exit(main())
