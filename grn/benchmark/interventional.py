"""Judges networks of cells whose perturbations are known: simulated screens, and DREAM4."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.interventional_data import Screen, dream4_screens, simulated_screens
from grn.benchmark.judge import Judge
from grn.benchmark.knockout_data import find_dream4
from grn.benchmark.methods import INTERVENTIONAL_METHODS
from grn.benchmark.predict import Known, Predictor, Task
from grn.benchmark.progress import Progress
from grn.benchmark.regimes import INTERVENTIONAL
from grn.interventions import Interventions
from grn.simulation.models import RANDOM, model_names

N_NETWORKS = 4
"""Random networks for every seed of the benchmark."""
SETTINGS = tuple((n_cells, percent) for n_cells in (10, 30, 100) for percent in (10, 50, 100))
"""Cells of each group, and percentage of the TFs that are perturbed, of a random network."""
OF_BOOLEAN = ((30, 50),)
"""The same of a Boolean model."""
# Networks that teach are drawn from seeds of 2³² and more, and methods were chosen on small ones.
_FIRST_SEED = 2**31
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class _Source:
    """A network, from which several screens come."""

    name: str
    screens: Iterator[Screen]
    n_screens: int
    seeds: tuple[int, ...]
    """Seeds of the benchmark that it counts for: simulated cells have one of their own."""


def count_interventional_jobs(grid: Grid) -> int:
    """Count the jobs of all screens."""
    if not grid.regimes.interventional:
        return 0
    return sum(len(_jobs(source.seeds)) * source.n_screens for source in _sources(grid.seeds))


def interventional_rows(
    grid: Grid, cache: Path, progress: Progress, failures: Failures, n_processes: int
) -> Rows:
    """Predict a network from each screen, and judge it.

    Every seed of the benchmark has random networks of its own, `N_NETWORKS` of 12 TFs and 88
    targets with the knock-outs of `SETTINGS`, and cells of its own of the ten Boolean models, with
    those of `OF_BOOLEAN`. DREAM4, where this machine has it, is the same for all seeds. Methods
    that are not told which genes were perturbed get the same cells.

    Parameters
    ----------
    grid, cache, progress, failures, n_processes
        As `grn.benchmark.predict.Predictor` takes them.

    Returns
    -------
    Rows of `grn.benchmark.run.COLUMNS`; `network` is the setting of the screen.
    """
    rows: Rows = []
    for source in _sources(grid.seeds):
        with failures.caught(f"{INTERVENTIONAL}/{source.name}"):
            for screen in source.screens:
                predictor = Predictor(grid, screen.cells, cache, progress, failures, n_processes)
                rows += _judge(screen, source.seeds, predictor)
    return rows


def _sources(seeds: Sequence[int]) -> Iterator[_Source]:
    """Yield every network; its cells are simulated or read when its screens are asked for."""
    for seed in seeds:
        for number in range(N_NETWORKS):
            name = f"{RANDOM}/{seed}-{number + 1}"
            drawn = _FIRST_SEED + seed * N_NETWORKS + number
            screens = simulated_screens(RANDOM, drawn, SETTINGS, name)
            yield _Source(name, screens, len(SETTINGS), (seed,))
        for model in model_names():
            if model != RANDOM:
                screens = simulated_screens(model, _FIRST_SEED + seed, OF_BOOLEAN, model)
                yield _Source(model, screens, len(OF_BOOLEAN), (seed,))
    for folder in find_dream4():
        yield _Source(f"DREAM4/{folder.name}", dream4_screens(folder), 2, tuple(seeds))


def _jobs(seeds: Sequence[int]) -> list[Job]:
    return [
        Job(method, seed)
        for method in INTERVENTIONAL_METHODS
        for seed in (seeds if method.seeded else (None,))
    ]


def _judge(screen: Screen, seeds: Sequence[int], predictor: Predictor) -> Rows:
    """Predict by every method, and judge all pairs."""
    on = f"{screen.cells.name}, {screen.setting}"
    known = Known({"interventions": screen.interventions}, _digest(screen.interventions))
    tasks = [
        Task(job, on, known if job.method.knows_interventions else None) for job in _jobs(seeds)
    ]
    found = predictor.predict(tasks)
    of = (screen.cells.name, screen.setting, INTERVENTIONAL)
    judge = Judge(*of, screen.judged, screen.cells.tfs, screen.cells.genes)
    entries = [found[task] for task in tasks if task in found]
    return judge.rows(entries, seeds, overlap=False) + judge.random_rows(seeds)


def _digest(interventions: Interventions) -> str:
    digest = hashlib.sha256(interventions.group.tobytes())
    digest.update(interventions.dose.tobytes())
    return digest.hexdigest()[:16]
