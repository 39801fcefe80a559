"""Measure how finding a network grows with genes and with TFs: seconds and peak memory.

    python scripts/timing/network_scaling.py --plot docs/network_scaling.png

Genes vary with 100 TFs, TFs vary with 2000 genes, at 400 cells: Poisson counts, an eighth of them
not 0, through `grn.model.pretrained.find_network`, each size in a process of its own. Prints a
table and the exponents, which are slopes of log cost against log size by least squares. The
default takes about five minutes on two cores.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression

import numpy as np
from markdown_table import aligned
from matplotlib.figure import Figure

GENES = (1000, 2000, 5000, 10_000, 20_000)
TFS = (50, 100, 200, 400)
N_CELLS, N_TFS, N_GENES = 400, 100, 2000
Costs = dict[str, float]


def measure_here(n_genes: int, n_tfs: int) -> Costs:
    """Find one network in this process; return its seconds, and the peak of resident bytes."""
    import torch

    from grn.model.pretrained import find_network

    counts = np.random.default_rng(0).poisson(0.13, (N_CELLS, n_genes)).astype(np.float32)
    roots = torch.from_numpy(np.sqrt(np.log1p(counts)))
    started = time.perf_counter()
    find_network(roots, torch.arange(n_tfs))
    seconds = time.perf_counter() - started
    return {
        "seconds": seconds,
        "bytes": 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def measure(n_genes: int, n_tfs: int) -> Costs:
    """Return the costs of one size, from a process of its own."""
    command = [sys.executable, __file__, "--one", str(n_genes), str(n_tfs)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: Costs = json.loads(ended.stdout.splitlines()[-1])
    return measured


def exponent(found: dict[int, Costs], cost: str) -> float:
    """Return the slope of log cost against log size."""
    return linear_regression(np.log(list(found)), np.log([c[cost] for c in found.values()])).slope


def plot(records: dict[str, dict[int, Costs]]) -> Figure:
    """Draw seconds and gigabytes against both sizes."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots(2, 2, sharex="col", sharey="row")
    for column, (over, found) in zip(axes.T, records.items(), strict=True):
        for ax, cost, unit, colour in (
            (column[0], "seconds", 1.0, "#0072B2"),
            (column[1], "bytes", 1e9, "#CC79A7"),
        ):
            values = [costs[cost] / unit for costs in found.values()]
            ax.plot(list(found), values, marker="o", color=colour)
            ax.set_title(f"exponent {exponent(found, cost):.2f}", fontsize=9)
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_ylim(bottom=0)
        column[1].set_xlabel(over)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("peak memory (GB)")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size, print the table and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", type=int, nargs=2, metavar=("GENES", "TFS"))
    parser.add_argument("--genes", type=int, nargs="+", default=GENES)
    parser.add_argument("--tfs", type=int, nargs="+", default=TFS)
    parser.add_argument("--plot", type=Path, help="picture, .png or .svg")
    args = parser.parse_args(arguments)
    if args.one:
        print(json.dumps(measure_here(*args.one)))
        return
    records = {
        f"genes, {N_TFS} TFs": {n: measure(n, N_TFS) for n in args.genes},
        f"TFs, {N_GENES} genes": {n: measure(N_GENES, n) for n in args.tfs},
    }
    for over, found in records.items():
        rows = [[over, "seconds", "peak (GB)"]]
        rows += [
            [str(n), f"{c['seconds']:.1f}", f"{c['bytes'] / 1e9:.2f}"] for n, c in found.items()
        ]
        exponents = [f"{exponent(found, cost):.2f}" for cost in ("seconds", "bytes")]
        print(aligned([*rows, ["exponent", *exponents]]) + "\n")
    if args.plot:
        plot(records).savefig(args.plot, dpi=110)


if __name__ == "__main__":
    main()
