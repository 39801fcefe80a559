"""Statistics of the joint distribution of two genes, comparable between data sets."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from scipy.stats import rankdata
from torch import Tensor

from grn.model.profiles import GeneProfiles, gene_profiles, standardise

# In units of ν, the sampling variance (`GeneProfiles`): steps of about 8 around the 8 ν that were
# chosen for a single score, for the transformer to weigh. docs/experiments.md measures groups of
# statistics, not their ridges.
_RIDGES = (0.1, 1.0, 8.0, 64.0)
# With a heavy ridge the inverse approaches the identity less the covariance: cosines have that.
_PARTIAL_RIDGES = (0.1, 1.0)
_BACKGROUND_RIDGE = 8.0
_N_QUARTERS = 4  # enough for a bend or a jump, and 25 cells each where there are 100; not measured
# Values are clipped here, in standard deviations: else outliers dominate the higher moments.
# The bound was not measured.
_FARTHEST = 4.0
_LEAST = 1e-12  # keeps divisions by a variance of 0 finite
# Genes over which a background is averaged: enough for its mean to 1 / 32 of a standard deviation.
_MOST_BACKGROUND_GENES = 1024
# Standard deviations from a gene's background. Strengths are absolute values, whose long tail is
# to the right: it has more room. Not measured.
_LOWEST_RANK, _HIGHEST_RANK = -3.0, 6.0

_ONE_WAY = (
    *(f"cosine_{ridge:g}" for ridge in _RIDGES),
    *(f"partial_{ridge:g}" for ridge in _PARTIAL_RIDGES),
    "cosine_without_first_axis",
    "pearson",
    "spearman",
    "third_moment_of_target",
    "third_moment_of_regulator",
)
_BOTH_WAYS = (
    "correlation_ratio",
    "mean_in_lowest_quarter",
    "sd_in_lowest_quarter",
    "mean_in_highest_quarter",
    "sd_in_highest_quarter",
    "above_mean_in_lowest_quarter",
    "above_mean_in_highest_quarter",
)
_BESIDE_BACKGROUND = ("cosine", "partial")

OF_PAIR = (
    *_ONE_WAY,
    *(f"{name}_{way}" for name in _BOTH_WAYS for way in ("of_target", "of_regulator")),
    *(f"{name}_beside_{end}" for name in _BESIDE_BACKGROUND for end in ("target", "regulator")),
)
"""Names of the statistics of a pair, in their order."""

OF_GENE = ("above_mean", "skewness", "log_kurtosis", "log_spread", "zeros", "is_regulator")
"""Names of the statistics of a gene."""

OF_CELLS = ("log_n_cells", "log_sampling_variance", "log_n_genes", "log_dominance", "zeros")
"""Names of the statistics of the whole data set."""


class PairStatistics:
    r"""Statistics of every pair of a regulator j and a target i, for a few targets at a time.

    The statistics of a pair are cosines of the rows of $S (S + \rho)^{-1}$ for four ridges ρ, from
    nearly partial to nearly marginal correlation; ridge partial correlations; the cosine without
    the first axis; Pearson's and Spearman's correlation; $E[z_j z_i^2]$ and $E[z_j^2 z_i]$; the
    correlation ratio of i given quarters of j, and mean, standard deviation and share above the
    mean of i in the lowest and in the highest quarter of j, each also with i and j exchanged; and
    the cosine and the partial correlation compared with those of the same target, and of the same
    regulator, with a background of genes (CLR, Faith et al. 2007). Many of them differ between the
    directions: if an activator is necessary, no cell without it expresses much of the target.

    No statistic depends on the names or the order of cells and genes, nor on the choice of the
    axes. No array has n_genes² elements; the background of a gene consists of at most 1024 genes,
    evenly spaced by their mean.

    Parameters
    ----------
    roots
        √ of the expression, not standardised; a gene may be constant.
    tf_index
        Column of each regulator.
    zeros
        Share of the cells in which each gene is not seen; None: where its root is 0. Roots that
        were centred within batches no longer tell.
    """

    def __init__(
        self,
        roots: Float[Tensor, "n_cells n_genes"],
        tf_index: Int[Tensor, " n_tfs"],
        zeros: Float[Tensor, " n_genes"] | None = None,
    ) -> None:
        x = roots.float()
        self._n_cells, self.n_genes = x.shape
        self._tf_index = tf_index
        spread, mean = torch.std_mean(x.double(), dim=0, correction=0)
        z = standardise(x.double())
        self.profiles: GeneProfiles = gene_profiles(z)
        self._z = z.float()
        self._x = x
        self._zeros = (x <= 0).float().mean(dim=0) if zeros is None else zeros
        self._bounded = self._z.clamp(-_FARTHEST, _FARTHEST)
        # As many numbers as the cells have: no more of them are kept than are needed later.
        self._half: dict[float, Tensor] = {}
        self._unit: dict[float, Tensor] = {}
        for ridge in {*_RIDGES, *_PARTIAL_RIDGES}:
            half = self.profiles.loadings * self.profiles.ridge_weights(ridge).sqrt()
            self._unit[ridge] = torch.nn.functional.normalize(half, dim=1)
            if ridge in _PARTIAL_RIDGES:
                self._half[ridge] = half
            if ridge == _BACKGROUND_RIDGE:
                self._without_first = torch.nn.functional.normalize(half[:, 1:], dim=1)
        self._scale = {
            ridge: (1 - self._half[ridge].square().sum(1)).clamp_min(_LEAST).rsqrt()
            for ridge in _PARTIAL_RIDGES
        }
        self._regulators = self._quarters_of(tf_index)
        self._background = self._find_background(mean)
        self.of_genes = self._describe_genes(spread)
        self.of_cells = torch.tensor(
            [
                math.log(self._n_cells),
                math.log(self.profiles.sampling_variance),
                math.log(self.n_genes),
                math.log(max(self.profiles.dominance, _LEAST)),
                float(self.of_genes[:, OF_GENE.index("zeros")].mean()),
            ]
        )

    def block(
        self, targets: Int[Tensor, " n_targets"]
    ) -> Float[Tensor, "of_pair n_targets n_tfs"]:
        """Return the statistics of the pairs of some targets with all regulators.

        Returns
        -------
        float32, in the order of `OF_PAIR`; 0 on pairs of a gene with itself.
        """
        tfs, n = self._tf_index, self._n_cells
        cosine = {r: u[targets] @ u[tfs].T for r, u in self._unit.items()}
        partial = {r: self._partial(r, targets, tfs) for r in _PARTIAL_RIDGES}
        own = self._quarters_of(targets)
        regulators = self._regulators
        zi, zj = self._bounded[:, targets], self._bounded[:, tfs]
        one_way = [
            *(cosine[ridge] for ridge in _RIDGES),
            *(partial[ridge] for ridge in _PARTIAL_RIDGES),
            self._without_first[targets] @ self._without_first[tfs].T,
            self._z[:, targets].T @ self._z[:, tfs] / n,
            own.ranks.T @ regulators.ranks / n,
            (zi.square() - 1).T @ zj / n,
            zi.T @ (zj.square() - 1) / n,
        ]
        of_target = self._over_quarters(regulators, targets)
        of_regulator = self._over_quarters(own, tfs)
        both = [
            matrix
            for one, other in zip(of_target, of_regulator, strict=True)
            for matrix in (one.T, other)
        ]
        strengths = (cosine[_BACKGROUND_RIDGE].abs(), partial[_PARTIAL_RIDGES[0]].abs())
        for strength, (mean, spread) in zip(strengths, self._background, strict=True):
            both += [
                (strength - mean[genes]) / spread[genes]
                for genes in (targets[:, None], tfs[None, :])
            ]
        both[-4:] = [beside.clamp(_LOWEST_RANK, _HIGHEST_RANK) for beside in both[-4:]]
        found = torch.stack([*one_way, *both])
        return found.masked_fill_(targets[:, None] == tfs, 0.0)

    def _partial(
        self, ridge: float, some: Int[Tensor, " n"], others: Int[Tensor, " m"]
    ) -> Float[Tensor, "n m"]:
        """Return ridge partial correlations, −P_ij / √(P_ii P_jj) with P = (S + ρ)⁻¹.

        By the axes, P = (1 − U Λ (Λ + ρ)⁻¹ Uᵀ) / ρ.
        """
        half, scale = self._half[ridge], self._scale[ridge]
        return (half[some] @ half[others].T) * scale[some, None] * scale[others]

    def _quarters_of(self, genes: Int[Tensor, " n"]) -> "_Quarters":
        ranks = rankdata(self._x[:, genes].numpy(), axis=0)
        # Quarters 0 to 3 by rank; if a gene has many equal values, some quarters are empty.
        quarter = torch.from_numpy(((ranks - 1) / self._n_cells * _N_QUARTERS).astype("int8"))
        centred = torch.from_numpy(ranks - ranks.mean(axis=0))
        spread = centred.square().mean(dim=0).sqrt().clamp_min(_LEAST)
        inside = [(quarter == number).float() for number in range(_N_QUARTERS)]
        return _Quarters((centred / spread).float(), inside)

    def _over_quarters(
        self, by: "_Quarters", genes: Int[Tensor, " n"]
    ) -> list[Float[Tensor, "m n"]]:
        """Describe `genes` (columns) over the quarters of other genes (rows).

        The order is that of `_BOTH_WAYS`: the correlation ratio; mean and standard deviation in
        the lowest and in the highest quarter; and the shares above the mean in both.
        """
        bounded = self._bounded[:, genes]
        square = bounded.square()
        above = (self._z[:, genes] > 0).float()
        explained = torch.zeros(())
        moments: list[Tensor] = []
        shares: list[Tensor] = []
        for number, inside in enumerate(by.inside):
            size = inside.sum(dim=0)[:, None]
            mean = inside.T @ bounded / size.clamp_min(1)
            explained = explained + size / self._n_cells * mean.square()
            if number in (0, _N_QUARTERS - 1):
                second = inside.T @ square / size.clamp_min(1)
                moments += [mean, (second - mean.square()).clamp_min(0).sqrt()]
                shares.append(inside.T @ above / size.clamp_min(1) - above.mean(dim=0))
        return [explained.sqrt(), *moments, *shares]

    def _find_background(
        self, mean: Float[Tensor, " n_genes"]
    ) -> list[tuple[Float[Tensor, " n_genes"], Float[Tensor, " n_genes"]]]:
        """Return mean and standard deviation of every gene's strengths over a background.

        The first pair is that of |cosine|, the second that of |partial correlation|.
        """
        background = evenly_spaced(mean)
        sums = torch.zeros(2, 2, self.n_genes)
        for start in range(0, self.n_genes, _MOST_BACKGROUND_GENES):
            genes = torch.arange(start, min(start + _MOST_BACKGROUND_GENES, self.n_genes))
            unit = self._unit[_BACKGROUND_RIDGE]
            strengths = (
                unit[genes] @ unit[background].T,
                self._partial(_PARTIAL_RIDGES[0], genes, background),
            )
            itself = genes[:, None] == background
            for number, strength in enumerate(strengths):
                others = strength.abs().masked_fill(itself, 0.0)
                sums[number, 0, genes] = others.sum(dim=1)
                sums[number, 1, genes] = others.square().sum(dim=1)
        n_others = torch.full((self.n_genes,), len(background))
        n_others[background] -= 1
        mean_strength, mean_square = (sums / n_others.clamp_min(1)).unbind(dim=1)
        spread = (mean_square - mean_strength.square()).clamp_min(_LEAST).sqrt()
        return list(zip(mean_strength, spread, strict=True))

    def _describe_genes(self, spread: Tensor) -> Float[Tensor, "n_genes of_gene"]:
        is_regulator = torch.zeros(self.n_genes)
        is_regulator[self._tf_index] = 1
        columns = [
            (self._z > 0).float().mean(dim=0) - 0.5,
            self._bounded.pow(3).mean(dim=0).clamp(-_FARTHEST, _FARTHEST),
            self._bounded.pow(4).mean(dim=0).clamp_min(1).log(),
            spread.float().log1p(),
            self._zeros,
            is_regulator,
        ]
        return torch.stack(columns, dim=1)


def evenly_spaced(mean: Float[Tensor, " n_genes"]) -> Int[Tensor, " n"]:
    """Return at most 1024 genes, evenly spaced by their mean expression.

    The choice does not depend on the order of the genes; if there are fewer, all are returned.
    """
    n = min(len(mean), _MOST_BACKGROUND_GENES)
    evenly = torch.linspace(0, len(mean) - 1, n, dtype=torch.float64).round().long()
    return mean.argsort(stable=True)[evenly]


class _Quarters(NamedTuple):
    """Ranks of some genes over the cells, and the cells in each quarter of every gene."""

    ranks: Float[Tensor, "n_cells n"]
    """Ranks at mean 0 and standard deviation 1."""
    inside: list[Float[Tensor, "n_cells n"]]
    """1 for cells in the quarter, else 0; from the lowest to the highest quarter."""
