"""Principal axes of the cells, and how much of their variance sampling noise explains."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.threads import one_thread

_RIDGE = 8.0  # in units of `sampling_variance`; flat from 4 to 32 (docs/experiments.md)
# Smallest variance of an axis, as a share of the first axis's: far above the square of
# float32's rounding, 4e-15, so that only axes without a signal, such as of equal genes, are lost.
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True)
class GeneProfiles:
    r"""Spectral summary of the cells, one row per gene.

    With Z (n_cells, n_genes) the standardised expression and $Z^T Z / n = U \Lambda U^T$:

    Parameters
    ----------
    loadings
        Columns of U whose variance exceeds rounding errors, at most min(n_cells, n_genes).
    variances
        Eigenvalues λ of these columns, largest first.
    noise_edge
        Largest eigenvalue that independent genes would have (`noise_edge`).
    """

    loadings: Float[Tensor, "n_genes n_axes"]
    variances: Float[Tensor, " n_axes"]
    noise_edge: float

    @property
    def sampling_variance(self) -> float:
        """ν: how far sampling alone raises the largest eigenvalue of independent genes above 1."""
        return self.noise_edge - 1

    @property
    def dominance(self) -> float:
        """Largest eigenvalue in units of the noise edge: how strong the first programme is.

        BEELINE's mDC, mESC and hESC have 36 to 53, simulated networks and bulk samples below 9.
        """
        return float(self.variances[0]) / self.noise_edge

    def ridge_weights(self, ridge: float) -> Float[Tensor, " n_axes"]:
        r"""Return $\lambda / (\lambda + \rho)$: the share of an axis kept by ρ = `ridge` × ν.

        These are also the weights of a Wiener filter for noise of variance ρ.
        """
        return self.variances / (self.variances + ridge * self.sampling_variance)

    def tokens(self, n_axes: int) -> Float[Tensor, "n_genes n_axes"]:
        r"""Return the leading axes of every gene, shrunken and at unit length.

        $u_i \propto U_i \sqrt{\Lambda / (\Lambda + \rho)}$ with ρ = 8 ν. The factor shrinks axes
        whose variance sampling alone could explain. Before scaling to unit length, products of
        rows are elements of the ridge projection $S (S + \rho)^{-1}$ of the correlation matrix S,
        whose off-diagonal elements are −ρ times those of the ridge precision matrix.
        """
        weights = self.ridge_weights(_RIDGE)[:n_axes]
        return torch.nn.functional.normalize(self.loadings[:, :n_axes] * weights.sqrt(), dim=1)


def standardise(x: Float[Tensor, "n_cells n_genes"]) -> Float[Tensor, "n_cells n_genes"]:
    """Scale every gene to mean 0 and variance 1; a constant gene becomes 0."""
    spread, mean = torch.std_mean(x, dim=0, correction=0)
    return (x - mean) / spread.where(spread > 0, 1)


def noise_edge(n_cells: int, n_genes: int) -> float:
    """Return the largest eigenvalue of the correlation matrix of independent genes.

    It is about (1 + √(n_genes / n_cells))² (Marchenko and Pastur 1967).
    """
    return float((1 + (n_genes / n_cells) ** 0.5) ** 2)


def gene_profiles(z: Float[Tensor, "n_cells n_genes"]) -> GeneProfiles:
    """Decompose standardised expression into principal axes.

    The smaller of the two Gram matrices is decomposed, in float64, so the decomposition costs
    min(n_cells, n_genes)³ operations.

    Parameters
    ----------
    z
        Expression of a sample of cells; every gene has mean 0 and variance 1, or is constant 0.
    """
    n_cells, n_genes = z.shape
    z = z.double()
    few_cells = n_cells < n_genes
    gram = (z @ z.T if few_cells else z.T @ z) / n_cells
    with one_thread():
        variances, vectors = torch.linalg.eigh(gram)
    variances, vectors = variances.flip(0), vectors.flip(1)
    n_kept = int((variances > _LEAST_VARIANCE * variances[0]).sum())
    variances, vectors = variances[:n_kept], vectors[:, :n_kept]
    loadings = z.T @ vectors / (n_cells * variances).sqrt() if few_cells else vectors
    # Rounding errors of a constant gene are not 0, and unit length would turn them into a profile.
    loadings = loadings * (z != 0).any(dim=0)[:, None]
    return GeneProfiles(loadings.float(), variances.float(), noise_edge(n_cells, n_genes))
