"""Scores of one ranking against labels: functions of arrays, NaN where a score is undefined."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score


def auprc(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> float:
    """Average precision; tied scores are one threshold. NaN without a positive."""
    if not labels.any():
        return float("nan")
    return float(average_precision_score(labels, scores))


def auroc(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> float:
    """Area under the ROC curve; a tie counts half. NaN unless both classes occur."""
    if not labels.any() or labels.all():
        return float("nan")
    return float(roc_auc_score(labels, scores))


def early_precision(scores: Float[np.ndarray, " n"], labels: Bool[np.ndarray, " n"]) -> float:
    """Precision among the k best, k = number of positives. NaN without a positive.

    Candidates tied at the k-th score share the places left: the value is the expectation over all
    their orders.
    """
    k = int(labels.sum())
    return float(top_k(scores, k)[labels].sum() / k) if k else float("nan")


def signed_early_precision_ratio(
    scores: Float[np.ndarray, " n"],
    weights: Float[np.ndarray, " n"],
    signs: Int[np.ndarray, " n"],
    labels: Bool[np.ndarray, " n"],
) -> float:
    """Share of the k best that are true and of the right sign, over that of chance.

    k is the number of positives, as in `early_precision`; chance is a random ranking with random
    signs, half the share of positives. NaN without a positive, or where a positive has no known
    sign (0).
    """
    k = int(labels.sum())
    if k == 0 or (signs[labels] == 0).any():
        return float("nan")
    right = labels & (np.sign(weights) == signs)
    return float(top_k(scores, k)[right].sum() / k / (labels.mean() / 2))


def top_k(scores: Float[np.ndarray, " n"], k: int) -> Float[np.ndarray, " n"]:
    """Probability of each candidate to be among the k best, 0 < k ≤ n, over all orders of ties."""
    kth_best = np.partition(scores, len(scores) - k)[len(scores) - k]
    above, tied = scores > kth_best, scores == kth_best
    return np.asarray(above + tied * ((k - above.sum()) / tied.sum()))


def jaccard(first: Float[np.ndarray, " n"], second: Float[np.ndarray, " n"]) -> float:
    """Overlap of two sets, Σ min / Σ max of the memberships (`top_k`); NaN of two empty ones."""
    either = np.maximum(first, second).sum()
    return float(np.minimum(first, second).sum() / either) if either > 0 else float("nan")


def ratio(value: float, density: float) -> float:
    """Divide a precision by that of a random ranking, the share of positives; NaN at density 0."""
    return value / density if density > 0 else float("nan")


def per_tf_auroc(
    scores: Float[np.ndarray, "n_tfs n_genes"],
    labels: Bool[np.ndarray, "n_tfs n_genes"],
    candidates: Bool[np.ndarray, "n_tfs n_genes"],
) -> float:
    """Mean over TFs of the AUROC among the candidates of each.

    A score that knows the TF and not the pair gets exactly 0.5, as does a random one. TFs whose
    candidates are all positive or all negative are left out; NaN where none remains.
    """
    # What is no candidate ranks above every candidate, so it moves no candidate's rank.
    ranks = rankdata(np.where(candidates, scores, np.inf), axis=1)
    positive = labels & candidates
    n_positive = positive.sum(axis=1)
    n_negative = candidates.sum(axis=1) - n_positive
    both = (n_positive > 0) & (n_negative > 0)
    if not both.any():
        return float("nan")
    # Mann-Whitney: U = Σ ranks of the positives − P (P + 1) / 2, AUROC = U / (P N).
    wins = np.where(positive, ranks, 0.0).sum(axis=1) - n_positive * (n_positive + 1) / 2
    return float((wins[both] / (n_positive[both] * n_negative[both])).mean())


def sign_accuracy(weights: Float[np.ndarray, " n"], signs: Int[np.ndarray, " n"]) -> float:
    """Share of the true edges of known sign (±1; 0 is unknown) whose weight has that sign.

    A weight of 0, which is also that of an unlisted pair, counts as wrong. NaN where no sign is
    known.
    """
    known = signs != 0
    return float((np.sign(weights[known]) == signs[known]).mean()) if known.any() else float("nan")


def one_way(
    labels: Bool[np.ndarray, "n_tfs n_tfs"], candidates: Bool[np.ndarray, "n_tfs n_tfs"]
) -> Bool[np.ndarray, "n_tfs n_tfs"]:
    """Mark the pairs of TFs that are true in one direction only, if both ways are candidates."""
    return np.asarray(labels & ~labels.T & candidates & candidates.T)


def direction_accuracy(
    scores: Float[np.ndarray, "n_tfs n_tfs"],
    labels: Bool[np.ndarray, "n_tfs n_tfs"],
    candidates: Bool[np.ndarray, "n_tfs n_tfs"],
) -> float:
    """Share of the pairs that are true `one_way` only and score higher in that direction.

    A tie counts half, so a symmetric score gets exactly 0.5. NaN where there is no such pair.
    """
    pairs = one_way(labels, candidates)
    forward, backward = scores[pairs], scores.T[pairs]
    if not len(forward):
        return float("nan")
    return float((forward > backward).mean() + (forward == backward).mean() / 2)
