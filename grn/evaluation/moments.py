"""Sums of products over some cells: all that regressions on few regulators need of them."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import sparse

from grn.expression import Expression, row_blocks

_VALUES_PER_BLOCK = 2**21
# Of a gene whose variance is a smaller share of its mean square, rounding is all that is left.
_ROUNDING = 1e-10


@dataclass(frozen=True)
class Moments:
    """Sums over some cells, of the values less a fixed number per gene.

    Parameters
    ----------
    n_cells
        How many there are.
    sums, squares
        Σ x and Σ x² of each gene.
    products
        Σ x_tf x_gene, rows regulators.
    tf_index
        Position of the regulators among the genes.
    """

    n_cells: int
    sums: Float[np.ndarray, " n_genes"]
    squares: Float[np.ndarray, " n_genes"]
    products: Float[np.ndarray, "n_tfs n_genes"]
    tf_index: Int[np.ndarray, " n_tfs"]

    def without(self, others: "Moments") -> "Moments":
        """Return the moments of the cells that are not among the others."""
        return Moments(
            self.n_cells - others.n_cells,
            self.sums - others.sums,
            self.squares - others.squares,
            self.products - others.products,
            self.tf_index,
        )

    def about(self, centre: Float[np.ndarray, " n_genes"]) -> "Scatter":
        """Return the mean products of the values less `centre`."""
        of_tfs, n_cells = centre[self.tf_index], self.n_cells
        products = self.products - np.outer(self.sums[self.tf_index], centre)
        products += np.outer(of_tfs, n_cells * centre - self.sums)
        squares = self.squares - 2 * centre * self.sums + n_cells * centre**2
        return Scatter(n_cells, squares / n_cells, products / n_cells, self.tf_index)

    def covariance(self) -> "Scatter":
        """Return variances and covariances; those of a gene that does not vary are exactly 0."""
        found = self.about(self.sums / self.n_cells)
        flat = found.squares <= _ROUNDING * self.squares / self.n_cells
        found.squares[flat] = 0
        found.products[:, flat] = 0
        found.products[flat[self.tf_index]] = 0
        return found


@dataclass(frozen=True)
class Scatter:
    """Mean squares and products of some cells about a centre, as `Moments` lays them out."""

    n_cells: int
    squares: Float[np.ndarray, " n_genes"]
    products: Float[np.ndarray, "n_tfs n_genes"]
    tf_index: Int[np.ndarray, " n_tfs"]

    def correlation(self) -> Float[np.ndarray, "n_tfs n_genes"]:
        """Return correlations, where the centre is the mean; 0 for a gene that does not vary."""
        scale = inverse_root(self.squares)
        result: np.ndarray = self.products * scale[self.tf_index, None] * scale
        return result


def inverse_root(squares: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Return 1 / √x, and 0 for 0."""
    result: np.ndarray = np.zeros_like(squares)
    np.divide(1, np.sqrt(squares), out=result, where=squares > 0)
    return result


def moments(
    expression: Expression,
    genes: Int[np.ndarray, " n_genes"],
    tf_index: Int[np.ndarray, " n_tfs"],
    offset: Float[np.ndarray, " n_genes"],
    cells: Bool[np.ndarray, " n_cells"] | None = None,
) -> Moments:
    """Sum over cells, some at a time; the matrix may be sparse or on disk.

    Parameters
    ----------
    expression
        Cells × all genes.
    genes
        Columns to take.
    tf_index
        Position of the regulators among those.
    offset
        Taken off every value: near the mean, so that no digits are lost.
    cells
        Those that count; None: all.
    """
    n_genes = len(genes)
    sums, squares = np.zeros(n_genes), np.zeros(n_genes)
    products, n_cells = np.zeros((len(tf_index), n_genes)), 0
    n_rows = max(1, _VALUES_PER_BLOCK // max(1, expression.shape[1]))
    for start, block in row_blocks(expression, n_rows):
        rows = block if cells is None else block[cells[start : start + block.shape[0]]]
        dense = rows.toarray() if sparse.issparse(rows) else np.asarray(rows)
        values = dense[:, genes].astype(float) - offset
        sums += values.sum(axis=0)
        squares += (values**2).sum(axis=0)
        products += values[:, tf_index].T @ values
        n_cells += len(values)
    return Moments(n_cells, sums, squares, products, tf_index)
