"""What the joint distribution of two genes looks like, in numbers comparable between data sets."""

import math

import torch
from jaxtyping import Float, Int
from scipy.stats import rankdata
from torch import Tensor

from grn.model.embeddings import noise_edge

N_STATISTICS = 42
N_OF_PAIR = 27
"""The first of them belong to the pair; the rest to one of its genes, or to all cells."""

_RIDGES = (0.1, 1.0, 8.0, 64.0)  # in units of what sampling adds
_MARGINAL = _RIDGES.index(8.0)
_N_BINS = 4
_FARTHEST = 4.0  # standard deviations that still count: moments of higher order see outliers only
_LEAST = 1e-12


def pair_statistics(
    roots: Float[Tensor, "n_cells n_genes"], tf_index: Int[Tensor, " n_tfs"]
) -> Float[Tensor, "n_tfs n_genes n_statistics"]:
    r"""Describe every pair of regulator j and gene i by 42 numbers.

    Of the pair: cosines of the rows of $S (S + \rho)^{-1}$ for four ridges ρ, from nearly partial
    to nearly marginal correlation; ridge partial correlation; Pearson's and Spearman's
    correlation; $E[z_j z_i^2]$ and $E[z_j^2 z_i]$; the correlation ratio of i given quarters of j
    and of j given quarters of i; mean, standard deviation and share above the mean of i in the
    lowest and in the highest quarter of j, and the reverse; a cosine and a partial correlation
    beside those of the same target, and of the same regulator, with all genes (CLR, Faith et al.
    2007). Most of them differ between the two directions: an activator that is needed leaves no
    cell without it that has much of its target.

    Of each gene: share above its mean, skewness, log kurtosis, spread, and share of zeros. Of the
    cells: logarithms of their number, of what sampling adds, of the number of genes, of the
    dominance (`GeneProfiles`); and whether i is a regulator.

    No statistic depends on the order of cells, or of genes. n_genes × n_genes matrices are in
    memory, a dozen at a time.

    Parameters
    ----------
    roots
        √ of the expression, not standardised; a gene may be constant.
    tf_index
        Column of each regulator.

    Returns
    -------
    float32; 0 on pairs of a gene with itself where a statistic belongs to the pair.
    """
    x = roots.double()
    n_cells, n_genes = x.shape
    spread = x.std(dim=0, correction=0)
    z = (x - x.mean(dim=0)) / spread.where(spread > 0, 1)
    edge = noise_edge(n_cells, n_genes)
    sampling = edge - 1
    bounded = z.clamp(-_FARTHEST, _FARTHEST)
    correlation = z.T @ z / n_cells
    variances, axes = torch.linalg.eigh(correlation)
    variances = variances.clamp_min(0)
    cosines = [_ridge_cosines(variances, axes, ridge * sampling) for ridge in _RIDGES]
    partial = _partial_correlations(correlation, _RIDGES[0] * sampling)
    ranks = torch.from_numpy(rankdata(x.numpy(), axis=0))
    third = bounded.T @ (bounded.square() - 1) / n_cells
    both_ways = [
        *_over_quarters(z, bounded, ranks),
        _beside_column(cosines[_MARGINAL].abs()),
        _beside_column(partial.abs()),
    ]
    of_pair = [*cosines, partial, correlation, _spearman(ranks), third, third.T]
    of_pair += [matrix for one in both_ways for matrix in (one, one.T)]
    of_genes = _of_genes(x, z, bounded, spread)
    dominance = float(variances[-1]) / edge
    of_cells = [math.log(n_cells), math.log(sampling), math.log(n_genes), math.log(dominance)]
    return _lay_out(of_pair, of_genes, of_cells, tf_index)


def _lay_out(
    of_pair: list[Tensor], of_genes: list[Tensor], of_cells: list[float], tf_index: Tensor
) -> Tensor:
    n_tfs, n_genes = len(tf_index), len(of_pair[0])
    statistics = torch.empty(n_tfs, n_genes, N_STATISTICS)
    for column, matrix in enumerate(of_pair):
        statistics[..., column] = matrix[tf_index]
    statistics[torch.arange(n_tfs), tf_index] = 0
    column = len(of_pair)
    for gene in of_genes:
        statistics[..., column] = gene[tf_index, None]
        statistics[..., column + 1] = gene
        column += 2
    statistics[..., column : column + len(of_cells)] = torch.tensor(of_cells)
    is_tf = torch.zeros(n_genes)
    is_tf[tf_index] = 1
    statistics[..., -1] = is_tf
    return statistics


def _ridge_cosines(variances: Tensor, axes: Tensor, ridge: float) -> Tensor:
    projection = (axes * (variances / (variances + ridge))) @ axes.T
    scale = projection.diagonal().clamp_min(_LEAST).rsqrt()
    return projection * scale[:, None] * scale


def _partial_correlations(correlation: Tensor, ridge: float) -> Tensor:
    precision = torch.linalg.inv(correlation + ridge * torch.eye(len(correlation)))
    scale = precision.diagonal().rsqrt()
    correlations: Tensor = -precision * scale[:, None] * scale
    return correlations


def _spearman(ranks: Tensor) -> Tensor:
    centred = ranks - ranks.mean(dim=0)
    centred = centred / centred.square().mean(dim=0).sqrt().clamp_min(_LEAST)
    return centred.T @ centred / len(ranks)


def _over_quarters(z: Tensor, bounded: Tensor, ranks: Tensor) -> list[Tensor]:
    """Return what gene i (columns) does over the quarters of gene j (rows), by rank of j.

    The correlation ratio; then mean, standard deviation and share above the mean, each in the
    lowest and in the highest quarter.
    """
    n_cells = len(z)
    quarter = ((ranks - 1) / n_cells * _N_BINS).floor()
    above = (z > 0).double()
    explained = torch.zeros(z.shape[1], z.shape[1], dtype=z.dtype)
    moments: list[Tensor] = []
    shares: list[Tensor] = []
    for number in range(_N_BINS):
        inside = (quarter == number).double()
        size = inside.sum(dim=0)[:, None]
        mean = inside.T @ bounded / size.clamp_min(1)
        explained += size / n_cells * mean.square()
        if number in (0, _N_BINS - 1):
            second = inside.T @ bounded.square() / size.clamp_min(1)
            moments += [mean, (second - mean.square()).clamp_min(0).sqrt()]
            shares.append(inside.T @ above / size.clamp_min(1) - above.mean(dim=0))
    return [explained.sqrt(), *moments, *shares]


def _beside_column(strength: Tensor) -> Tensor:
    """Standardise the strengths of each column by those of its pairs with all other genes."""
    others = max(len(strength) - 1, 1)
    strength = strength - torch.diag(strength.diagonal())
    mean = strength.sum(dim=0) / others
    variance = strength.square().sum(dim=0) / others - mean.square()
    beside: Tensor = (strength - mean) / variance.clamp_min(_LEAST).sqrt()
    return beside.clamp(-3, 6)


def _of_genes(x: Tensor, z: Tensor, bounded: Tensor, spread: Tensor) -> list[Tensor]:
    kurtosis = bounded.pow(4).mean(dim=0)
    return [
        (z > 0).double().mean(dim=0) - 0.5,
        bounded.pow(3).mean(dim=0).clamp(-_FARTHEST, _FARTHEST),
        kurtosis.clamp_min(1).log(),
        spread.log1p(),
        (x <= 0).double().mean(dim=0),
    ]
