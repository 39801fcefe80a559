"""Runs the jobs on the cells of a data set that are not in the cache yet."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.benchmark.cache import Prediction, Predictions, load_prediction, save_prediction
from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.judge import Entry
from grn.benchmark.methods import METHODS
from grn.benchmark.progress import Progress
from grn.data.datasets.catalogue import study_of
from grn.data.datasets.load import load_dataset
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.edges.read import read_truth
from grn.processes import side_by_side

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
    """Networks by name, for evaluation and as priors."""
    study: str | None = None
    """Study that measured the cells; None for simulated cells, or if unknown."""

    @classmethod
    def read(cls, dataset: str, networks: Collection[str]) -> "Cells":
        """Read and preprocess a data set by its name, with some of its networks."""
        collection, name = dataset.split("/")
        opened = load_dataset(collection, name)
        truths = {network: read_truth(opened.truths[network]) for network in networks}
        adata, tfs = prepare(opened.adata, opened.tfs, preprocess)
        return cls(dataset, adata, tfs, truths, study_of(dataset))

    @property
    def genes(self) -> list[str]:
        """Names of the columns."""
        return list(self.adata.var_names)


@dataclass(frozen=True)
class Known:
    """Known edges that a job gets beside the cells."""

    argument: Mapping[str, Any]
    """Further arguments of the method, by name."""
    digest: str
    """Digest of all its parts that can change the prediction."""


@dataclass(frozen=True, eq=False)
class Task:
    """A job on the cells of a data set, with its known edges; compared by identity."""

    job: Job
    on: str
    """Name of the data, for messages."""
    known: Known | None = None
    """Known edges that the method gets."""

    def __str__(self) -> str:
        return f"{self.job} on {self.on}"


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
        Receive a report of every job.
    n_processes
        Number of jobs that run at once. A single job runs in this process with all its threads;
        several jobs have a process and one thread each. Predictions of trained models may differ
        in their last bits with the number of threads.
    """

    def __init__(
        self,
        grid: Grid,
        cells: Cells,
        cache: Path,
        progress: Progress,
        failures: Failures,
        n_processes: int,
    ) -> None:
        self.cells, self.failures = cells, failures
        self._grid, self._progress, self._n_processes = grid, progress, n_processes
        self._predictions = Predictions(cache, cells.adata, cells.tfs)

    def predict(self, tasks: Sequence[Task]) -> dict[Task, Entry]:
        """Return the predictions of all tasks but failed ones, which are reported.

        Each prediction is written to the cache when it is finished. Equal tasks run once.
        """
        paths = {task: self._path(task) for task in tasks}
        found: dict[Path, Prediction] = {}
        missing: dict[Path, Task] = {}
        for task, path in paths.items():
            with self.failures.caught(str(task)):
                kept = found.get(path) or load_prediction(path)
                if kept is not None:
                    found[path] = kept
                elif path not in missing:
                    missing[path] = task
                    continue
            self.skip(1)
        with self.failures.caught(f"the rest of {self.cells.name}"):
            for path, outcome in self._outcomes(missing):
                task, seconds = missing.pop(path), None
                with self.failures.caught(str(task)):
                    if isinstance(outcome, Exception):
                        raise outcome
                    save_prediction(path, outcome)
                    found[path], seconds = outcome, outcome.seconds
                self._progress.done(str(task), seconds)
        self.skip(len(missing))
        return {task: _entry(task, found[path]) for task, path in paths.items() if path in found}

    def skip(self, n_jobs: int) -> None:
        """Remove jobs that will not run from the count."""
        self._progress.drop(n_jobs)

    def _path(self, task: Task) -> Path:
        job, digest = task.job, None if task.known is None else task.known.digest
        version = self._grid.versions[job.method]
        name = job.method.name
        return self._predictions.path(name, version, self._settings(job), job.seed, digest)

    def _settings(self, job: Job) -> Mapping[str, Any]:
        """Return the arguments of a method, and the file of its prediction in the cache."""
        settings = self._grid.settings.get(job.method.name, {})
        if job.method.leaves_out:
            return {**settings, "left_out": self.cells.study}
        return settings

    def _outcomes(
        self, tasks: Mapping[Path, Task]
    ) -> Iterator[tuple[Path, Prediction | Exception]]:
        """Yield the prediction or the exception of every task when it ends."""
        if self._n_processes == 1:
            for path, task in list(tasks.items()):
                self._progress.show(str(task))
                try:
                    outcome: Prediction | Exception = self._call(task)()
                except Exception as error:  # noqa: BLE001 - reported by the caller
                    outcome = error
                yield path, outcome
        elif tasks:
            self._progress.show(self.cells.name)
            # The longest jobs first, so that no core is idle at the end.
            ordered = sorted(tasks, key=lambda path: _haste(tasks[path].job))
            calls = {path: self._call(tasks[path]) for path in ordered}
            yield from side_by_side(calls, self._n_processes)

    def _call(self, task: Task) -> Callable[[], Prediction]:
        told = {} if task.known is None else task.known.argument
        arguments = {**self._settings(task.job), **told}
        return partial(_run, task.job, arguments, self.cells.adata, self.cells.tfs)


def _entry(task: Task, prediction: Prediction) -> Entry:
    method = task.job.method
    return Entry(method.name, method.kind, task.job.seed, prediction)


def _haste(job: Job) -> int:
    """Return the sorting key of jobs from slow to fast, by the order of the methods."""
    names = list(METHODS)
    return -names.index(job.method.name) if job.method.seeded and job.method.name in names else 1


def _run(job: Job, arguments: Mapping[str, Any], adata: "AnnData", tfs: list[str]) -> Prediction:
    """Run a method, and raise unless the result is a number for every pair."""
    started = time.perf_counter()
    scores = job.method.function(adata, tfs, seed=job.seed or 0, **arguments)
    seconds = time.perf_counter() - started
    shape = (len(tfs), adata.n_vars)
    for name, matrix in scores._asdict().items():
        if matrix is not None and (matrix.shape != shape or not np.isfinite(matrix).all()):
            finite = int(np.isfinite(matrix).sum())
            msg = f"{name}: got {matrix.shape}, {finite} numbers finite; expected all of {shape}"
            raise ValueError(msg)
    # In float32 both directions of a symmetric score tie, which rounding in float64 would break by
    # the order of the genes.
    weight = None if scores.weight is None else scores.weight.astype(np.float32)
    return Prediction(weight, scores.importance.astype(np.float32), seconds)
