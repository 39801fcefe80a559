"""Evaluates the predictions of a data set by one of its networks, or by a part of one."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_curve

from grn.benchmark.cache import Prediction
from grn.benchmark.methods import CONTROL
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.evaluation import Candidates, TruthScorer, metrics
from grn.evaluation.candidates import score_candidates, score_random, unlisted_last
from grn.names.regulators import hint

RANDOM = "random"
_N_RANDOM = 100  # rankings; their mean AUPRC is known to a tenth of what one of them scatters by
_N_RECALLS, _LEAST_RECALL = 200, 1e-3  # of a curve that is drawn


@dataclass(frozen=True)
class Entry:
    """A prediction with its name in the table."""

    name: str
    kind: str
    seed: int | None
    """None for a deterministic prediction, which counts for every seed."""
    prediction: Prediction


class Judge:
    """Evaluates predictions by one network of a data set.

    Parameters
    ----------
    dataset, network, regime
        Names for the table.
    judged
        Candidate pairs of the network, or of one part of a split.
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
        regime: str,
        judged: Candidates,
        tfs: Collection[str],
        genes: Collection[str],
    ) -> None:
        self._of = {"dataset": dataset, "network": network, "regime": regime}
        self._judged = judged
        for wanted, given in ((self._judged.tfs, tfs), (self._judged.genes, genes)):
            if set(wanted).isdisjoint(given):
                msg = f"{dataset}/{network}: no name of the truth is known. {hint(wanted, given)}"
                raise InputError(msg)
        self._scorer = TruthScorer(self._judged, tfs, genes)

    def rows(
        self, entries: Iterable[Entry], seeds: Sequence[int], *, overlap: bool = True
    ) -> list[dict[str, Any]]:
        """Return one row per entry, seed and metric; deterministic entries are repeated by seed.

        Parameters
        ----------
        entries
            Predictions, in the order of the rows.
        seeds
            Seeds of the benchmark.
        overlap
            Whether to compare the top k of each seed with those of the others.
        """
        entries = list(entries)
        overlaps = self._overlaps(entries) if overlap else {}
        rows: list[dict[str, Any]] = []
        for entry in entries:
            scores = self._score(entry.prediction)
            if overlap:
                scores["top_k_jaccard"] = overlaps.get((entry.name, entry.seed), 1.0)
            for seed in seeds if entry.seed is None else (entry.seed,):
                rows += self._tidy(entry, seed, scores)
        return rows

    def random_rows(self, seeds: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows of the random ranking, the same for every seed."""
        scores, nothing = random_scores(self._judged), np.zeros((0, 0))
        ranking = Entry(RANDOM, CONTROL, None, Prediction(None, nothing, float("nan")))
        return [row for seed in seeds for row in self._tidy(ranking, seed, scores)]

    def curves(self, entries: Iterable[Entry], seed: int) -> Iterator[pd.DataFrame]:
        """Yield precision at 200 recalls of every method, for the first seed if it is random.

        Columns `method, kind, recall, precision` and those of the network; the random ranking is
        the line at the density of true edges.
        """
        labels = self._judged.labels[self._judged.pairs]
        # A recall below one true edge has no meaning.
        recalls = np.geomspace(max(1 / labels.sum(), _LEAST_RECALL), 1, _N_RECALLS)
        for entry in entries:
            if entry.seed in (None, seed):
                _, importance = self._lay_out(entry.prediction)
                precision = _precision_at(recalls, importance[self._judged.pairs], labels)
                yield self._curve(entry.name, entry.kind, recalls, precision)
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
        return {
            **score_candidates(self._judged, weight, importance),
            "signed_early_precision_ratio": _signed_early(self._judged, weight, importance),
            **_directions(self._judged, importance),
        }

    def _overlaps(self, entries: Iterable[Entry]) -> dict[tuple[str, int | None], float]:
        """Return the mean Jaccard index of the top k of each seed with those of other seeds."""
        pairs, k = self._judged.pairs, int(self._judged.labels.sum())
        best: dict[str, dict[int, np.ndarray]] = {}
        for entry in entries:
            if entry.seed is not None:
                top = metrics.top_k(self._lay_out(entry.prediction)[1][pairs], k)
                best.setdefault(entry.name, {})[entry.seed] = top
        return {
            (name, seed): _mean(
                [metrics.jaccard(top, other) for other in tops.values() if other is not top]
            )
            for name, tops in best.items()
            for seed, top in tops.items()
        }

    def _tidy(
        self, entry: Entry, seed: int, scores: Mapping[str, float]
    ) -> Iterator[dict[str, Any]]:
        common = {"method": entry.name, "kind": entry.kind, **self._of, "seed": seed}
        seconds = entry.prediction.seconds
        judged_on = {key: scores[key] for key in ("density", "n_candidates", "n_one_way")}
        for metric, value in scores.items():
            if metric not in judged_on:
                row = {"metric": metric, "value": value, **judged_on, "seconds": seconds}
                yield common | row


def random_scores(judged: Candidates) -> dict[str, float]:
    """Return mean metrics of 100 random rankings, in which both directions are equally likely.

    Keys are those of other methods except the Jaccard index, which is undefined for a mean.
    """
    labels, flat = judged.labels[judged.pairs], np.zeros(judged.pairs.shape)
    judged_on = {"density": float(labels.mean()), "n_candidates": len(labels)}
    means = score_random(judged, n_draws=_N_RANDOM, seed=0)
    signed = _signed_early(judged, flat, flat)
    chance = {"signed_early_precision_ratio": signed if np.isnan(signed) else 1.0}
    return means | chance | _directions(judged, flat) | judged_on


def _signed_early(judged: Candidates, weight: np.ndarray | None, importance: np.ndarray) -> float:
    if weight is None:
        return float("nan")
    pairs = judged.pairs
    return metrics.signed_early_precision_ratio(
        importance[pairs], weight[pairs], judged.signs[pairs], judged.labels[pairs]
    )


def _directions(judged: Candidates, importance: np.ndarray) -> dict[str, float]:
    """Return the direction accuracy, and the number of pairs of TFs that it is a share of."""
    columns = locate(judged.tfs, judged.genes)
    between = judged.labels[:, columns], judged.pairs[:, columns]
    return {
        "direction_accuracy": metrics.direction_accuracy(importance[:, columns], *between),
        "n_one_way": int(metrics.one_way(*between).sum()),
    }


def _precision_at(recalls: np.ndarray, scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the precision at the first threshold that reaches each recall."""
    precision, recall, _ = precision_recall_curve(labels, scores, drop_intermediate=True)
    reached = np.searchsorted(recall[-2::-1], recalls - 1e-12)
    return np.asarray(precision[-2::-1][reached])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
