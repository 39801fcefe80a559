"""Runs and judges what knows some edges: the supervised and the prior-guided regimes."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from grn.benchmark.cache import Prediction
from grn.benchmark.grid import Grid, Job
from grn.benchmark.judge import Entry, Judge
from grn.benchmark.methods import CONTROL, GUIDED_BY_PRIOR, OURS, TRAINED_ON_EDGES, Method
from grn.benchmark.predict import Known, Predictor
from grn.benchmark.regimes import MATCHED, PRIOR_GUIDED, SUPERVISED, split_network
from grn.errors import InputError
from grn.evaluation import candidates
from grn.evaluation.candidates import Candidates
from grn.evaluation.network_bias import degree_control, degree_matched_negatives, walk_control
from grn.evaluation.splits import Split
from grn.training.lessons import lay_out
from grn.training.prior import prior_alone

_NO_TIME = float("nan")
Rows = list[dict[str, Any]]


def guided_rows(grid: Grid, predictor: Predictor, entries: Sequence[Entry]) -> Rows:
    """Return the rows of every regime in which edges are known.

    Our method is trained with them, if it was asked for. Every other method is a control there:
    it shows what the known edges add.

    Parameters
    ----------
    grid
        What is asked.
    predictor
        Of the data set.
    entries
        What was predicted without known edges.
    """
    blind = [replace(entry, kind=CONTROL) for entry in entries if entry.name != OURS]
    rows: Rows = []
    for split in grid.regimes.splits:
        for network in grid.datasets[predictor.cells.name]:
            for seed in grid.seeds:
                rows += _supervised(grid, predictor, blind, split, network, seed)
    for prior in grid.regimes.priors:
        rows += _prior_guided(grid, predictor, blind, prior)
    return rows


def _supervised(
    grid: Grid, predictor: Predictor, blind: Sequence[Entry], name: str, network: str, seed: int
) -> Rows:
    """Train on one part of a network and judge by another, then by that without its degrees."""
    cells, regime = predictor.cells, SUPERVISED + name
    on, known = f"{cells.name}/{network}", None
    with predictor.failures.caught(f"{regime} of {on}, seed {seed}"):
        split = split_network(name, cells.truths[network], cells.tfs, cells.genes, seed=seed)
        known = Known({"split": split}, _digest_of_lessons(split, cells.tfs, cells.genes))
    if known is None:
        predictor.skip(int(grid.has_ours))
        return []
    ours = _ours(grid, predictor, TRAINED_ON_EDGES, [seed], f"{on}, {regime}", known)
    entries = [*ours, *(entry for entry in blind if entry.seed in (None, seed))]
    rows: Rows = []
    for judged_as in (regime, regime + MATCHED):
        with predictor.failures.caught(f"{judged_as} of {on}, seed {seed}"):
            judged = split.test if judged_as == regime else _matched(split, seed)
            of = (cells.name, network, judged_as, judged)
            sees_cells = Judge(*of, cells.tfs, cells.genes)
            sees_network = Judge(*of, judged.tfs, judged.genes)
            # Every seed has test pairs of its own: their best are not compared across seeds.
            rows += [
                *sees_cells.rows(entries, [seed], overlap=False),
                *sees_network.rows(_network_bias(split), [seed], overlap=False),
                *sees_cells.random_rows([seed]),
            ]
    return rows


def _network_bias(split: Split) -> Iterator[Entry]:
    """Yield the controls that see the training part and no cells, in the layout of the split."""
    for name, control in (("degree", degree_control), ("walk", walk_control)):
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


def _prior_guided(grid: Grid, predictor: Predictor, blind: Sequence[Entry], prior: str) -> Rows:
    """Start from one network of a data set and judge by its other ones."""
    cells, regime = predictor.cells, PRIOR_GUIDED + prior
    edges = cells.truths[prior]
    alone = prior_alone(edges, cells.tfs, cells.genes)
    known = Known({"prior": edges}, _digest(alone.importance))
    on = f"{cells.name}, {regime}"
    entries = [
        *_ours(grid, predictor, GUIDED_BY_PRIOR, grid.seeds, on, known),
        *blind,
        Entry("prior", CONTROL, None, Prediction(*alone, _NO_TIME)),
    ]
    rows: Rows = []
    for network in grid.datasets[cells.name]:
        if network != prior:
            with predictor.failures.caught(f"{regime} of {cells.name}/{network}"):
                judged = candidates(cells.truths[network])
                judge = Judge(cells.name, network, regime, judged, cells.tfs, cells.genes)
                rows += judge.rows(entries, grid.seeds)
                rows += judge.random_rows(grid.seeds)
    return rows


def _ours(
    grid: Grid, predictor: Predictor, method: Method, seeds: Sequence[int], on: str, known: Known
) -> list[Entry]:
    """Predict with known edges, where that was asked for."""
    found = []
    for seed in seeds if grid.has_ours else ():
        prediction = predictor.predict(Job(method, seed), on, known)
        if prediction is not None:
            found.append(Entry(method.name, method.kind, seed, prediction))
    return found


def _digest_of_lessons(split: Split, tfs: list[str], genes: list[str]) -> str:
    """Digest what training sees of a split: not its test pairs, nor any order of its own."""
    seen = lay_out(split, tfs, genes)
    return _digest(seen.known, seen.negatives, seen.asked, seen.answers)


def _digest(*arrays: np.ndarray) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
