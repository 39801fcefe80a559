"""Judges networks per group of cells: simulated groups that share a part of their network."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.judge import RANDOM, Entry, Judge
from grn.benchmark.methods import CONTEXT_METHODS, CONTROL
from grn.benchmark.predict import Cells, Known, Predictor, Task
from grn.benchmark.progress import Progress
from grn.benchmark.regimes import CONTEXTS
from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.edges.matrix import adjacency
from grn.evaluation import TruthScorer, metrics
from grn.evaluation.candidates import Candidates, candidates, unlisted_last
from grn.simulation.contexts import SIZES, simulate_contexts

N_NETWORKS = 4
"""Simulated sets of groups for every seed of the benchmark."""
# Settings of partial pooling were chosen on groups simulated from smaller seeds.
_FIRST_SEED = 2**31
_N_RANDOM = 100
# Scores that are the same in all groups differ from their mean by rounding alone.
_DIGITS = 6
Rows = list[dict[str, Any]]
_Question = tuple[np.ndarray, np.ndarray]  # candidates, and the true ones among them


@dataclass(frozen=True)
class _Groups:
    """Cells of several groups, and the truth of each."""

    cells: Cells
    truth: pd.DataFrame
    """Columns `group, source, target, sign`."""
    labels: Mapping[str, str]
    """How many cells each group has, as the tables say it, by its name."""

    @classmethod
    def simulate(cls, name: str, seed: int) -> "_Groups":
        adata = simulate_contexts(seed=seed)
        truth = adata.uns["truth"]
        prepared, tfs = prepare(adata, list(adata.var_names[adata.var["is_tf"]]), preprocess)
        sizes = adata.obs["group"].value_counts(sort=False)
        labels = {str(group): f"{size} cells" for group, size in sizes.items()}
        return cls(Cells(name, prepared, tfs, {}), truth, labels)


def count_context_jobs(grid: Grid) -> int:
    """Count the jobs of all sets of groups."""
    of_one = sum(len(SIZES) if method.by_group else 1 for method in CONTEXT_METHODS)
    return of_one * N_NETWORKS * len(grid.seeds) * grid.regimes.contexts


def context_rows(
    grid: Grid, cache: Path, progress: Progress, failures: Failures, n_processes: int
) -> Rows:
    """Simulate sets of groups, predict a network for every group and judge it by its own truth.

    Every seed of the benchmark has networks of its own, `N_NETWORKS` sets of groups with the
    sizes and settings of `grn.simulation.contexts.simulate_contexts`. All metrics of the other
    tables are of one group each: the candidates are all pairs of a TF that regulates in any group
    and a gene that occurs in the truth of any, and the true ones are the edges of the group. Two
    more ask for what differs (`differing_scores`).

    Parameters
    ----------
    grid, cache, progress, failures, n_processes
        As `grn.benchmark.predict.Predictor` takes them.

    Returns
    -------
    Rows of `grn.benchmark.run.COLUMNS`; `dataset` is the set of groups, `network` the size of the
    group.
    """
    rows: Rows = []
    for seed in grid.seeds:
        for number in range(N_NETWORKS):
            name = f"{CONTEXTS}/{seed}-{number + 1}"
            with failures.caught(name):
                groups = _Groups.simulate(name, _FIRST_SEED + seed * N_NETWORKS + number)
                predictor = Predictor(grid, groups.cells, cache, progress, failures, n_processes)
                rows += _judge(groups, seed, _predict(groups, seed, predictor))
    return rows


def _predict(groups: _Groups, seed: int, predictor: Predictor) -> dict[str, dict[str, Entry]]:
    """Return what every method says of every group, by method, then by group."""
    name = groups.cells.name
    tasks: dict[tuple[str, str], Task] = {}
    for method in CONTEXT_METHODS:
        whole = Task(Job(method, seed), name)
        for group in groups.labels:
            own = Task(Job(method, seed), f"{name}, {group}", Known({"group": group}, group))
            tasks[method.name, group] = own if method.by_group else whole
    found = predictor.predict(list(dict.fromkeys(tasks.values())))
    entries: dict[str, dict[str, Entry]] = {}
    for (method_name, group), task in tasks.items():
        if task in found:
            entries.setdefault(method_name, {})[group] = found[task]
    return entries


def _judge(groups: _Groups, seed: int, entries: Mapping[str, Mapping[str, Entry]]) -> Rows:
    """Judge every group by its own truth, then what differs between groups."""
    judged = {group: _candidates_of(groups.truth, group) for group in groups.labels}
    tfs, genes = groups.cells.tfs, groups.cells.genes
    rows: Rows = []
    for group, label in groups.labels.items():
        judge = Judge(groups.cells.name, label, CONTEXTS, judged[group], tfs, genes)
        of_group = [by_group[group] for by_group in entries.values() if group in by_group]
        rows += judge.rows(of_group, [seed], overlap=False)
        rows += judge.random_rows([seed])
    for name, by_group in entries.items():
        if by_group.keys() == judged.keys():
            kind = next(iter(by_group.values())).kind
            scores = {g: _lay_out(judged[g], by_group[g], tfs, genes) for g in judged}
            found = differing_scores(judged, scores)
            rows += _tidy(groups, judged, found, method=name, kind=kind, seed=seed)
    chance = _random_scores(judged)
    return rows + _tidy(groups, judged, chance, method=RANDOM, kind=CONTROL, seed=seed)


def _candidates_of(truth: pd.DataFrame, group: str) -> Candidates:
    """Lay out the pairs of all groups, of which the edges of one are true."""
    pairs = candidates(truth.drop_duplicates(["source", "target"]))
    own = truth[truth["group"] == group].assign(label=1)
    labels, signs = (adjacency(own, pairs.tfs, pairs.genes, c) for c in ("label", "sign"))
    return replace(pairs, labels=labels == 1, signs=signs.astype(int))


def _lay_out(judged: Candidates, entry: Entry, tfs: list[str], genes: list[str]) -> np.ndarray:
    _, importance = TruthScorer(judged, tfs, genes).lay_out(None, entry.prediction.importance)
    return unlisted_last(importance)


def differing_scores(
    judged: Mapping[str, Candidates], scores: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    r"""Judge how well a method tells which edges are one group's and not another's.

    The scores :math:`s_g` of group g are standardised over all candidates, :math:`z_g`, since
    those of groups of different sizes need not be on one scale. What ranks is the difference of a
    group from the mean of all G groups, :math:`d_g = z_g - \frac{1}{G} \sum_h z_h`. A method
    that says the same of all groups has d = 0 everywhere, and both ratios are 1.

    Parameters
    ----------
    judged
        Candidates of every group, the same pairs for all; the labels are its own edges.
    scores
        Importance in every group, in the same layout.

    Returns
    -------
    By group:

    - `differing_auprc_ratio`: the candidates are the pairs that are an edge in at least one group
      and not in all of them; those that are an edge of this group are true. It is the AUPRC of d
      over the share of true ones: where groups differ, does the method say which have the edge?
    - `specific_auprc_ratio`: the candidates are all pairs; those that are an edge of this group
      and not of all groups are true. It is the AUPRC of d over the share of true ones: does the
      method also say where groups differ?
    """
    standardised = {group: _standardise(scores[group], judged[group].pairs) for group in judged}
    mean = np.mean(list(standardised.values()), axis=0)
    found = {}
    for group, asked in _questions(judged).items():
        difference = np.round(standardised[group] - mean, _DIGITS)
        found[group] = {
            metric: metrics.ratio(metrics.auprc(difference[pairs], true[pairs]), _share(one))
            for metric, one in asked.items()
            for pairs, true in [one]
        }
    return found


def _random_scores(judged: Mapping[str, Candidates]) -> dict[str, dict[str, float]]:
    """Return the mean metrics of 100 random rankings."""
    rng = np.random.default_rng(0)
    found: dict[str, dict[str, float]] = {}
    for group, asked in _questions(judged).items():
        found[group] = {}
        for metric, (pairs, true) in asked.items():
            drawn = [metrics.auprc(rng.random(pairs.sum()), true[pairs]) for _ in range(_N_RANDOM)]
            found[group][metric] = metrics.ratio(float(np.mean(drawn)), _share((pairs, true)))
    return found


def _questions(judged: Mapping[str, Candidates]) -> dict[str, dict[str, _Question]]:
    """Return by group the candidates and the true pairs of each metric of `differing_scores`."""
    labels = [one.labels for one in judged.values()]
    differs = np.any(labels, axis=0) & ~np.all(labels, axis=0)
    return {
        group: {
            "differing_auprc_ratio": (one.pairs & differs, one.labels & differs),
            "specific_auprc_ratio": (one.pairs, one.labels & differs),
        }
        for group, one in judged.items()
    }


def _standardise(scores: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    chosen = scores[pairs]
    return np.asarray((scores - chosen.mean()) / (chosen.std() or 1.0))


def _share(question: _Question) -> float:
    pairs, true = question
    return float(true[pairs].mean()) if pairs.any() else 0.0


def _tidy(
    groups: _Groups,
    judged: Mapping[str, Candidates],
    found: Mapping[str, Mapping[str, float]],
    **facts: Any,
) -> Rows:
    """Return a row for every group and metric; no direction is judged, and no time is theirs."""
    questions = _questions(judged)
    return [
        {
            **facts,
            "dataset": groups.cells.name,
            "network": groups.labels[group],
            "regime": CONTEXTS,
            "metric": metric,
            "value": value,
            "density": _share(questions[group][metric]),
            "n_candidates": int(questions[group][metric][0].sum()),
            "n_one_way": 0,
            "seconds": float("nan"),
        }
        for group, values in found.items()
        for metric, value in values.items()
    ]
