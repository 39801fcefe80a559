"""Measure how training, inference and memory grow with genes and with cells, in one run.

    python scripts/timing/scaling.py             # or: make bench
    python scripts/timing/scaling.py --genes 1000 5000 --cells 1000 --output s.json --plot s.png

Genes vary at 400 cells, cells at 1000 genes, with 100 TFs and minibatches of 64: Poisson counts,
an eighth of them not 0, from an .h5ad file through everything that `grn train` does, with 25
steps and one validation. Prints the seconds and the peak of resident memory of each size, then
the exponents: slopes of log cost against log size by least squares, over the sizes where constant
costs no longer dominate and over all. The default takes six minutes on two cores.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression
from typing import NamedTuple

import numpy as np
from markdown_table import aligned
from matplotlib.figure import Figure

GENES = (500, 1000, 2000, 5000, 10_000, 20_000)
CELLS = (100, 1000, 3000, 10_000, 30_000, 100_000)
FIXED = {"genes": 400, "cells": 1000}
"""Cells while the genes vary, and genes while the cells do."""

CUT = {"genes": 2000, "cells": 10_000}
"""Least size that the exponents are fitted to: below, calls of small operators take the time of a
step, and profiles of as many as 2000 cells that of an inference."""

ROUNDS = 2
"""Times every size is measured, in turns; the faster one counts, as other work only slows."""

CASE = Path(__file__).with_name("scaling_case.py")

Record = dict[str, float]
"""Of one size: seconds of a step, epoch, validation and inference, their spread, and bytes."""


class Bound(NamedTuple):
    """A cost that has an exponent; `at_most` is what is promised, if anything."""

    title: str
    cost: str
    over: str
    at_most: float | None = None


BOUNDS = (
    Bound("training step", "step", "genes", 1.15),
    Bound("inference", "inference", "genes"),
    Bound("peak memory", "peak_rss", "genes"),
    Bound("training step", "step", "cells", 1.1),
    Bound("epoch", "epoch", "cells", 1.1),
    Bound("inference", "inference", "cells", 1.1),
    Bound("peak memory", "peak_rss", "cells"),
)

COLOURS = {"step": "#0072B2", "epoch": "#009E73", "inference": "#E69F00", "peak_rss": "#CC79A7"}


def measure(n_cells: int, n_genes: int, n_threads: int) -> Record:
    """Return seconds and peak memory of one size, from a process of its own.

    Raises
    ------
    RuntimeError
        The process failed; the message ends with what it said last.
    """
    command = [sys.executable, str(CASE), str(n_cells), str(n_genes), str(n_threads)]
    # Waiting threads that spin would slow down whatever else runs here, as in `grn`.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    ended = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ended.returncode:
        msg = f"{n_cells} cells × {n_genes} genes failed: {ended.stderr[-2000:]}"
        raise RuntimeError(msg)
    measured: Record = json.loads(ended.stdout.splitlines()[-1])
    return measured


def combined(rounds: Sequence[Record]) -> Record:
    """Return least seconds and most bytes of some rounds, and the spread of the steps' seconds."""
    best = {cost: min(r[cost] for r in rounds) for cost in rounds[0]}
    best["peak_rss"] = max(r["peak_rss"] for r in rounds)
    best["spread"] = max(r["step"] for r in rounds) / best["step"] - 1
    return best


def exponent(records: dict[int, Record], cost: str, cut: int) -> float:
    """Return the slope of log cost against log size from `cut` on; NaN below two sizes."""
    sizes = [n for n in records if n >= cut]
    if len(sizes) < 2:
        return float("nan")
    return linear_regression(np.log(sizes), np.log([records[n][cost] for n in sizes])).slope


def table(over: str, records: dict[int, Record]) -> str:
    """Return the costs as Markdown, a row per size."""
    timed = [f"{cost} (s)" for cost in ("epoch", "validation", "inference")]
    rows = [[over, "step (s)", "spread", *timed, "peak (GB)"]]
    rows += [
        [
            str(n),
            f"{r['step']:.4f}",
            f"{r['spread']:.0%}",
            f"{r['epoch']:.2f}",
            f"{r['validation']:.2f}",
            f"{r['inference']:.1f}",
            f"{r['peak_rss'] / 1e9:.2f}",
        ]
        for n, r in sorted(records.items())
    ]
    return aligned(rows)


def exponents(records: dict[str, dict[int, Record]]) -> str:
    """Return the fitted exponents as Markdown, a row per bound."""
    rows = [["exponent of", "in", "from", "fitted", "all sizes", "at most"]]
    for bound in BOUNDS:
        over, cut = records[bound.over], CUT[bound.over]
        fitted = [exponent(over, bound.cost, least) for least in (cut, 0)]
        promised = "-" if bound.at_most is None else f"{bound.at_most}"
        rows.append([bound.title, bound.over, str(cut), *map("{:.2f}".format, fitted), promised])
    return aligned(rows)


def plot(records: dict[str, dict[int, Record]]) -> Figure:
    """Draw the costs against the sizes, genes left and cells right, seconds above memory."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", sharey="row", height_ratios=(2, 1))
    for column, (over, found) in zip(axes.T, records.items(), strict=True):
        sizes = sorted(found)
        for cost in ("inference", "epoch", "step", "peak_rss"):
            unit = 1e9 if cost == "peak_rss" else 1.0
            bound = next((b for b in BOUNDS if (b.cost, b.over) == (cost, over)), None)
            if bound is None:
                continue
            column[int(cost == "peak_rss")].plot(
                sizes,
                [found[n][cost] / unit for n in sizes],
                color=COLOURS[cost],
                marker="o",
                markersize=4,
                label=f"{bound.title}: exponent {exponent(found, cost, CUT[over]):.2f}",
            )
        for ax in column:
            ax.axvline(CUT[over], color="#999999", linestyle=":", linewidth=1)
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_xscale("log")
            ax.legend(frameon=False, fontsize=8)
        column[0].set_yscale("log")
        column[1].set_xlabel(over)
    # After both are drawn: they share the axis, and a limit stops it from growing.
    axes[1, 0].set_ylim(bottom=0)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("GB")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size in turns, print the tables and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genes", type=int, nargs="+", default=GENES)
    parser.add_argument("--cells", type=int, nargs="+", default=CELLS)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--output", type=Path, help="JSON file for the records")
    parser.add_argument("--plot", type=Path, help="picture of the records, .png or .svg")
    args = parser.parse_args(arguments)
    sizes = {"genes": args.genes, "cells": args.cells}
    rounds: dict[tuple[str, int], list[Record]] = {}
    for _ in range(ROUNDS):
        for over in sizes:
            for n in sizes[over]:
                n_cells, n_genes = (FIXED[over], n) if over == "genes" else (n, FIXED[over])
                print(f"{n_cells} cells × {n_genes} genes", file=sys.stderr, flush=True)
                measured = measure(n_cells, n_genes, args.threads)
                rounds.setdefault((over, n), []).append(measured)
    records = {over: {n: combined(rounds[over, n]) for n in sizes[over]} for over in sizes}
    for over, found in records.items():
        print(f"{args.threads} threads, {FIXED[over]} {'cells' if over == 'genes' else 'genes'}")
        print(table(over, found) + "\n")
    print(exponents(records))
    if args.output:
        args.output.write_text(json.dumps({"threads": args.threads, **records}, indent=1))
    if args.plot:
        plot(records).savefig(args.plot, dpi=110)


if __name__ == "__main__":
    main()
