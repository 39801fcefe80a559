"""Statistics of pairs of genes from cells in which one of the two was perturbed."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from grn.interventions import Interventions
from grn.model.group_moments import GroupMoments
from grn.model.threads import one_thread

# Cells whose mean would be as uncertain as the median over all groups: few controls count little
# beside it, many decide alone. Not measured.
_MEDIAN_COUNTS = 10.0
# Degrees of freedom with which the spread between groups counts beside that within groups: where
# every perturbation has one sample, as in DREAM4, it is all that is known. Not measured.
_BETWEEN_COUNTS = 10.0
_ROBUST = 1.4826  # makes a standard deviation of the median absolute deviation of a normal
_RIDGE = 1e-3  # in cells: decides only between genes that are perturbed together alone
# An effect of so many standard errors is believed by one half; with many genes, chance reaches 2.
_BELIEVED = 3.0
_LEAST_SPREAD = 0.1  # of effects: keeps small ones small where all are
_LEAST_ROOT = 1e-6  # of the root of expression; sums of squares round to less
_LEAST = 1e-12

_ONE_WAY = (
    "effect",
    "size",
    "effect_beside_target",
    "effect_beside_regulator",
    "log_precision",
    "was_perturbed",
    "paths",
    "signed_paths",
)
_COMMON = ("common_causes", "signed_common_causes")

OF_PAIR = (
    *(f"{name}_of_{gene}" for gene in ("regulator", "target") for name in _ONE_WAY),
    *_COMMON,
)
"""Names of the statistics of a pair, in their order: perturbed is the regulator, or the target."""
OF_GENE = ("was_perturbed", "log_n_perturbed", "own_change", "log_n_responding", "log_n_causes")
"""Names of the statistics of a gene."""
OF_CELLS = ("share_perturbed", "log_n_per_perturbation", "log_n_controls")
"""Names of the statistics of the data set."""


class InterventionalStatistics:
    r"""What perturbing one gene of a pair does to the other, for a few targets at a time.

    The effect b of every perturbed gene on every gene is fitted by least squares to the means of
    the groups, $m_g - m_0 = D_g b$ for doses D, so that groups in which several genes are
    perturbed count as well; for single genes b is the mean difference to the reference. The
    reference $m_0$ is the mean of the controls, and where these are few, the median over all
    groups. With the standard error se of b, which uses the variance within groups, and that
    between groups where they have no replicates, the statistics of a pair are

    - the effect, sign(b) log(1 + |b| / se), its sign being that of an edge: it is positive if
      knocking out an activator lowers its target; the size log(1 + |b| / sd); and the effect
      compared with those of other perturbations on the same target, and of the same perturbation
      on other genes;
    - paths: with the probability p that a perturbation has an effect at all, the number of third
      genes k that the regulator affects and that affect the target, and the sum of their signs;
    - all of these with regulator and target exchanged, which tell the direction;
    - common causes: the number of genes that affect both, and the sum of their signs.

    A statistic is 0 where the gene was not perturbed. None depends on the order or on names.

    Parameters
    ----------
    roots
        √ of the expression.
    interventions
        Perturbation of every cell; None: of no cell, so that every statistic is 0.
    tf_index
        Column of each regulator.
    moments
        Of the groups, where they are known from more cells than `roots` holds; None: of `roots`.
    """

    def __init__(
        self,
        roots: Float[Tensor, "n_cells n_genes"],
        interventions: Interventions | None,
        tf_index: Int[Tensor, " n_tfs"],
        moments: GroupMoments | None = None,
    ) -> None:
        self._tf_index, self.n_genes = tf_index, roots.shape[1]
        genes = [] if interventions is None else interventions.perturbed_genes.tolist()
        self._genes = torch.tensor(genes, dtype=torch.long)
        self._place = torch.full((self.n_genes,), -1)
        self._place[self._genes] = torch.arange(len(genes))
        if interventions is None or not genes:
            self.of_genes = torch.zeros(self.n_genes, len(OF_GENE))
            self.of_cells = torch.zeros(len(OF_CELLS))
            return
        if moments is None:
            blocks = [(roots, torch.from_numpy(interventions.group))]
            moments = GroupMoments.of(blocks, len(interventions.dose))
        self._fit(moments, interventions)

    def _fit(self, moments: GroupMoments, given: Interventions) -> None:
        """Estimate all effects with their standard errors, and describe genes and cells."""
        size, mean, within = moments.size[:-1], moments.mean, moments.within
        # Only groups that are there; the controls, group 0, may not be.
        perturbed = (size[1:] > 0).nonzero().squeeze(1) + 1
        means, sizes = mean[perturbed], size[perturbed]
        # A gene's own perturbation says nothing about how it varies otherwise.
        own_group = torch.from_numpy(given.dose != 0)
        untouched = mean.masked_fill(own_group, torch.nan)[size > 0]
        centre = untouched.nanmedian(dim=0).values.nan_to_num()
        n_controls = float(size[0])
        reference = (n_controls * mean[0] + _MEDIAN_COUNTS * centre) / (
            n_controls + _MEDIAN_COUNTS
        )
        n_reference = n_controls + min(_MEDIAN_COUNTS, float(sizes.sum()))
        off_centre = (untouched - centre).abs().nanmedian(dim=0).values.nan_to_num()
        between = (_ROBUST * off_centre).square() * sizes.mean()
        degrees = float((size[size > 0] - 1).sum())
        variance = (within + _BETWEEN_COUNTS * between) / (degrees + _BETWEEN_COUNTS)
        dose = torch.from_numpy(given.dose)[perturbed][:, self._genes].double()
        normal = dose.T @ (sizes[:, None] * dose)
        normal += _RIDGE * torch.eye(len(self._genes), dtype=torch.float64)
        with one_thread():
            inverse = torch.linalg.inv(normal)
        to_effects = inverse @ (dose.T * sizes)
        effects = to_effects @ (means - reference)
        of_reference = to_effects.sum(dim=1).square() / n_reference
        error = ((inverse.diagonal() + of_reference)[:, None] * variance).sqrt()
        spread = moments.spread(own_group)
        varies = spread > _LEAST_ROOT
        error = torch.maximum(error, 1e-3 * spread).clamp_min(_LEAST)
        t = torch.where(varies, effects / error, 0.0).float()
        self._effect = _signed_log(t)
        relative = torch.where(varies, effects / spread.clamp_min(_LEAST), 0.0).float()
        self._size = _signed_log(relative)
        self._precision = torch.where(
            varies, (spread.clamp_min(_LEAST) / error).log(), 0.0
        ).float()
        # The effect of a gene on itself says nothing about edges.
        itself = torch.arange(len(self._genes)), self._genes
        own = self._effect[itself].clone()
        with one_thread():
            believed = (self._effect.abs() - math.log1p(_BELIEVED)).mul(4).sigmoid()
        for matrix in (self._effect, self._size, self._precision, believed):
            matrix[itself] = 0
        other = torch.ones_like(believed)
        other[itself] = 0
        # Compared with effects on the same gene, and with those of the same perturbation.
        self._beside_gene, self._beside_perturbed = (
            _beside(self._effect.abs(), other, dim) for dim in (0, 1)
        )
        self._believed, self._sign = believed, believed * self._effect.sign()
        self._describe(own, size, dose, sizes)

    def _describe(self, own: Tensor, size: Tensor, dose: Tensor, sizes: Tensor) -> None:
        is_perturbed = torch.zeros(self.n_genes)
        is_perturbed[self._genes] = 1
        n_perturbed, own_change, responding = (torch.zeros(self.n_genes) for _ in range(3))
        n_perturbed[self._genes] = ((dose != 0).double().T @ sizes).log1p().float()
        own_change[self._genes] = own
        responding[self._genes] = self._believed.sum(dim=1).log1p()
        causes = self._believed.sum(dim=0).log1p()
        self.of_genes = torch.stack(
            [is_perturbed, n_perturbed, own_change, responding, causes], dim=1
        )
        self.of_cells = torch.tensor(
            [
                float(is_perturbed[self._tf_index].mean()),
                math.log1p(float(sizes.mean())),
                math.log1p(float(size[0])),
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
        regulators = self._tf_index
        found = torch.zeros(len(OF_PAIR), len(targets), len(regulators))
        if not len(self._genes):
            return found
        n = len(_ONE_WAY)
        self._describe_effects(found[:n].transpose(1, 2), regulators, targets)
        self._describe_effects(found[n : 2 * n], targets, regulators)
        p, s = self._believed, self._sign
        found[2 * n] = (p[:, targets].T @ p[:, regulators]).log1p()
        found[2 * n + 1] = _signed_log(s[:, targets].T @ s[:, regulators])
        return found.masked_fill_(targets[:, None] == regulators, 0.0)

    def _describe_effects(
        self,
        found: Float[Tensor, "one_way n m"],
        causes: Int[Tensor, " n"],
        genes: Int[Tensor, " m"],
    ) -> None:
        """Write the statistics of the effects of some genes, where perturbed, on other genes."""
        place = self._place[causes]
        rows = (place >= 0).nonzero().squeeze(1)
        place = place[rows][:, None]
        statistics = (
            self._effect,
            self._size,
            self._beside_gene,
            self._beside_perturbed,
            self._precision,
        )
        for number, matrix in enumerate(statistics):
            found[number, rows] = matrix[place, genes]
        found[5, rows] = 1
        place = place.squeeze(1)
        # Steps of a path: to the perturbed genes, then from these on.
        p, s = self._believed, self._sign
        found[6, rows] = (p[place][:, self._genes] @ p[:, genes]).log1p()
        found[7, rows] = _signed_log(s[place][:, self._genes] @ s[:, genes])


def _beside(
    strength: Float[Tensor, "n m"], other: Float[Tensor, "n m"], dim: int
) -> Float[Tensor, "n m"]:
    """Standardise along one axis by mean and standard deviation of the pairs of two genes."""
    n = other.sum(dim=dim, keepdim=True).clamp_min(1)
    mean = (strength * other).sum(dim=dim, keepdim=True) / n
    spread = (((strength - mean) * other).square().sum(dim=dim, keepdim=True) / n).sqrt()
    return (strength - mean) * other / spread.clamp_min(_LEAST_SPREAD)


def _signed_log(x: Tensor) -> Tensor:
    return x.sign() * x.abs().log1p()
