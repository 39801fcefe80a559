"""The prior-guided regime, which ranks the edges of a known network first."""

import logging
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from grn.edges.matrix import adjacency
from grn.errors import InputError
from grn.evaluation.scores import Scores
from grn.names.regulators import hint

logger = logging.getLogger(__name__)

# In units of the root mean square of the scores, large enough to rank edges of the prior first;
# among them the cells decide. With 2 or 4 the result was worse than the prior alone (mDC,
# Non-Specific ChIP for STRING; docs/experiments.md).
_STRENGTH = 8.0


def add_prior(
    scores: Float[torch.Tensor, "n_genes n_tfs"],
    prior: pd.DataFrame,
    tfs: Sequence[str],
    genes: Sequence[str],
) -> Float[torch.Tensor, "n_genes n_tfs"]:
    """Raise the scores of the prior's edges by eight times the root mean square of all scores.

    Signs are those found in the cells, since signs of a prior are not reliable. Edges of genes
    that the cells lack are ignored.

    Parameters
    ----------
    scores
        s of the gene network; rows are targets and columns are regulators.
    prior
        Known edges, as `grn.edges.read.read_truth` returns them.
    tfs, genes
        Names of the columns and rows.

    Raises
    ------
    InputError
        No edge of the prior is among the regulators and genes.
    """
    known = prior[prior["source"].isin(list(tfs)) & prior["target"].isin(list(genes))]
    if known.empty:
        msg = f"No edge of the prior is among the genes. {hint(prior['source'].unique(), tfs)}"
        raise InputError(msg)
    logger.info("%d of %d edges of the prior are among the genes", len(known), len(prior))
    mask = torch.from_numpy(prior_alone(known, tfs, genes).importance.T)
    sign = torch.where(scores < 0, -1.0, 1.0)
    return scores + _STRENGTH * scores.square().mean().sqrt() * mask * sign


def prior_alone(prior: pd.DataFrame, tfs: Sequence[str], genes: Sequence[str]) -> Scores:
    """Score edges of the prior 1 and other pairs 0, as the baseline of a prior-guided result."""
    known = prior.assign(known=1)
    return Scores(None, (adjacency(known, tfs, genes, "known") == 1).astype(np.float32))
