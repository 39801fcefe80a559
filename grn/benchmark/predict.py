"""Runs a job on the cells of a data set, unless the cache holds what comes of it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.benchmark.cache import Prediction, Predictions, load, save
from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.progress import Progress

if TYPE_CHECKING:
    from anndata import AnnData


@dataclass(frozen=True)
class Cells:
    """A data set, ready."""

    name: str
    """`collection/name`."""
    adata: "AnnData"
    tfs: list[str]
    truths: Mapping[str, pd.DataFrame]
    """Networks by name: those that judge, and priors."""

    @property
    def genes(self) -> list[str]:
        """Names of the columns."""
        return list(self.adata.var_names)


@dataclass(frozen=True)
class Known:
    """Known edges that a job is given."""

    argument: Mapping[str, Any]
    """What the method is called with besides, by name."""
    digest: str
    """Of all in it that can change the prediction."""


class Predictor:
    """Predicts from the cells of one data set.

    Parameters
    ----------
    grid
        Settings and versions of the methods.
    cells
        The data set.
    cache
        Folder of the predictions.
    progress, failures
        Told of every job.
    """

    def __init__(
        self, grid: Grid, cells: Cells, cache: Path, progress: Progress, failures: Failures
    ) -> None:
        self.cells, self.failures = cells, failures
        self._grid, self._progress = grid, progress
        self._predictions = Predictions(cache, cells.adata, cells.tfs)

    def predict(self, job: Job, on: str, known: Known | None = None) -> Prediction | None:
        """Return the prediction; None where the job failed, which is reported.

        Parameters
        ----------
        job
            Method and seed.
        on
            What to call the data, for the user.
        known
            Edges that the method is told.
        """
        settings = self._grid.settings.get(job.method.name, {})
        version = self._grid.versions[job.method]
        argument, digest = ({}, None) if known is None else (known.argument, known.digest)
        prediction = None
        with self.failures.caught(f"{job} on {on}"):
            path = self._predictions.path(job.method.name, version, settings, job.seed, digest)
            prediction = load(path)
            if prediction is not None:
                self.skip(1)
            else:
                with self._progress.job(f"{job} on {on}"):
                    prediction = _run(job, {**settings, **argument}, self.cells)
                    save(path, prediction)
        return prediction

    def skip(self, n_jobs: int) -> None:
        """Take jobs that will not be run out of the count."""
        self._progress.drop(n_jobs)


def _run(job: Job, arguments: Mapping[str, Any], cells: Cells) -> Prediction:
    """Run a method, and refuse a result that is not a number for every pair."""
    started = time.perf_counter()
    scores = job.method.function(cells.adata, cells.tfs, seed=job.seed or 0, **arguments)
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
