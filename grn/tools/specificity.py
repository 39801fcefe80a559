"""How specific the activity of each TF is to each group of cells, by Jensen–Shannon distance."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float
from scipy.special import rel_entr

from grn.tools.labels import group_labels, stored_activity

if TYPE_CHECKING:
    from anndata import AnnData


def specificity(adata: "AnnData", groupby: str, *, key: str = "activity") -> pd.DataFrame:
    """Score how specific the activity of each TF is to each group of cells.

    The regulon specificity score of Suo et al. (2018), as SCENIC has it,

        RSS(r, g) = 1 − √JSD(p_r, q_g),

    where p_r is the activity of regulon r in each cell, divided by its sum, q_g is 1 / n_g in the
    cells of the group and 0 elsewhere, and JSD is the Jensen–Shannon divergence in bits. It is 1
    where the TF is equally active in all cells of the group and in no other, and 0 where it is
    active only outside. Activity below 0, which areas of AUCell proper cannot have, counts as 0.

    Larger groups and noisier activities have other scores by chance. The divergence is a sum over
    cells, so its mean and variance over all permutations of the labels are known exactly (drawing
    n_g cells without replacement): `expected` is the score at that mean, and `z` says by how many
    standard deviations the divergence lies below it. What counts is z, not the score.

    Parameters
    ----------
    adata
        Cells with `obsm[key]`.
    groupby
        Key of `adata.obs` with the groups.
    key
        What `grn.tl.activity` stored the activity under.

    Returns
    -------
    Columns `group, source, specificity, expected, z, mean_activity`; groups in alphabetical
    order, the TF of each that is most specific by z first, ties by name. NaN, last, for a TF that
    is active nowhere.

    Raises
    ------
    InputError
        There is no such activity or column, a cell without a label, or one group only.

    Examples
    --------
    >>> grn.tl.activity(adata, edges, n_targets=3)
    >>> table = grn.tl.specificity(adata, "lineage")
    >>> best = table.groupby("group").head(1)
    """
    activity = stored_activity(adata, key)
    labels = group_labels(adata, groupby).to_numpy()
    share = _shares(activity.to_numpy())
    tables = []
    for group in sorted(set(labels)):
        own = labels == group
        table = pd.DataFrame({"group": group, "source": activity.columns, **_score(share, own)})
        table["mean_activity"] = activity[own].mean().to_numpy()
        by = ["z", "source"]
        tables.append(table.sort_values(by, ascending=[False, True], ignore_index=True))
    return pd.concat(tables, ignore_index=True)


def _score(
    p: Float[np.ndarray, "n_cells n_tfs"], own: Bool[np.ndarray, " n_cells"]
) -> dict[str, Float[np.ndarray, " n_tfs"]]:
    """Return the score of each column, its expectation and z over permutations of the labels."""
    n_cells, n_own = len(own), int(own.sum())
    q = 1.0 / n_own
    # What a cell adds to the divergence if it is in the group (where q > 0), and if it is not.
    inside = (rel_entr(p, (p + q) / 2) + rel_entr(q, (p + q) / 2)) / (2 * np.log(2))
    outside = p / 2
    change = inside - outside
    divergence = outside.sum(axis=0) + change[own].sum(axis=0)
    mean = outside.sum(axis=0) + n_own * change.mean(axis=0)
    variance = n_own * (1.0 - n_own / n_cells) * change.var(axis=0, ddof=1)
    sd = np.sqrt(variance)
    z = np.divide(mean - divergence, sd, out=np.full_like(sd, np.nan), where=sd > 0)
    # Rounding may leave a divergence of 0 just below it.
    score, expected = (1.0 - np.sqrt(np.maximum(jsd, 0.0)) for jsd in (divergence, mean))
    return {"specificity": score, "expected": expected, "z": z}


def _shares(
    activity: Float[np.ndarray, "n_cells n_tfs"],
) -> Float[np.ndarray, "n_cells n_tfs"]:
    """Divide the positive part of each column by its sum; NaN where that is 0."""
    # NaN, in the cells of groups whose network lacks the TF, is no activity either.
    positive = np.clip(np.nan_to_num(activity), 0.0, None)
    total = positive.sum(axis=0)
    shares: np.ndarray = np.full_like(positive, np.nan)
    np.divide(positive, total, out=shares, where=total > 0)
    return shares
