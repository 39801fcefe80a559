"""What a gene is to the network: the axes of its own expression profile."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

_RIDGE = 8.0
_DOMINATED = 12.0


@dataclass(frozen=True)
class GeneProfiles:
    r"""Spectral summary of the cells, one row per gene.

    With Z (n_cells, n_genes) the standardised expression and $Z^T Z / n = U \Lambda U^T$:

    Parameters
    ----------
    loadings
        Leading columns of U, at most `n_axes`.
    variances
        Their eigenvalues λ, largest first.
    noise_edge
        Largest eigenvalue that independent genes would give (`noise_edge`).
    statistics
        Shape of each gene's distribution, comparable between data sets: share of cells above its
        mean, skewness and kurtosis, each standardised over the genes.
    """

    loadings: Float[Tensor, "n_genes n_axes"]
    variances: Float[Tensor, " n_axes"]
    noise_edge: float
    statistics: Float[Tensor, "n_genes 3"]

    @property
    def tokens(self) -> Float[Tensor, "n_genes n_axes"]:
        r"""Shrunken loadings, every gene's row at unit length.

        $u_i \propto U_i \sqrt{\Lambda / (\Lambda + \rho)}$: where an axis holds no more variance
        than sampling adds, most of what it says is noise. Products of the rows before they are
        scaled are those of the ridge projection $S (S + \rho)^{-1}$ with S the correlation matrix,
        off the diagonal ρ times minus the ridge precision matrix; unit length turns them into
        partial correlations of what is left of each gene. ρ is eight times `sampling_variance`
        (docs/experiments.md).
        """
        ridge = _RIDGE * self.sampling_variance
        shrunken = self.loadings * (self.variances / (self.variances + ridge)).sqrt()
        return nn.functional.normalize(shrunken, dim=1)

    @property
    def sampling_variance(self) -> float:
        """By how much chance raises the strongest axis of independent genes above 1."""
        return self.noise_edge - 1

    @property
    def dominance(self) -> float:
        """Variance of the strongest programme in units of what noise alone gives."""
        return float(self.variances[0]) / self.noise_edge

    @property
    def dominated(self) -> float:
        r"""Whether one programme dominates the cells, from 0 to 1.

        $1 / (1 + (12 / D)^8)$ with D the `dominance`. In real cells a programme (cell cycle,
        maturation, depth) makes all genes vary together: D is 36 to 53 in BEELINE's mDC, mESC and
        hESC, and above 14 for 120 random genes of them. There, what a pair shares with all other
        genes says nothing of regulation, and negative scores mostly contrast programmes. Simulated
        networks and bulk samples have D < 9.
        """
        return 1 / (1 + (_DOMINATED / max(self.dominance, 1e-6)) ** 8)


def noise_edge(n_cells: int, n_genes: int) -> float:
    """Return the largest eigenvalue of the correlations of so many independent genes.

    (1 + √(n_genes / n_cells))² (Marchenko and Pastur 1967).
    """
    return float((1 + (n_genes / n_cells) ** 0.5) ** 2)


def gene_profiles(cells: Float[Tensor, "n_cells n_genes"], n_axes: int) -> GeneProfiles:
    """Decompose standardised expression into its leading axes.

    The smaller of the two Gram matrices is decomposed, in fp64, so the cost is
    min(n_cells, n_genes)³ whatever the other number is.

    Parameters
    ----------
    cells
        Standardised rows of a sample of cells.
    n_axes
        Axes to keep; fewer where the cells do not span as many.
    """
    n_cells, n_genes = cells.shape
    z = cells.double()
    few_cells = n_cells < n_genes
    gram = (z @ z.T if few_cells else z.T @ z) / n_cells
    variances, vectors = torch.linalg.eigh(gram)
    variances, vectors = variances.flip(0), vectors.flip(1)
    n_kept = min(n_axes, int((variances > 1e-8 * variances[0]).sum()))
    variances, vectors = variances[:n_kept], vectors[:, :n_kept]
    loadings = z.T @ vectors / (n_cells * variances).sqrt() if few_cells else vectors
    # eigh leaves the sign of a vector open; fixed, the same cells give the same bytes everywhere.
    largest = loadings.abs().argmax(dim=0)
    loadings = loadings * loadings[largest, torch.arange(n_kept)].sign()
    return GeneProfiles(
        loadings.float(),
        variances.float(),
        noise_edge=noise_edge(n_cells, n_genes),
        statistics=_statistics(cells),
    )


def _statistics(z: Float[Tensor, "n_cells n_genes"]) -> Float[Tensor, "n_genes 3"]:
    columns = torch.stack([(z > 0).float().mean(0), (z**3).mean(0), (z**4).mean(0)], dim=1)
    spread = columns.std(dim=0, correction=0).clamp_min(1e-6)
    return ((columns - columns.mean(dim=0)) / spread).clamp(-3, 3)
