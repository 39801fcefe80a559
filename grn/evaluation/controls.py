"""Scores that use no model, as baselines that a method must beat.

Expression is (n_cells, n_genes), log-normalised, dense or sparse; `tf_index` are columns of it.
"""

import numpy as np
from jaxtyping import Bool, Int

from grn.evaluation.scores import Scores
from grn.expression import Expression, column_moments, standardised_blocks


def target_mean(expression: Expression, tf_index: Int[np.ndarray, " n_tfs"]) -> Scores:
    """Rank pairs by the mean expression of the target, whatever the regulator."""
    mean, _ = column_moments(expression)
    return Scores(None, np.tile(mean, (len(tf_index), 1)))


def tf_variance(expression: Expression, tf_index: Int[np.ndarray, " n_tfs"]) -> Scores:
    """Rank pairs by the variance of the regulator, whatever the target."""
    _, sd = column_moments(expression)
    return Scores(None, np.repeat(sd[tf_index, None] ** 2, expression.shape[1], axis=1))


def pearson(expression: Expression, tf_index: Int[np.ndarray, " n_tfs"]) -> Scores:
    """Rank pairs by |Pearson correlation|, signed by the correlation; 0 for a constant gene."""
    products = (block[:, tf_index].T @ block for block in standardised_blocks(expression))
    correlation = np.asarray(sum(products)) / expression.shape[0]
    return Scores(correlation, np.abs(correlation))


def degree(
    out_degree: Int[np.ndarray, " n_tfs"], in_degree: Int[np.ndarray, " n_genes"]
) -> Scores:
    """Rank pairs by log(1 + out-degree of the TF) + log(1 + in-degree of the target)."""
    return Scores(None, np.log1p(out_degree)[:, None] + np.log1p(in_degree)[None, :])


def random(
    labels: Bool[np.ndarray, "n_tfs n_genes"],
    candidates: Bool[np.ndarray, "n_tfs n_genes"],
    *,
    n_signed: int,
    n_draws: int,
    seed: int,
) -> dict[str, float]:
    """Mean metrics of random rankings with coin-toss signs.

    A random ranking has no ties, so its metrics follow from the ranks of the positives alone, and
    those are a draw without replacement: 100 draws over 10⁵ pairs take a second.

    Parameters
    ----------
    labels, candidates
        True pairs, and the pairs that are ranked.
    n_signed
        Number of true pairs whose sign is known.
    n_draws, seed
        Number of rankings, and the seed of their generator.
    """
    generator = np.random.default_rng(seed)
    n_per_tf = candidates.sum(axis=1)
    true_per_tf = (labels & candidates).sum(axis=1)
    n, k = int(n_per_tf.sum()), int(true_per_tf.sum())
    ranked = (true_per_tf > 0) & (true_per_tf < n_per_tf)
    draws = {name: np.full(n_draws, np.nan) for name in _RANDOM_METRICS}
    for draw in range(n_draws):
        ranks = _ranks_of_positives(generator, n, k)
        draws["auprc"][draw] = (np.arange(1, k + 1) / ranks).mean()
        draws["early_precision_ratio"][draw] = (ranks <= k).mean() / (k / n)
        if k < n:
            draws["auroc"][draw] = _auroc(ranks, n)
        if ranked.any():
            sizes = zip(n_per_tf[ranked], true_per_tf[ranked], strict=True)
            per_tf = [_auroc(_ranks_of_positives(generator, *size), size[0]) for size in sizes]
            draws["per_tf_auroc"][draw] = np.mean(per_tf)
        if n_signed:
            draws["sign_accuracy"][draw] = generator.binomial(n_signed, 0.5) / n_signed
    return {name: float(values.mean()) for name, values in draws.items()}


_RANDOM_METRICS = ("auprc", "auroc", "early_precision_ratio", "per_tf_auroc", "sign_accuracy")


def _ranks_of_positives(generator: np.random.Generator, n: int, k: int) -> np.ndarray:
    """Ranks (1 = best) of k positives in a random order of n candidates, ascending."""
    return np.sort(generator.choice(n, k, replace=False, shuffle=False)) + 1


def _auroc(ranks: np.ndarray, n: int) -> float:
    """AUROC of positives at these ranks: the i-th best has rank − i negatives above it."""
    k = len(ranks)
    return float(1 - (ranks - np.arange(1, k + 1)).sum() / (k * (n - k)))
