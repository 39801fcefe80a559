"""Turns attention scores into weights, importances and the edge table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from grn.network import edge_table, locate
from grn.readout.maps import AttentionScores


def score_pairs(
    attended: AttentionScores, tf_index: Int[np.ndarray, " n_tfs"]
) -> tuple[Float[np.ndarray, "n_tfs n_genes"], Float[np.ndarray, "n_tfs n_genes"]]:
    r"""Return signed weight and importance of every pair.

    Weights are the scores in units of their root mean square. With κ the worth of a negative
    score and $a = \max(s, 0) + \kappa \max(-s, 0)$, the importance of regulator j for target i is
    $a_{ij}$ minus the mean of $a$ over the regulator's targets, minus the target's background,
    shifted so that the least is 0: hubs and housekeeping targets rank by what a pair has beyond
    them.

    Parameters
    ----------
    attended
        From `read_attention`.
    tf_index
        Column of each regulator.
    """
    scores, kappa = attended.scores.astype(np.float64), attended.repression
    pairs = np.ones(scores.shape, dtype=bool)
    pairs[np.arange(len(tf_index)), tf_index] = False
    unit = np.sqrt(np.mean(scores[pairs] ** 2)) or 1.0
    ranked = np.where(scores > 0, scores, -kappa * scores)
    of_regulator = ranked.sum(axis=1, keepdims=True) / max(scores.shape[1] - 1, 1)
    of_target = attended.background[0] + kappa * attended.background[1]
    importance = ranked - of_regulator - of_target
    importance -= importance[pairs].min()
    # In float32 the two directions of a symmetric score tie instead of being ordered by rounding.
    importance = np.where(pairs, importance / unit, 0).astype(np.float32)
    return (scores / unit).astype(np.float32), importance


def read_edges_off(
    attended: AttentionScores, tfs: Sequence[str], genes: Sequence[str]
) -> pd.DataFrame:
    """Build the complete edge table: every TF × gene pair but self, best first.

    Returns
    -------
    Columns `source, target, weight, importance, row_norm`; `row_norm` is the target's ‖s_i‖.
    """
    weight, importance = score_pairs(attended, locate(tfs, genes))
    return edge_table(weight, importance, tfs, genes, row_norm=attended.row_norm)
