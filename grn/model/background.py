"""Similarity of two genes after subtracting what each of them shares with all genes."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata
from torch import Tensor
from torch.nn.functional import normalize

from grn.model.pair_statistics import evenly_spaced
from grn.model.profiles import GeneProfiles, gene_profiles, standardise
from grn.progress import track

_GENES_PER_BLOCK = 1024  # of memory alone: 4 MiB for every 1024 genes of the background
_LEAST = 1e-12  # keeps divisions by a variance of 0 finite


class _Form(NamedTuple):
    r"""One way to subtract the background from a similarity s, $\phi(s) = s^+ + c\, s^-$.

    .. math:: \frac{\phi(s_{ij}) - \beta (\bar\phi_i + \bar\phi_j)}{(\sigma_i \sigma_j)^\alpha}

    where the bars are means and σ are standard deviations of a gene's similarities to all genes.
    """

    similarity: str
    negative: float
    """c: weight of a negative similarity; 1 gives it the weight of a positive one."""
    background: float
    """β: multiple of the two means that is subtracted."""
    scaled: float = 0.0
    """α: exponent of the standard deviations; 0 leaves them out."""


# Chosen with all real sets of docs/experiments.md in view; fitted weights were no better than
# equal ones where the judging study was left out.
_FORMS = (
    _Form("cosine_8", 0.2, 1.4),
    _Form("rank_cosine_8", 0.4, 1.4),
    _Form("cosine_64", 0.4, 1.0),
    _Form("cosine_8", 1.0, 1.5),
    _Form("spearman", -1.0, 0.5, 0.5),
)


class Alike(NamedTuple):
    """Similarities of targets and regulators."""

    beyond_background: Float[Tensor, "n_genes n_tfs"]
    """Mean of six scores, each at mean 0 and variance 1 over all pairs; 0 on self-pairs."""
    cosine: Float[Tensor, "n_genes n_tfs"]
    """Cosine of the ridge profiles; its sign is the sign of the edge."""


class _Similarity(NamedTuple):
    """Similarities as products of rows, and their background."""

    factors: Float[Tensor, "n_genes features"]
    positive: Float[Tensor, " n_genes"]
    """Mean of the positive parts of the similarities over a background of genes."""
    negative: Float[Tensor, " n_genes"]
    """Mean of the negative parts, as positive numbers."""
    spread: Float[Tensor, " n_genes"]
    """Standard deviation of the similarities over the background."""


def alike_beyond_background(
    roots: Float[Tensor, "n_cells n_genes"],
    tf_index: Int[Tensor, " n_tfs"],
    profiles: GeneProfiles | None = None,
) -> Alike:
    r"""Score every pair by six closed forms without learned parameters, and return their mean.

    In real cells programmes make many genes vary together, so the part of a similarity that a
    gene shares with all genes carries no information about regulation. Five of the forms are
    those of `_FORMS`; their similarities are cosines of ridge profiles at 8 and 64 ν
    (`GeneProfiles`), the same of ranks, and Spearman's correlation. The sixth is the larger of
    dc(s) and dc(|s|) of the cosine at 8 ν, each at unit variance, where dc subtracts the means of
    row and column (double centring).

    No array has n_genes² elements; backgrounds are means over at most 1024 genes.

    Parameters
    ----------
    roots
        √ of the expression, not standardised; a gene may be constant.
    tf_index
        Column of each regulator.
    profiles
        `gene_profiles` of the standardised roots if they are known; None computes them.
    """
    if profiles is None:
        profiles = gene_profiles(standardise(roots.double()))
    found = _similarities(roots, profiles)
    is_pair = torch.ones(roots.shape[1], len(tf_index), dtype=torch.bool)
    is_pair[tf_index, torch.arange(len(tf_index))] = False
    cosine = _pairs(found["cosine_8"], tf_index)
    total = _standard(_larger_of_both(found["cosine_8"], cosine, tf_index, is_pair), is_pair)
    for form in track(_FORMS, "closed forms"):
        total += _standard(_apply(form, found[form.similarity], tf_index), is_pair)
    return Alike(total / (1 + len(_FORMS)), cosine)


def _similarities(
    roots: Float[Tensor, "n_cells n_genes"], profiles: GeneProfiles
) -> dict[str, _Similarity]:
    ranks = standardise(torch.from_numpy(rankdata(roots.numpy(), axis=0)))
    of_ranks = gene_profiles(ranks)
    factors = {
        "cosine_8": profiles.loadings * profiles.ridge_weights(8.0).sqrt(),
        "cosine_64": profiles.loadings * profiles.ridge_weights(64.0).sqrt(),
        "rank_cosine_8": of_ranks.loadings * of_ranks.ridge_weights(8.0).sqrt(),
        "spearman": ranks.T.float(),
    }
    background = evenly_spaced(roots.double().mean(dim=0))
    return {
        name: _with_background(normalize(rows, dim=1), background)
        for name, rows in factors.items()
    }


def _with_background(
    factors: Float[Tensor, "n_genes features"], background: Int[Tensor, " n"]
) -> _Similarity:
    n_genes = len(factors)
    sums = torch.zeros(3, n_genes)
    n_others = torch.full((n_genes,), len(background))
    n_others[background] -= 1
    for rows in torch.split(torch.arange(n_genes), _GENES_PER_BLOCK):
        s = factors[rows] @ factors[background].T
        s.masked_fill_(rows[:, None] == background, 0.0)
        sums[:, rows] = torch.stack([s.clamp(min=0), (-s).clamp(min=0), s.square()]).sum(dim=2)
    positive, negative, square = sums / n_others.clamp_min(1)
    spread = (square - (positive - negative).square()).clamp_min(_LEAST).sqrt()
    return _Similarity(factors, positive, negative, spread)


def _pairs(
    similarity: _Similarity, tf_index: Int[Tensor, " n_tfs"]
) -> Float[Tensor, "n_genes n_tfs"]:
    return similarity.factors @ similarity.factors[tf_index].T


def _apply(
    form: _Form, similarity: _Similarity, tf_index: Int[Tensor, " n_tfs"]
) -> Float[Tensor, "n_genes n_tfs"]:
    s = _pairs(similarity, tf_index)
    score = s.clamp(min=0) + form.negative * (-s).clamp(min=0)
    mean = form.background * (similarity.positive + form.negative * similarity.negative)
    score -= mean[:, None] + mean[tf_index]
    if form.scaled:
        spread = similarity.spread**form.scaled
        score /= spread[:, None] * spread[tf_index]
    return score


def _larger_of_both(
    similarity: _Similarity,
    cosine: Float[Tensor, "n_genes n_tfs"],
    tf_index: Int[Tensor, " n_tfs"],
    is_pair: Bool[Tensor, "n_genes n_tfs"],
) -> Float[Tensor, "n_genes n_tfs"]:
    """Return the larger of dc(s) and dc(|s|), each at unit variance."""
    signed = similarity.positive - similarity.negative
    size = similarity.positive + similarity.negative
    with_sign = cosine - signed[:, None] - signed[tf_index]
    without = cosine.abs() - size[:, None] - size[tf_index]
    return torch.maximum(
        with_sign / with_sign[is_pair].std().clamp_min(_LEAST),
        without / without[is_pair].std().clamp_min(_LEAST),
    )


def _standard(
    score: Float[Tensor, "n_genes n_tfs"], is_pair: Bool[Tensor, "n_genes n_tfs"]
) -> Float[Tensor, "n_genes n_tfs"]:
    """Return the score at mean 0 and variance 1 over the pairs, 0 elsewhere."""
    spread, mean = torch.std_mean(score[is_pair])
    return ((score - mean) / spread.clamp_min(_LEAST)).masked_fill_(~is_pair, 0.0)
