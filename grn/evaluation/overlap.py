"""Warns where a prior holds the edges of the truth that is to judge it."""

import logging
from collections.abc import Collection
from typing import NamedTuple

import pandas as pd

from grn.evaluation.candidates import candidates

logger = logging.getLogger(__name__)

# Above so much of the truth, a score is in good part that of a copy. A small prior that lies whole
# inside a large truth stays below that, so the share of the prior counts too.
_OF_TRUTH, _OF_PRIOR = 0.1, 0.5


class Overlap(NamedTuple):
    """How many edges a prior and a truth share, among the pairs that are judged."""

    shared: int
    of_prior: int
    """Edges of the prior among these pairs."""
    of_truth: int
    by_chance: float
    """Edges that as many random pairs would share with the truth."""

    @property
    def is_large(self) -> bool:
        """Whether the score of the prior is in good part that of a copy."""
        inside = self.shared > max(_OF_PRIOR * self.of_prior, 2 * self.by_chance)
        return inside or self.shared > _OF_TRUTH * self.of_truth


def overlap(
    prior: pd.DataFrame, truth: pd.DataFrame, genes: Collection[str] | None = None
) -> Overlap:
    """Count the edges that a prior and a truth share.

    Parameters
    ----------
    prior, truth
        Tables with `source` and `target`, one row per edge. The truth decides which pairs are
        judged (`grn.evaluation.candidates`).
    genes
        Genes at hand, to which the truth is restricted; None: all of them.

    Examples
    --------
    >>> truth = pd.DataFrame({"source": ["A", "A", "B"], "target": ["B", "C", "D"]})
    >>> overlap(truth.head(2), truth)
    Overlap(shared=2, of_prior=2, of_truth=3, by_chance=1.0)
    """
    if genes is not None:
        truth = truth[truth["source"].isin(list(genes)) & truth["target"].isin(list(genes))]
    if truth.empty:
        return Overlap(0, 0, 0, 0.0)
    judged = candidates(truth)
    among = prior["source"].isin(judged.tfs) & prior["target"].isin(judged.genes)
    pairs = pd.MultiIndex.from_frame(prior.loc[among, ["source", "target"]])
    pairs = pairs[pairs.get_level_values(0) != pairs.get_level_values(1)]
    known = pd.MultiIndex.from_frame(truth[["source", "target"]])
    density = len(known) / int(judged.pairs.sum())
    return Overlap(int(pairs.isin(known).sum()), len(pairs), len(known), len(pairs) * density)


def warn_of_overlap(
    prior: pd.DataFrame, truth: pd.DataFrame, genes: Collection[str] | None = None
) -> Overlap:
    """Count the edges that a prior and a truth share, and warn where these are many.

    Motifs (a column `importance`) are no copy of known edges, however many they meet, and are not
    warned of. Parameters as in `overlap`.
    """
    found = overlap(prior, truth, genes)
    if found.is_large and "importance" not in prior:
        logger.warning(
            "the prior holds %d of the %d edges of the truth (%.0f %%), where as many random "
            "pairs would hold %.0f: %.0f %% of its %d edges among these pairs. To that extent, "
            "scores say how much of the truth the prior repeats. Compare with the row prior, and "
            "judge by a truth of another kind, such as knock-outs or ChIP-seq.",
            *(found.shared, found.of_truth, 100 * found.shared / found.of_truth),
            *(found.by_chance, 100 * found.shared / found.of_prior, found.of_prior),
        )
    return found
