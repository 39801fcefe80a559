"""The control to beat: double-centred ridge partial correlation, at any size."""

from collections.abc import Callable
from functools import partial

import numpy as np
from jaxtyping import Float, Int
from scipy import linalg

from grn.evaluation.scores import Scores
from grn.expression import Expression, standardised_blocks

# The best of seven from 1 to 1000 on BEELINE's real sets, judged by these sets themselves
# (docs/experiments.md): the control is as strong there as it can be.
RIDGE = 60.0
_GENES_PER_BLOCK = 512  # of memory alone

Rows = Callable[[np.ndarray], np.ndarray]


def closed_form(expression: Expression, tf_index: Int[np.ndarray, " n_tfs"]) -> Scores:
    """Rank pairs by the double-centred partial correlation dc(r), signed by r.

    With Z the column z-scores of √expression: P = (ZᵀZ / n_cells + 60 I)⁻¹,
    r_ij = −P_ij / √(P_ii P_jj), r_ii = 0, and dc(A) = A − row means − column means (all genes).

    Parameters
    ----------
    expression
        (n_cells, n_genes), log-normalised, ≥ 0, dense or sparse.
    tf_index
        Columns of the regulators.
    """
    rows = _partial_correlation(expression)
    mean, _ = _background(rows, expression.shape[1], np.asarray)
    r = rows(tf_index)
    return Scores(r, r - mean[tf_index, None] - mean)


def closed_form_max(expression: Expression, tf_index: Int[np.ndarray, " n_tfs"]) -> Scores:
    """Rank pairs by the larger of dc(r) and dc(|r|), each at unit variance, signed by r.

    dc(r) puts activation first, dc(|r|) is for networks where repression is as common; see
    `closed_form` for r and the parameters.
    """
    rows = _partial_correlation(expression)
    r = rows(tf_index)
    candidates = []
    for transform in (np.asarray, np.abs):
        mean, sd = _background(rows, expression.shape[1], transform)
        candidates.append((transform(r) - mean[tf_index, None] - mean) / sd)
    return Scores(r, np.maximum(*candidates))


def _partial_correlation(expression: Expression) -> Rows:
    """Return the function that gives the rows of r for an array of genes."""
    n_cells, n_genes = expression.shape
    blocks = standardised_blocks(expression, partial(np.sqrt, dtype=float))
    if n_genes <= n_cells:
        covariance = np.asarray(sum(z.T @ z for z in blocks)) / n_cells
        precision = np.linalg.inv(covariance + RIDGE * np.eye(n_genes))
        scale = 1 / np.sqrt(np.diag(precision))
        r = -precision * scale[:, None] * scale
        np.fill_diagonal(r, 0.0)
        return lambda genes: r[genes]
    # Woodbury: P = I/λ − FᵀF with F = L⁻¹Z/√λ and LLᵀ = ZZᵀ + λ n_cells I, so nothing is n_genes².
    z = np.concatenate(list(blocks))
    lower = np.linalg.cholesky(z @ z.T + RIDGE * n_cells * np.eye(n_cells))
    factor = linalg.solve_triangular(lower, z, lower=True) / np.sqrt(RIDGE)
    factor /= np.sqrt(1 / RIDGE - (factor**2).sum(axis=0))

    def rows(genes: np.ndarray) -> np.ndarray:
        block: np.ndarray = factor[:, genes].T @ factor
        block[np.arange(len(genes)), genes] = 0.0
        return block

    return rows


def _background(
    rows: Rows, n_genes: int, transform: Callable[[np.ndarray], np.ndarray]
) -> tuple[Float[np.ndarray, " n_genes"], float]:
    """Row means a of the symmetric A = transform(r), and the standard deviation of dc(A).

    Σ dc(A)² = Σ A² − 2 n Σ a² + 2 (Σ a)², and the mean of dc(A) is minus the mean of a.
    """
    mean, squares = np.empty(n_genes), 0.0
    for start in range(0, n_genes, _GENES_PER_BLOCK):
        genes = np.arange(start, min(start + _GENES_PER_BLOCK, n_genes))
        block = transform(rows(genes))
        mean[genes] = block.mean(axis=1)
        squares += float(np.vdot(block, block))
    total = squares - 2 * n_genes * (mean**2).sum() + 2 * mean.sum() ** 2
    return mean, float(np.sqrt(total / n_genes**2 - mean.mean() ** 2))
