"""Judges the predictions of a data set against one of its networks."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from grn.benchmark.cache import Prediction
from grn.benchmark.grid import Grid, Job
from grn.benchmark.methods import CONTROL, Method
from grn.errors import InputError
from grn.evaluation import Candidates, TruthScorer, candidates, metrics
from grn.evaluation.candidates import score_candidates, score_random, unlisted_last
from grn.network import hint, locate

UNSUPERVISED = "unsupervised"
RANDOM = "random"
_N_RANDOM = 100
_N_RECALLS, _LEAST_RECALL = 200, 1e-3

Predicted: TypeAlias = Mapping[Job, Prediction]


class Judge:
    """One network of a data set, and the predictions it judges.

    Parameters
    ----------
    dataset, network
        Their names, for the table.
    truth
        As `grn.network.read_truth` returns it.
    tfs, genes
        Names of the rows and columns of the predictions.

    Raises
    ------
    InputError
        No TF or no gene of the truth is among those of the data.
    """

    def __init__(
        self,
        dataset: str,
        network: str,
        truth: pd.DataFrame,
        tfs: Collection[str],
        genes: Collection[str],
    ) -> None:
        self._of = {"dataset": dataset, "network": network, "regime": UNSUPERVISED}
        self._judged = candidates(truth)
        for wanted, given in ((self._judged.tfs, tfs), (self._judged.genes, genes)):
            if set(wanted).isdisjoint(given):
                msg = f"{dataset}/{network}: no name of the truth is known. {hint(wanted, given)}"
                raise InputError(msg)
        self._scorer = TruthScorer(self._judged, tfs, genes)

    def rows(self, grid: Grid, predicted: Predicted) -> list[dict[str, Any]]:
        """Return one row per method, seed and metric; of what draws nothing for every seed."""
        judged = {job: self._score(prediction) for job, prediction in predicted.items()}
        overlap = self._overlaps(predicted)
        rows: list[dict[str, Any]] = []
        for method in grid.methods:
            for seed in grid.seeds:
                job = Job(method, seed if method.seeded else None)
                if job not in judged:
                    continue
                scores = judged[job] | {"top_k_jaccard": overlap.get(job, 1.0)}
                seconds = predicted[job].seconds
                rows += self._tidy(method.name, method.kind, seed, scores, seconds)
        random = random_scores(self._judged)
        for seed in grid.seeds:
            rows += self._tidy(RANDOM, CONTROL, seed, random, float("nan"))
        return rows

    def curves(self, predicted: Predicted, seed: int) -> Iterator[pd.DataFrame]:
        """Yield precision at 200 recalls of every method, with the first seed where it draws.

        Columns `method, kind, recall, precision` and those of the network; the random ranking is
        the line at the density of true edges.
        """
        labels = self._judged.labels[self._judged.pairs]
        # Below one true edge there is nothing to see.
        recalls = np.geomspace(max(1 / labels.sum(), _LEAST_RECALL), 1, _N_RECALLS)
        for job, prediction in predicted.items():
            if job.seed in (None, seed):
                _, importance = self._lay_out(prediction)
                precision = _precision_at(recalls, importance[self._judged.pairs], labels)
                yield self._curve(job.method.name, job.method.kind, recalls, precision)
        yield self._curve(RANDOM, CONTROL, recalls, np.full(_N_RECALLS, labels.mean()))

    def _curve(
        self, name: str, kind: str, recalls: np.ndarray, precision: np.ndarray
    ) -> pd.DataFrame:
        columns = {"recall": recalls, "precision": precision}
        return pd.DataFrame({**self._of, "method": name, "kind": kind, **columns})

    def _lay_out(self, prediction: Prediction) -> tuple[np.ndarray | None, np.ndarray]:
        weight, importance = self._scorer.lay_out(prediction.weight, prediction.importance)
        return weight, unlisted_last(importance)

    def _score(self, prediction: Prediction) -> dict[str, float]:
        weight, importance = self._lay_out(prediction)
        direction = metrics.direction_accuracy(importance[self._between], *self._known_between)
        scores = score_candidates(self._judged, weight, importance)
        return scores | {"direction_accuracy": direction}

    @property
    def _between(self) -> tuple[slice, np.ndarray]:
        """The pairs of two TFs."""
        return slice(None), locate(self._judged.tfs, self._judged.genes)

    @property
    def _known_between(self) -> tuple[np.ndarray, np.ndarray]:
        return self._judged.labels[self._between], self._judged.pairs[self._between]

    def _overlaps(self, predicted: Predicted) -> dict[Job, float]:
        """Mean Jaccard index of the top k of each seed with those of the other seeds."""
        pairs, k = self._judged.pairs, int(self._judged.labels.sum())
        best: dict[Method, dict[Job, np.ndarray]] = {}
        for job, prediction in predicted.items():
            if job.seed is not None:
                top = metrics.top_k(self._lay_out(prediction)[1][pairs], k)
                best.setdefault(job.method, {})[job] = top
        return {
            job: _mean(
                [metrics.jaccard(top, other) for other in tops.values() if other is not top]
            )
            for tops in best.values()
            for job, top in tops.items()
        }

    def _tidy(
        self, name: str, kind: str, seed: int, scores: Mapping[str, float], seconds: float
    ) -> Iterator[dict[str, Any]]:
        common = {"method": name, "kind": kind, **self._of, "seed": seed}
        judged_on = {key: scores[key] for key in ("density", "n_candidates")}
        for metric, value in scores.items():
            if metric not in judged_on:
                row = {"metric": metric, "value": value, **judged_on, "seconds": seconds}
                yield common | row


def random_scores(judged: Candidates) -> dict[str, float]:
    """Mean metrics of 100 random rankings; either direction of a pair is as likely as the other.

    Keys are those of every method but the Jaccard index, which says nothing of a mean.
    """
    labels, pairs = judged.labels, judged.pairs
    columns = locate(judged.tfs, judged.genes)
    flat = np.zeros((len(columns), len(columns)))
    between = labels[:, columns], pairs[:, columns]
    return score_random(judged, n_draws=_N_RANDOM, seed=0) | {
        "direction_accuracy": metrics.direction_accuracy(flat, *between),
        "density": float(labels[pairs].mean()),
        "n_candidates": int(pairs.sum()),
    }


def _precision_at(recalls: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Precision at the first threshold that reaches each recall."""
    precision, recall, _ = precision_recall_curve(labels, scores, drop_intermediate=True)
    reached = np.searchsorted(recall[-2::-1], recalls - 1e-12)
    return np.asarray(precision[-2::-1][reached])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
