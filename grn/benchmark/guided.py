"""Plans and evaluates regimes with known edges: the supervised and the prior-guided ones."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from grn.benchmark.cache import Prediction
from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.judge import Entry, Judge
from grn.benchmark.methods import CONTROL, GUIDED_BY_PRIOR, OURS, TRAINED_ON_EDGES
from grn.benchmark.predict import Cells, Known, Predictor, Task
from grn.benchmark.regimes import MATCHED, PRIOR_GUIDED, SUPERVISED, split_network
from grn.errors import InputError
from grn.evaluation import candidates, warn_of_overlap
from grn.evaluation.candidates import Candidates
from grn.inference.prior import prior_alone
from grn.supervised.lessons import lay_out
from grn.supervised.network_controls import NETWORK_CONTROLS, degree_matched_negatives
from grn.supervised.splits import Split

_NO_TIME = float("nan")
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Plan:
    """The jobs of one regime with known edges on a data set, and their evaluation."""

    tasks: Sequence[Task]
    """Jobs of our method if it was requested, the only one that can use known edges."""
    judge: Callable[[Sequence[Entry]], Rows]
    """Function that returns the rows of the finished tasks and of the controls."""


def plan_guided(grid: Grid, predictor: Predictor) -> list[Plan]:
    """Plan every regime in which edges are known; a split that fails is reported.

    Parameters
    ----------
    grid
        The grid of the benchmark.
    predictor
        Predictor of the data set.
    """
    cells, failures = predictor.cells, predictor.failures
    plans = []
    for name in grid.regimes.splits:
        for network in grid.datasets[cells.name]:
            for seed in grid.seeds:
                on = f"{SUPERVISED}{name} of {cells.name}/{network}, seed {seed}"
                plan = None
                with failures.caught(on):
                    plan = _supervised(grid, cells, failures, name, network, seed)
                if plan is not None:
                    plans.append(plan)
                else:
                    predictor.skip(int(grid.has_ours))
    return plans + [_prior_guided(grid, cells, failures, prior) for prior in grid.regimes.priors]


def guided_rows(
    plans: Sequence[Plan], found: Mapping[Task, Entry], blind: Sequence[Entry]
) -> Rows:
    """Return the rows of every regime in which edges are known.

    Methods other than ours are controls there: they show what the known edges add.

    Parameters
    ----------
    plans
        From `plan_guided`.
    found
        Predictions of their tasks.
    blind
        Predictions without known edges.
    """
    controls = [replace(entry, kind=CONTROL) for entry in blind if entry.name != OURS]
    rows: Rows = []
    for plan in plans:
        ours = [found[task] for task in plan.tasks if task in found]
        rows += plan.judge([*ours, *controls])
    return rows


def _supervised(
    grid: Grid, cells: Cells, failures: Failures, name: str, network: str, seed: int
) -> Plan:
    """Plan training on one part of a network and evaluation on another."""
    split = split_network(name, cells.truths[network], cells.tfs, cells.genes, seed=seed)
    known = Known({"split": split}, _digest_of_lessons(split, cells.tfs, cells.genes))
    on = f"{cells.name}/{network}, {SUPERVISED}{name}"
    tasks = [Task(Job(TRAINED_ON_EDGES, seed), on, known)] if grid.has_ours else []
    return Plan(
        tasks, partial(_judge_split, cells, failures, SUPERVISED + name, network, seed, split)
    )


def _judge_split(
    cells: Cells,
    failures: Failures,
    regime: str,
    network: str,
    seed: int,
    split: Split,
    entries: Sequence[Entry],
) -> Rows:
    """Evaluate on the test part of a split, then on its degree-matched pairs."""
    entries = [entry for entry in entries if entry.seed in (None, seed)]
    rows: Rows = []
    for judged_as in (regime, regime + MATCHED):
        with failures.caught(f"{judged_as} of {cells.name}/{network}, seed {seed}"):
            judged = split.test if judged_as == regime else _matched(split, seed)
            of = (cells.name, network, judged_as, judged)
            sees_cells = Judge(*of, cells.tfs, cells.genes)
            sees_network = Judge(*of, judged.tfs, judged.genes)
            # Every seed has other test pairs, so the top pairs of seeds cannot be compared.
            rows += [
                *sees_cells.rows(entries, [seed], overlap=False),
                *sees_network.rows(_network_bias(split), [seed], overlap=False),
                *sees_cells.random_rows([seed]),
            ]
    return rows


def _network_bias(split: Split) -> Iterator[Entry]:
    """Yield the controls that see the training part and no cells, in the layout of the split."""
    for name, control in NETWORK_CONTROLS.items():
        yield Entry(name, CONTROL, None, Prediction(*control(split), _NO_TIME))


def _matched(split: Split, seed: int) -> Candidates:
    matched = degree_matched_negatives(split, seed=seed)
    if not matched.pairs.any():
        msg = (
            "no test edge has a false pair of equal degrees beside it. Use a larger network or "
            "another seed."
        )
        raise InputError(msg)
    return matched


def _prior_guided(grid: Grid, cells: Cells, failures: Failures, prior: str) -> Plan:
    """Plan the use of one network of a data set as a prior, and evaluation by the others."""
    edges, regime = cells.truths[prior], PRIOR_GUIDED + prior
    alone = prior_alone(edges, cells.tfs, cells.genes)
    known = Known({"prior": edges}, _digest(*(part for part in alone if part is not None)))
    on = f"{cells.name}, {regime}"
    tasks = [Task(Job(GUIDED_BY_PRIOR, seed), on, known) for seed in grid.seeds if grid.has_ours]
    control = Entry("prior", CONTROL, None, Prediction(*alone, _NO_TIME))
    networks = [network for network in grid.datasets[cells.name] if network != prior]
    judge = partial(_judge_others, cells, failures, regime, networks, grid.seeds, control)
    return Plan(tasks, judge)


def _judge_others(
    cells: Cells,
    failures: Failures,
    regime: str,
    networks: Sequence[str],
    seeds: Sequence[int],
    prior: Entry,
    entries: Sequence[Entry],
) -> Rows:
    rows: Rows = []
    for network in networks:
        with failures.caught(f"{regime} of {cells.name}/{network}"):
            warn_of_overlap(cells.truths[regime.removeprefix(PRIOR_GUIDED)], cells.truths[network])
            judged = candidates(cells.truths[network])
            judge = Judge(cells.name, network, regime, judged, cells.tfs, cells.genes)
            rows += judge.rows([*entries, prior], seeds)
            rows += judge.random_rows(seeds)
    return rows


def _digest_of_lessons(split: Split, tfs: list[str], genes: list[str]) -> str:
    """Digest the parts of a split that training uses, independently of their order."""
    seen = lay_out(split, tfs, genes)
    return _digest(seen.known, seen.negatives, seen.asked, seen.answers)


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
