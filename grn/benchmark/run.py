"""Runs the jobs of a grid that have not been run yet, and judges them all."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.benchmark.cache import Prediction, Predictions, load, save
from grn.benchmark.grid import Grid, Job
from grn.benchmark.judge import Judge
from grn.benchmark.progress import Progress
from grn.data.library.datasets import load_dataset, truth_files
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.network import read_truth

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

COLUMNS = (
    *("method", "kind", "dataset", "network", "regime", "seed", "metric", "value", "density"),
    *("n_candidates", "seconds"),
)


@dataclass(frozen=True)
class Failure:
    """A job, or a whole data set, that has no result."""

    what: str
    error: Exception


@dataclass(frozen=True)
class Outcome:
    """What a benchmark found."""

    results: pd.DataFrame
    """Tidy: one row per method, data set, network, regime, seed and metric (`COLUMNS`)."""
    curves: pd.DataFrame
    """Precision at 200 recalls of every method, first seed."""
    failures: Sequence[Failure]
    n_run: int
    """Jobs that were run; the others were in the cache."""


@dataclass(frozen=True)
class _Cells:
    """A data set, ready."""

    adata: "AnnData"
    tfs: list[str]
    truths: dict[str, pd.DataFrame]


def run_benchmark(grid: Grid, cache: Path) -> Outcome:
    """Predict what the cache does not hold and judge every prediction.

    Every job is written to the cache when it ends, so an interrupted benchmark goes on where it
    was. A job that fails is reported and its rows are absent; the others run.

    Parameters
    ----------
    grid
        From `grn.benchmark.grid.make_grid`.
    cache
        Folder of the predictions; several benchmarks may share one.
    """
    failures: list[Failure] = []
    rows: list[dict[str, Any]] = []
    curves: list[pd.DataFrame] = []
    jobs = list(grid.jobs())
    with Progress(len(jobs) * len(grid.datasets)) as progress:
        for dataset, networks in grid.datasets.items():
            try:
                cells = _read(dataset, networks)
            except Exception as error:  # noqa: BLE001 - the other data sets are run
                _report(failures, Failure(dataset, error))
                progress.drop(len(jobs))
                continue
            predicted = _predict(grid, jobs, dataset, cells, cache, progress, failures)
            for network, truth in cells.truths.items():
                try:
                    judge = Judge(dataset, network, truth, cells.tfs, cells.adata.var_names)
                    rows += judge.rows(grid, predicted)
                    curves += judge.curves(predicted, grid.seeds[0])
                except Exception as error:  # noqa: BLE001 - the other networks are judged
                    _report(failures, Failure(f"{dataset}/{network}", error))
        n_run = progress.n_run
    results = pd.DataFrame(rows, columns=list(COLUMNS))
    return Outcome(results, pd.concat(curves) if curves else pd.DataFrame(), failures, n_run)


def _read(dataset: str, networks: Sequence[str]) -> _Cells:
    collection, name = dataset.split("/")
    files = truth_files(collection, name)
    truths = {network: read_truth(files[network]) for network in networks}
    opened = load_dataset(collection, name)
    adata, tfs = prepare(opened.adata, opened.tfs, preprocess)
    return _Cells(adata, tfs, truths)


def _predict(
    grid: Grid,
    jobs: Sequence[Job],
    dataset: str,
    cells: _Cells,
    cache: Path,
    progress: Progress,
    failures: list[Failure],
) -> dict[Job, Prediction]:
    """Return the predictions of one data set, from the cache or from the method."""
    predictions = Predictions(cache, cells.adata, cells.tfs)
    predicted = {}
    for job in jobs:
        name = job.method.name
        settings = grid.settings.get(name, {})
        try:
            path = predictions.path(name, grid.versions[name], settings, job.seed)
            prediction = load(path)
            if prediction is not None:
                progress.drop(1)
            else:
                with progress.job(f"{job} on {dataset}"):
                    prediction = _run(job, settings, cells)
                    save(path, prediction)
            predicted[job] = prediction
        except Exception as error:  # noqa: BLE001 - the other jobs are run
            _report(failures, Failure(f"{job} on {dataset}", error))
    return predicted


def _run(job: Job, settings: Mapping[str, Any], cells: _Cells) -> Prediction:
    """Run a method, and refuse a result that is not a number for every pair."""
    started = time.perf_counter()
    scores = job.method.function(cells.adata, cells.tfs, seed=job.seed or 0, **settings)
    seconds = time.perf_counter() - started
    shape = (len(cells.tfs), cells.adata.n_vars)
    for name, matrix in scores._asdict().items():
        if matrix is not None and (matrix.shape != shape or not np.isfinite(matrix).all()):
            finite = int(np.isfinite(matrix).sum())
            msg = f"{name}: got {matrix.shape}, {finite} numbers finite; expected all of {shape}"
            raise ValueError(msg)
    # In float32 both directions of a symmetric score tie, which rounding in float64 would break by
    # the order of the genes.
    weight = None if scores.weight is None else scores.weight.astype(np.float32)
    return Prediction(weight, scores.importance.astype(np.float32), seconds)


def _report(failures: list[Failure], failure: Failure) -> None:
    failures.append(failure)
    # A traceback is of use only where the fault is ours; the first one is shown at the end.
    logger.error("%s failed: %s: %s", failure.what, type(failure.error).__name__, failure.error)
