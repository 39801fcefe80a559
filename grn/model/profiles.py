"""The leading axes of the cells: what genes have in common, and how much of it is noise."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

_RIDGE = 8.0  # in units of `sampling_variance`; flat from 4 to 32 (docs/experiments.md)
_LEAST_VARIANCE = 1e-8  # of an axis, as a share of the first one's


@dataclass(frozen=True)
class GeneProfiles:
    r"""Spectral summary of the cells, one row per gene.

    With Z (n_cells, n_genes) the standardised expression and $Z^T Z / n = U \Lambda U^T$:

    Parameters
    ----------
    loadings
        Columns of U with a variance above rounding, at most min(n_cells, n_genes).
    variances
        Their eigenvalues λ, largest first.
    noise_edge
        Largest eigenvalue that independent genes would give (`noise_edge`).
    """

    loadings: Float[Tensor, "n_genes n_axes"]
    variances: Float[Tensor, " n_axes"]
    noise_edge: float

    @property
    def sampling_variance(self) -> float:
        """ν: by how much chance raises the strongest axis of independent genes above 1."""
        return self.noise_edge - 1

    @property
    def dominance(self) -> float:
        """Variance of the strongest programme in units of what noise alone gives.

        BEELINE's mDC, mESC and hESC have 36 to 53, simulated networks and bulk samples below 9.
        """
        return float(self.variances[0]) / self.noise_edge

    def ridge_weights(self, ridge: float) -> Float[Tensor, " n_axes"]:
        r"""Return $\lambda / (\lambda + \rho)$, what a ridge of ρ = `ridge` × ν leaves of an axis.

        These are also the weights of a Wiener filter for noise of variance ρ.
        """
        return self.variances / (self.variances + ridge * self.sampling_variance)

    def tokens(self, n_axes: int) -> Float[Tensor, "n_genes n_axes"]:
        r"""Return the leading axes of every gene, shrunken and at unit length.

        $u_i \propto U_i \sqrt{\Lambda / (\Lambda + \rho)}$ with ρ = 8 ν: where an axis holds no
        more variance than sampling adds, most of what it says is noise. Products of the rows
        before they are scaled are those of the ridge projection $S (S + \rho)^{-1}$ with S the
        correlation matrix, which off the diagonal is ρ times minus the ridge precision matrix.
        """
        weights = self.ridge_weights(_RIDGE)[:n_axes]
        return torch.nn.functional.normalize(self.loadings[:, :n_axes] * weights.sqrt(), dim=1)


def standardise(x: Float[Tensor, "n_cells n_genes"]) -> Float[Tensor, "n_cells n_genes"]:
    """Return every gene at mean 0 and variance 1; a constant one is 0."""
    spread, mean = torch.std_mean(x, dim=0, correction=0)
    return (x - mean) / spread.where(spread > 0, 1)


def noise_edge(n_cells: int, n_genes: int) -> float:
    """Return the largest eigenvalue of the correlations of so many independent genes.

    (1 + √(n_genes / n_cells))² (Marchenko and Pastur 1967).
    """
    return float((1 + (n_genes / n_cells) ** 0.5) ** 2)


def gene_profiles(z: Float[Tensor, "n_cells n_genes"]) -> GeneProfiles:
    """Decompose standardised expression into its axes.

    The smaller of the two Gram matrices is decomposed, in float64, so the cost is
    min(n_cells, n_genes)³ whatever the other number is.

    Parameters
    ----------
    z
        Expression of a sample of cells, every gene at mean 0 and variance 1 (or constant: 0).
    """
    n_cells, n_genes = z.shape
    z = z.double()
    few_cells = n_cells < n_genes
    gram = (z @ z.T if few_cells else z.T @ z) / n_cells
    variances, vectors = torch.linalg.eigh(gram)
    variances, vectors = variances.flip(0), vectors.flip(1)
    n_kept = int((variances > _LEAST_VARIANCE * variances[0]).sum())
    variances, vectors = variances[:n_kept], vectors[:, :n_kept]
    loadings = z.T @ vectors / (n_cells * variances).sqrt() if few_cells else vectors
    # Rounding leaves a constant gene something above 0, which unit length would make a profile.
    loadings = loadings * (z != 0).any(dim=0)[:, None]
    return GeneProfiles(loadings.float(), variances.float(), noise_edge(n_cells, n_genes))
