"""Runs the jobs of a grid that are not cached, and evaluates all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from grn.benchmark.contexts import context_rows, count_context_jobs
from grn.benchmark.failures import Failure, Failures
from grn.benchmark.grid import Grid
from grn.benchmark.guided import guided_rows, plan_guided
from grn.benchmark.interventional import count_interventional_jobs, interventional_rows
from grn.benchmark.judge import Entry, Judge
from grn.benchmark.knockouts import knockout_rows
from grn.benchmark.predict import Cells, Predictor, Task
from grn.benchmark.progress import Progress
from grn.benchmark.regimes import UNSUPERVISED
from grn.evaluation import candidates
from grn.processes import count_processes

COLUMNS = (
    *("method", "kind", "dataset", "network", "regime", "seed", "metric", "value", "density"),
    *("n_candidates", "n_one_way", "seconds"),
)


@dataclass(frozen=True)
class Outcome:
    """Results of a benchmark."""

    results: pd.DataFrame
    """Tidy: one row per method, data set, network, regime, seed and metric (`COLUMNS`).

    `density`, `n_candidates` and `n_one_way`, the pairs of TFs that are true in one direction
    only, are of what is judged and the same for every method.
    """
    curves: pd.DataFrame
    """Precision at 200 recalls of every method that knows no edge, first seed."""
    failures: Sequence[Failure]
    n_run: int
    """Number of jobs that were run; the others were in the cache."""


def run_benchmark(grid: Grid, cache: Path, n_jobs: int = 1) -> Outcome:
    """Run the jobs that are not cached, and evaluate every prediction.

    Every prediction is written to the cache when its job ends, so an interrupted benchmark
    continues where it stopped. A failed job is reported and has no rows; the others run.

    Parameters
    ----------
    grid
        From `grn.benchmark.grid.make_grid`.
    cache
        Folder of the predictions; several benchmarks may share one.
    n_jobs
        How many jobs of a data set run side by side; −1: one per core. One runs in this process
        and may use all cores, each of several has one.

    Raises
    ------
    InputError
        `n_jobs` is neither −1 nor at least 1.
    """
    n_processes = count_processes(n_jobs)
    failures = Failures()
    rows: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    counts = {dataset: grid.count_jobs(dataset) for dataset in grid.datasets}
    n_others = count_context_jobs(grid) + count_interventional_jobs(grid)
    with Progress(sum(counts.values()) + n_others) as progress:
        for dataset, networks in grid.datasets.items():
            cells = None
            with failures.caught(dataset):
                cells = Cells.read(dataset, {*networks, *grid.regimes.priors})
            if cells is None:
                progress.drop(counts[dataset])
                continue
            predictor = Predictor(grid, cells, cache, progress, failures, n_processes)
            blind = [Task(job, dataset) for job in grid.jobs(dataset)]
            plans = plan_guided(grid, predictor)
            predicted = predictor.predict([*blind, *(t for plan in plans for t in plan.tasks)])
            entries = _in_order(grid, [predicted[task] for task in blind if task in predicted])
            for network in networks if grid.regimes.unsupervised else ():
                with failures.caught(f"{dataset}/{network}"):
                    judged = candidates(cells.truths[network])
                    of = (dataset, network, UNSUPERVISED)
                    judge = Judge(*of, judged, cells.tfs, cells.genes)
                    rows += judge.rows(entries, grid.seeds)
                    rows += judge.random_rows(grid.seeds)
                    curves += judge.curves(entries, grid.seeds[0])
            rows += guided_rows(plans, predicted, entries)
        if grid.regimes.contexts:
            rows += context_rows(grid, cache, progress, failures, n_processes)
        if grid.regimes.knock_outs:
            rows += knockout_rows(grid.seeds, failures)
        if grid.regimes.interventional:
            rows += interventional_rows(grid, cache, progress, failures, n_processes)
        n_run = progress.n_run
    results = pd.DataFrame(rows, columns=list(COLUMNS))
    found = pd.concat(curves) if curves else pd.DataFrame()
    return Outcome(results, found, failures.found, n_run)


def _in_order(grid: Grid, entries: list[Entry]) -> list[Entry]:
    """Return the entries in the order of the methods in the table."""
    order = [method.name for method in grid.methods]
    return sorted(entries, key=lambda entry: order.index(entry.name))
