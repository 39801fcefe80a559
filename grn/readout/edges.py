"""Turns attention scores into weights, importances and the edge table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from grn.network import edge_table, locate
from grn.readout.maps import AttentionScores


def score_pairs(
    attended: AttentionScores,
    tf_index: Int[np.ndarray, " n_tfs"],
    units: dict[str, float] | None = None,
) -> tuple[Float[np.ndarray, "n_tfs n_genes"], Float[np.ndarray, "n_tfs n_genes"]]:
    r"""Return signed weight and importance of every pair.

    Weights are the scores in units of their root mean square, with the sign of q·k. The pair bias
    says how strong an edge is; which way it goes the profiles say: where regulators are expressed
    together, the bias of one of them turns against its correlation too easily, and a prior has no
    signs at all. With D the share by which one programme dominates the cells, the importance of
    regulator j for target i is

    .. math:: D \max(\mathrm{dc}(s), \mathrm{dc}(|s|))_{ij} + (1 - D) |s_{ij}|,

    each of the three at unit variance, shifted so that the least is 0. dc takes off the mean over
    the regulator's targets and the target's background: hubs and housekeeping targets rank by
    what a pair has beyond them. dc(s) puts activation first; dc(|s|) lets the strongest
    repressions in.

    Parameters
    ----------
    attended
        From `read_attention`.
    tf_index
        Column of each regulator.
    units
        D, mean and standard deviation of the terms, and the least: an empty dictionary is filled;
        a filled one is used, so that what two fits give can be compared.
    """
    units = {} if units is None else units
    scores = np.abs(attended.scores.astype(np.float64)) * attended.profile_sign
    share = units.setdefault("dominated", attended.dominated)
    pairs = without_self(scores.shape, tf_index)
    n_targets = max(scores.shape[1] - 1, 1)

    def unit_variance(term: str, values: Float[np.ndarray, "n_tfs n_genes"]) -> np.ndarray:
        return values / units.setdefault(term, float(values[pairs].std()) or 1.0)

    def beyond(term: str, values: np.ndarray, background: np.ndarray) -> np.ndarray:
        rest = values - values.sum(axis=1, keepdims=True) / n_targets - background
        # What the two means have in common is taken off twice: no rank depends on that, but
        # between two fits it differs.
        mean = float(rest[pairs].mean())
        rest += units.setdefault(f"mean of {term}", mean) - mean
        return unit_variance(term, rest)

    positive, negative = attended.background
    ranked = share * np.maximum(
        beyond("dc(s)", scores, positive - negative),
        beyond("dc(|s|)", np.abs(scores), positive + negative),
    )
    ranked += (1 - share) * unit_variance("|s|", np.abs(scores))
    # In float32 the two directions of a symmetric score tie instead of being ordered by rounding.
    least = units.setdefault("least", float(ranked[pairs].min()))
    importance = np.where(pairs, ranked - least, 0).astype(np.float32)
    unit = units.setdefault("weight", float(np.sqrt(np.mean(scores[pairs] ** 2))) or 1.0)
    return (scores / unit).astype(np.float32), importance


def without_self(
    shape: tuple[int, ...], tf_index: Int[np.ndarray, " n_tfs"]
) -> Bool[np.ndarray, "n_tfs n_genes"]:
    """Mark every pair but those of a regulator with itself."""
    pairs = np.ones(shape, dtype=bool)
    pairs[np.arange(len(tf_index)), tf_index] = False
    return pairs


def read_edges_off(
    attended: AttentionScores, tfs: Sequence[str], genes: Sequence[str], **extra: np.ndarray
) -> pd.DataFrame:
    """Build the complete edge table: every TF × gene pair but self, best first.

    Returns
    -------
    Columns `source, target, weight, importance, row_norm`, then the extra ones, as
    `grn.network.edge_table` takes them; `row_norm` is the target's ‖s_i‖.
    """
    weight, importance = score_pairs(attended, locate(tfs, genes))
    return edge_table(weight, importance, tfs, genes, row_norm=attended.row_norm, **extra)
