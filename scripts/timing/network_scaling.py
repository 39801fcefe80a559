"""Measure how finding a network grows with cells, genes, TFs and groups, beside other methods.

    python scripts/timing/network_scaling.py --plot docs/network_scaling.png
    python scripts/timing/network_scaling.py --methods spherical --over genes

One of the four varies and the others stay: Poisson counts, an eighth of them not 0, from cells in
memory to edges, each size in a process of its own on one thread. Seconds are those that the core
computes for it, so other work on the machine hardly counts; memory is the peak of resident bytes.
A method has LIMIT seconds. Prints tables and exponents, which are slopes of log cost against log
size by least squares over the larger half of the sizes.
"""

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from statistics import linear_regression
from typing import TYPE_CHECKING, Any

import numpy as np
from markdown_table import aligned
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from anndata import AnnData

FIXED = {"cells": 400, "genes": 500, "TFs": 50, "groups": 1}
SIZES = {
    "cells": (200, 800, 3200, 12_800),
    "genes": (250, 500, 1000, 2000, 4000),
    "TFs": (25, 50, 100, 200),
    "groups": (1, 2, 4, 8),
}
OTHERS_FIXED = {"groups": {"cells": 800}}
"""Further values of what stays, while one varies: groups of a hundred cells at least."""

METHODS = ("spherical", "grnboost2", "regdiffusion")
COLOURS = {"spherical": "#0072B2", "grnboost2": "#E69F00", "regdiffusion": "#009E73"}
LIMIT = 100
"""Seconds of computing that a method has for one size, imports included."""

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes that ru_maxrss counts in."""

Costs = dict[str, float]
Records = dict[str, dict[str, dict[int, Costs]]]
"""By what varies, method and size; a size at which a method does not finish is missing."""


def simulated(size: dict[str, int]) -> "AnnData":
    """Return counts of genes that a few programmes share; no gene is rare enough to be dropped."""
    import anndata
    import pandas as pd

    n_cells, n_genes = size["cells"], size["genes"]
    rng = np.random.default_rng(0)
    base = rng.uniform(np.log(0.04), np.log(0.4), n_genes)
    programmes = rng.normal(0.0, 1.0, (n_cells, 8)) @ rng.normal(0.0, 0.3, (8, n_genes))
    counts = rng.poisson(np.exp(base + programmes)).astype(np.float32)
    group = (np.arange(n_cells) % size["groups"]).astype(str)
    return anndata.AnnData(
        counts,
        obs=pd.DataFrame({"group": group}, index=[f"cell{i}" for i in range(n_cells)]),
        var=pd.DataFrame(index=[f"gene{i}" for i in range(n_genes)]),
    )


def measure_here(method: str, size: dict[str, int]) -> Costs:
    """Run one method in this process; return its seconds, and the peak of resident bytes."""
    find = spherical if method == "spherical" else partial(peer, method)
    small = simulated({**FIXED, "cells": 60, "genes": 20})
    find(small, list(small.var_names[:5]))  # what is loaded and compiled once
    cells = simulated(size)
    started = time.process_time()
    find(cells, list(cells.var_names[: size["TFs"]]))
    seconds = time.process_time() - started
    return {
        "seconds": seconds,
        "bytes": float(RSS_UNIT * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss),
    }


def spherical(cells: "AnnData", tfs: list[str]) -> None:
    """Find our network, and that of every group if there are several."""
    import grn

    several = cells.obs["group"].nunique() > 1
    model = grn.SphericalGRN(cells, tfs, groupby="group" if several else None)
    model.edges()
    if several:
        model.edges_by_group()


def peer(method: str, cells: "AnnData", tfs: list[str]) -> None:
    """Score all pairs by a method of `grn benchmark`, in the cells of each group."""
    from grn.benchmark.peers import PEERS

    settings: dict[str, Any] = {"n_jobs": 1} if method == "grnboost2" else {}
    for group in cells.obs["group"].unique():
        levels = np.log1p(np.asarray(cells.X)[(cells.obs["group"] == group).to_numpy()])
        PEERS[method](levels, cells.var_names.get_indexer(tfs), **settings)


def measure(method: str, size: dict[str, int], limit: int) -> Costs | None:
    """Return the costs of one size, from a process of its own; None if it takes too long.

    Raises
    ------
    RuntimeError
        The process failed; the message ends with what it said last.
    """
    command = [sys.executable, __file__, "--one", json.dumps([method, size])]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
    )
    if ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return None
    if ended.returncode:
        msg = f"{method}, {size} failed: {ended.stderr[-2000:]}"
        raise RuntimeError(msg)
    measured: Costs = json.loads(ended.stdout.splitlines()[-1])
    return measured


def measured(over: str, methods: Sequence[str], limit: int) -> dict[str, dict[int, Costs]]:
    """Return the costs of every method at all sizes up to the first it does not finish."""
    found: dict[str, dict[int, Costs]] = {method: {} for method in methods}
    for method in methods:
        for n in SIZES[over]:
            size = {**FIXED, **OTHERS_FIXED.get(over, {}), over: n}
            costs = measure(method, size, limit)
            print(f"{method}, {n} {over}: {costs}", file=sys.stderr, flush=True)
            if costs is None:
                break
            found[method][n] = costs
    return found


def exponent(found: dict[int, Costs], cost: str) -> float:
    """Return the slope of log cost against log size over the larger half of the sizes."""
    sizes = sorted(found)[len(found) // 2 - (len(found) < 4) :] if len(found) > 1 else []
    if len(sizes) < 2:
        return float("nan")
    return linear_regression(np.log(sizes), np.log([found[n][cost] for n in sizes])).slope


def table(over: str, found: dict[str, dict[int, Costs]]) -> str:
    """Return seconds and gigabytes of every method as Markdown, and the exponents last."""
    rows = [[over, *(f"{method} {unit}" for method in found for unit in ("(s)", "(GB)"))]]
    for n in SIZES[over]:
        of = [found[method].get(n) for method in found]
        cells = [
            shown
            for costs in of
            for shown in (
                ("-", "-")
                if costs is None
                else (f"{costs['seconds']:.1f}", f"{costs['bytes'] / 1e9:.2f}")
            )
        ]
        rows.append([f"{n:,}", *cells])
    slopes = [
        f"{exponent(of, cost):.2f}" for of in found.values() for cost in ("seconds", "bytes")
    ]
    return aligned([*rows, ["exponent", *slopes]])


def plot(records: Records) -> Figure:
    """Draw seconds above and gigabytes below, against each of the sizes."""
    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots(2, len(records), sharex="col", sharey="row", squeeze=False)
    for column, (over, found) in zip(axes.T, records.items(), strict=True):
        for ax, cost, unit in ((column[0], "seconds", 1.0), (column[1], "bytes", 1e9)):
            for method, costs in found.items():
                if not costs:
                    continue
                ax.plot(
                    list(costs),
                    [one[cost] / unit for one in costs.values()],
                    marker="o",
                    markersize=4,
                    color=COLOURS[method],
                    label=f"{method} {exponent(costs, cost):.2f}",
                )
            ax.set(xscale="log", yscale="log" if cost == "seconds" else "linear")
            ax.set_xticks(SIZES[over], map("{:,}".format, SIZES[over]))
            ax.minorticks_off()
            ax.spines[["top", "right"]].set_visible(False)
            ax.legend(frameon=False, fontsize=7, title="exponent", title_fontsize=7)
        others = {**FIXED, **OTHERS_FIXED.get(over, {})}
        stay = ", ".join(
            f"{n} {name}" for name, n in others.items() if name not in (over, "groups")
        )
        column[0].set_title(stay, fontsize=8)
        column[1].set_xlabel(over)
    axes[1, 0].set_ylim(bottom=0)
    axes[0, 0].set_ylabel("seconds on one core")
    axes[1, 0].set_ylabel("peak memory (GB)")
    return figure


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size, print the tables and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--over", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--limit", type=int, default=LIMIT, help="seconds for one size")
    parser.add_argument("--plot", type=Path, help="picture, .png or .svg")
    args = parser.parse_args(arguments)
    if args.one:
        print(json.dumps(measure_here(*json.loads(args.one))))
        return
    records = {over: measured(over, args.methods, args.limit) for over in args.over}
    for over, found in records.items():
        print(table(over, found) + "\n", flush=True)
    if args.plot:
        plot(records).savefig(args.plot, dpi=110)


if __name__ == "__main__":
    main()
