"""Runs the jobs on the cells of a data set of which the cache holds no prediction yet."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.benchmark.cache import Prediction, Predictions, load, save
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
    """Networks by name: those that judge, and priors."""
    study: str | None = None
    """What measured them; None of simulated cells, and where nobody knows."""

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
    """What a job is told besides the cells: known edges."""

    argument: Mapping[str, Any]
    """What the method is called with besides, by name."""
    digest: str
    """Of all in it that can change the prediction."""


@dataclass(frozen=True, eq=False)
class Task:
    """A job on the cells of a data set, and what it is told; each is one of its own."""

    job: Job
    on: str
    """What to call the data, for the user."""
    known: Known | None = None
    """What the method is told."""

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
        Told of every job.
    n_processes
        How many jobs run at once. One runs in this process and has all its threads; the jobs of
        several have a process and one thread each. By the number of threads, predictions of
        networks that are trained may differ in their last bits.
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
        """Return what came of every task but of those that failed, which are reported.

        Each is written to the cache when it ends. Tasks that are the same by content run once.
        """
        paths = {task: self._path(task) for task in tasks}
        found: dict[Path, Prediction] = {}
        missing: dict[Path, Task] = {}
        for task, path in paths.items():
            with self.failures.caught(str(task)):
                kept = found.get(path) or load(path)
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
                    save(path, outcome)
                    found[path], seconds = outcome, outcome.seconds
                self._progress.done(str(task), seconds)
        self.skip(len(missing))
        return {task: _entry(task, found[path]) for task, path in paths.items() if path in found}

    def skip(self, n_jobs: int) -> None:
        """Take jobs that will not be run out of the count."""
        self._progress.drop(n_jobs)

    def _path(self, task: Task) -> Path:
        job, digest = task.job, None if task.known is None else task.known.digest
        version = self._grid.versions[job.method]
        name = job.method.name
        return self._predictions.path(name, version, self._settings(job), job.seed, digest)

    def _settings(self, job: Job) -> Mapping[str, Any]:
        """Return what a method is called with, and what its prediction is kept by."""
        settings = self._grid.settings.get(job.method.name, {})
        if job.method.leaves_out:
            return {**settings, "left_out": self.cells.study}
        return settings

    def _outcomes(
        self, tasks: Mapping[Path, Task]
    ) -> Iterator[tuple[Path, Prediction | Exception]]:
        """Yield what every task makes or raises, as they end."""
        if self._n_processes == 1:
            for path, task in list(tasks.items()):
                self._progress.show(str(task))
                try:
                    outcome: Prediction | Exception = self._call(task)()
                except Exception as error:  # noqa: BLE001 - reported where it is received
                    outcome = error
                yield path, outcome
        elif tasks:
            self._progress.show(self.cells.name)
            # The longest first, so that no core has nothing to do at the end.
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
    """Return what sorts jobs from slow to fast, going by the order of the methods."""
    names = list(METHODS)
    return -names.index(job.method.name) if job.method.seeded and job.method.name in names else 1


def _run(job: Job, arguments: Mapping[str, Any], adata: "AnnData", tfs: list[str]) -> Prediction:
    """Run a method, and refuse a result that is not a number for every pair."""
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
