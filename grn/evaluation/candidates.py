"""Which pairs are judged, and the metrics of a score laid out over them."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from grn.edges.matrix import adjacency, locate
from grn.errors import InputError
from grn.evaluation import controls, metrics


@dataclass(frozen=True)
class Candidates:
    """Pairs that are judged: BEELINE's candidates, or one part of a split.

    BEELINE's are (TF with a true edge) × (gene in the truth), without self-pairs.

    Parameters
    ----------
    tfs, genes
        Names of rows and columns, sorted.
    pairs
        The pairs that are judged.
    labels, signs
        The true ones, and their signs (0: unknown).
    """

    tfs: list[str]
    genes: list[str]
    pairs: Bool[np.ndarray, "n_tfs n_genes"]
    labels: Bool[np.ndarray, "n_tfs n_genes"]
    signs: Int[np.ndarray, "n_tfs n_genes"]


def candidates(truth: pd.DataFrame, training_edges: pd.DataFrame | None = None) -> Candidates:
    """Lay out the candidates of a truth table as `grn.edges.read.read_truth` returns it.

    Edges that a method was trained on are neither true nor false here: they are no candidates.
    """
    if training_edges is not None:
        known = pd.MultiIndex.from_frame(training_edges[["source", "target"]])
        truth = truth[~pd.MultiIndex.from_frame(truth[["source", "target"]]).isin(known)]
        if truth.empty:
            msg = "Every true edge is a training edge: nothing is left to test. Hold some out."
            raise InputError(msg)
    tfs = sorted(set(truth["source"]))
    genes = sorted(set(truth["source"]) | set(truth["target"]))
    pairs = np.ones((len(tfs), len(genes)), dtype=bool)
    pairs[np.arange(len(tfs)), locate(tfs, genes)] = False
    if training_edges is not None:
        pairs &= adjacency(training_edges.assign(known=1), tfs, genes, "known") == 0
    truth = truth.assign(label=1, sign=truth.get("sign", 0))
    labels = adjacency(truth, tfs, genes, "label") == 1
    return Candidates(tfs, genes, pairs, labels, adjacency(truth, tfs, genes, "sign").astype(int))


def score_candidates(
    judged: Candidates,
    weight: Float[np.ndarray, "n_tfs n_genes"] | None,
    importance: Float[np.ndarray, "n_tfs n_genes"],
) -> dict[str, float]:
    """Every metric of one score.

    Parameters
    ----------
    judged
        The candidates; rows and columns of the other two are theirs.
    weight
        Signed strength, 0 where unlisted; None for a method without signs.
    importance
        What ranks; −inf where unlisted, which ranks below every listed pair.
    """
    labels, importance = judged.labels[judged.pairs], unlisted_last(importance)
    scores = importance[judged.pairs]
    density = float(labels.mean())
    auprc = metrics.auprc(scores, labels)
    signed = float("nan")
    if weight is not None:
        signed = metrics.sign_accuracy(weight[judged.labels], judged.signs[judged.labels])
    return {
        "auprc": auprc,
        "auprc_ratio": metrics.ratio(auprc, density),
        "auroc": metrics.auroc(scores, labels),
        "early_precision_ratio": metrics.ratio(metrics.early_precision(scores, labels), density),
        "per_tf_auroc": metrics.per_tf_auroc(importance, judged.labels, judged.pairs),
        "sign_accuracy": signed,
        "density": density,
        "n_candidates": len(labels),
    }


def score_random(judged: Candidates, *, n_draws: int, seed: int) -> dict[str, float]:
    """Mean metrics of random rankings (`grn.evaluation.controls.random`), with their ratio."""
    n_signed = int(np.count_nonzero(judged.signs[judged.labels]))
    means = controls.random(
        judged.labels, judged.pairs, n_signed=n_signed, n_draws=n_draws, seed=seed
    )
    return means | {"auprc_ratio": means["auprc"] / judged.labels[judged.pairs].mean()}


def unlisted_last(importance: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Turn −inf, an unlisted pair, into a number just below every listed one."""
    listed = np.isfinite(importance)
    below = np.nextafter(importance[listed].min(), -np.inf) if listed.any() else 0.0
    return np.where(listed, importance, below)


class TruthScorer:
    """Scores matrices of one method again and again, for instance during training.

    Parameters
    ----------
    judged
        The candidates of the truth.
    tfs, genes
        Names of the rows and columns of the matrices to come.
    """

    def __init__(self, judged: Candidates, tfs: Collection[str], genes: Collection[str]) -> None:
        self._judged = judged
        rows, columns = locate(judged.tfs, tfs), locate(judged.genes, genes)
        self._judged_block = np.ix_(np.flatnonzero(rows >= 0), np.flatnonzero(columns >= 0))
        self._given_block = np.ix_(rows[rows >= 0], columns[columns >= 0])

    def score(
        self,
        weight: Float[np.ndarray, "n_tfs n_genes"] | None,
        importance: Float[np.ndarray, "n_tfs n_genes"],
    ) -> dict[str, float]:
        """Every metric, keys as in `grn.evaluate`; pairs outside the matrices rank last.

        `weight` None, or without a negative number in it, is a method without signs.
        """
        return score_candidates(self._judged, *self.lay_out(weight, importance))

    def lay_out(
        self,
        weight: Float[np.ndarray, "n_tfs n_genes"] | None,
        importance: Float[np.ndarray, "n_tfs n_genes"],
    ) -> tuple[np.ndarray | None, np.ndarray]:
        """Both matrices in the rows and columns of the candidates, as `score_candidates` asks."""
        ranked = np.full(self._judged.pairs.shape, -np.inf)
        ranked[self._judged_block] = importance[self._given_block]
        if weight is None or not (weight < 0).any():
            return None, ranked
        signed = np.zeros(self._judged.pairs.shape)
        signed[self._judged_block] = weight[self._given_block]
        return signed, ranked
