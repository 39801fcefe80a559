"""Rank correlations of two genes, plain and without the background of each gene."""

import numpy as np
from jaxtyping import Int
from scipy.stats import rankdata

from grn.benchmark.peers.dense import dense
from grn.evaluation.controls import pearson
from grn.evaluation.scores import Scores
from grn.expression import Expression, standardised_blocks


def spearman(
    expression: Expression, tf_index: Int[np.ndarray, " n_tfs"], *, seed: int = 0
) -> Scores:
    """Rank pairs by |Spearman's ρ|, signed by ρ; 0 for a constant gene.

    Tied cells share their mean rank. Nothing is drawn: `seed` changes nothing.

    Parameters
    ----------
    expression
        (n_cells, n_genes), dense or sparse; any monotone scale.
    tf_index
        Columns of the regulators.
    """
    return pearson(rankdata(dense(expression), axis=0), tf_index)


def spearman_double_centred(
    expression: Expression, tf_index: Int[np.ndarray, " n_tfs"], *, seed: int = 0
) -> Scores:
    """Rank pairs by ρ_ij minus the mean ρ of gene i and of gene j over all genes, signed by ρ.

    Common effects, such as sequencing depth, raise all correlations of a gene alike; subtracting
    the means removes them. Activation ranks first. See `spearman` for the parameters.
    """
    z = np.concatenate(list(standardised_blocks(rankdata(dense(expression), axis=0))))
    rho = z[:, tf_index].T @ z / len(z)
    mean = z.mean(axis=1) @ z / len(z)
    return Scores(rho, rho - mean[tf_index, None] - mean)
