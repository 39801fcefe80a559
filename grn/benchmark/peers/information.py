"""PIDC: the information of two genes about each other that no third gene has."""

from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from grn.benchmark.peers.dense import dense
from grn.evaluation.scores import Scores
from grn.expression import Expression

Bins = Int[np.ndarray, " n_cells"]


def pidc(expression: Expression, tf_index: Int[np.ndarray, " n_tfs"], *, seed: int = 0) -> Scores:
    """Rank pairs by their unique information, each against the other pairs of both genes.

    Levels are cut into Bayesian blocks and a probability is a share of the cells, as in the
    authors' program. A pair scores F_i(u_ij) + F_j(u_ij), u being `unique_contribution` and F_i
    the Gamma distribution fitted to all u of gene i (Chan, Stumpf & Babtie 2017). Symmetric and
    without signs; 0 for a gene whose cells all fall into one block. `seed` changes nothing.

    Parameters
    ----------
    expression
        (n_cells, n_genes), log-normalised, dense or sparse.
    tf_index
        Columns of the regulators.
    """
    return Scores(None, pidc_of_bins([bayesian_blocks(x) for x in dense(expression).T])[tf_index])


def pidc_of_bins(bins: list[Bins]) -> Float[np.ndarray, "n_genes n_genes"]:
    """Score all pairs of genes whose cells are in these bins (0, 1, …, none empty)."""
    informative = np.flatnonzero([gene.max() > 0 for gene in bins])
    scores = np.zeros((len(bins), len(bins)))
    if len(informative) < 3:
        return scores
    contribution = unique_contribution([bins[gene] for gene in informative])
    share = np.stack([_share_below(row, gene) for gene, row in enumerate(contribution)])
    scores[np.ix_(informative, informative)] = share + share.T
    return scores


def bayesian_blocks(levels: Float[np.ndarray, " n_cells"]) -> Bins:
    """Block of each cell: the piecewise constant density of one gene that fits its levels best.

    Scargle et al. 2013: fitness of a block from their eq. 19, price of one from their eq. 21 at
    p₀ = 0.05, optimum by their dynamic programme over the distinct levels.
    """
    # At single precision, so that rounding makes no level of its own.
    values, place, count = np.unique(np.float32(levels), return_inverse=True, return_counts=True)
    if len(values) == 1:
        return place
    values = values.astype(float)
    edges = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
    best, start = np.zeros(len(values) + 1), np.zeros(len(values) + 1, dtype=int)
    held = np.zeros(len(values))  # cells between each edge and the last one reached
    for end in range(1, len(values) + 1):
        held[:end] += count[end - 1]
        fitness = best[:end] + held[:end] * np.log(held[:end] / (edges[end] - edges[:end]))
        start[end] = fitness.argmax()
        best[end] = fitness[start[end]] - (4 - np.log(73.53 * 0.05 * end**-0.478))
    cuts = [int(start[-1])]
    while cuts[-1]:
        cuts.append(int(start[cuts[-1]]))
    return np.searchsorted(cuts[::-1], place, side="right") - 1


def unique_contribution(bins: list[Bins]) -> Float[np.ndarray, "n_genes n_genes"]:
    """Sum u_ij over third genes k, both ways: the share of I(i; j) that k does not hold too.

    u_ij = Σ_k (I(i; j) − R_i(j, k)) / I(i; j) + the same with i and j swapped. With the specific
    information s_j(b) = Σ_c p(c | b) log (p(c | b) / p(c)) of bin b of i in the bins c of j,
    I(i; j) = Σ_b p(b) s_j(b) and R_i(j, k) = Σ_b p(b) min(s_j(b), s_k(b)) (Williams & Beer 2010).
    """
    n_genes, n_cells = len(bins), len(bins[0])
    first = np.concatenate([[0], np.cumsum([gene.max() + 1 for gene in bins])])
    member = np.zeros((n_cells, first[-1]))
    for gene, start in zip(bins, first[:-1], strict=True):
        member[np.arange(n_cells), start + gene] = 1
    probability = member.mean(axis=0)
    unique = np.zeros((n_genes, n_genes))
    for i, (start, stop) in enumerate(pairwise(first)):
        weight = probability[start:stop]
        given = member[:, start:stop].T @ member / (n_cells * weight[:, None])
        terms = given * np.log(given / probability, where=given > 0, out=np.zeros_like(given))
        specific = np.maximum(np.add.reduceat(terms, first[:-1], axis=1), 0)
        specific[:, i] = 0  # and so gene i takes no part as a third gene
        information = weight @ specific
        shared = weight @ (_sum_of_minima(specific) - specific)  # without k = j
        share = np.divide(
            shared, information, where=information > 1e-12, out=np.full(n_genes, n_genes - 2.0)
        )
        unique[i] = np.maximum(n_genes - 2 - share, 0)
    return unique + unique.T


def _sum_of_minima(values: Float[np.ndarray, "bins n"]) -> Float[np.ndarray, "bins n"]:
    """Σ_k min(x_j, x_k) for each x_j of each row: in order, all before count as themselves."""
    order = values.argsort(axis=1)
    ascending = np.take_along_axis(values, order, axis=1)
    after = np.arange(values.shape[1])[::-1]
    sums = np.empty_like(values)
    np.put_along_axis(sums, order, ascending.cumsum(axis=1) + ascending * after, axis=1)
    return sums


def _share_below(row: Float[np.ndarray, " n_genes"], gene: int) -> Float[np.ndarray, " n_genes"]:
    """Distribution of the contributions of one gene to the others, at each of them."""
    others = np.delete(row, gene)
    if np.ptp(others) == 0:
        return np.zeros_like(row)
    if others.min() > 0:
        shape, _, scale = stats.gamma.fit(others, floc=0)
        below = stats.gamma.cdf(row, shape, scale=scale)
    else:  # no Gamma distribution has a zero among its draws
        below = stats.norm.cdf(row, others.mean(), others.std(ddof=1))
    below[gene] = 0
    return np.asarray(below)
