"""Reads expression in blocks of cells: moments, z-scores, fingerprint; never the whole dense."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

from grn.progress import track

if TYPE_CHECKING:
    from anndata import AnnData

# A matrix (n_cells, n_genes): a numpy array, any scipy sparse matrix, or a matrix on disk whose
# rows are read by slices (h5py.Dataset, zarr.Array, anndata.abc.CSRDataset).
Expression: TypeAlias = Any
# A function that is applied to every dense block, such as np.sqrt.
Transform: TypeAlias = Callable[[np.ndarray], np.ndarray]

# Limits the memory of a dense float64 block to 16 MB; the time was not measured.
_VALUES_PER_BLOCK = 2**21
# Chosen by hand: some times the rounding error of float32 (6e-8), which sums multiply.
_ROUNDING = 1e-6


def is_on_disk(expression: Expression) -> bool:
    """Return whether a matrix is read from disk by slices instead of being in memory."""
    return not (isinstance(expression, np.ndarray) or sparse.issparse(expression))


def row_blocks(
    expression: Expression, n_rows: int | None = None, what: str = "reading cells"
) -> Iterator[tuple[int, Any]]:
    """Yield (first row, block) in order; a block may share memory with the matrix.

    Parameters
    ----------
    expression
        The matrix. Blocks are CSR or dense, as it is stored.
    n_rows
        Number of rows of a block; None chooses blocks of two million stored values on average.
    what
        What is done with them, in words for the bar that shows how far it is.
    """
    if sparse.issparse(expression):
        expression = expression.tocsr()
    n_cells = expression.shape[0]
    if n_rows is None:
        n_rows = max(1, _VALUES_PER_BLOCK * n_cells // max(1, _n_stored(expression)))
    for start in track(range(0, n_cells, n_rows), what):
        yield start, expression[start : start + n_rows]


def column_moments(
    expression: Expression,
    transform: Transform = np.asarray,
    times: Int[np.ndarray, " n_cells"] | None = None,
) -> tuple[Float[np.ndarray, " n_genes"], Float[np.ndarray, " n_genes"]]:
    """Return mean and standard deviation (ddof 0) of each gene; constant genes have exactly 0.

    Parameters
    ----------
    expression, transform
        Values, and the function that is applied to them first.
    times
        Number of times that each cell counts, which may be 0; None counts every cell once.
    """
    n_cells = expression.shape[0] if times is None else times.sum()
    mean = sum(b.sum(axis=0) for b in _dense_blocks(expression, transform, times)) / n_cells
    squares = sum(
        ((block - mean) ** 2).sum(axis=0) for block in _dense_blocks(expression, transform, times)
    )
    sd = np.sqrt(squares / n_cells)
    return mean, np.where(sd > 1e-12 * np.abs(mean), sd, 0.0)


def standardised_blocks(
    expression: Expression, transform: Transform = np.asarray
) -> Iterator[Float[np.ndarray, "block n_genes"]]:
    """Yield blocks of cells as z-scores of each gene; a constant gene is 0 everywhere."""
    mean, sd = column_moments(expression, transform)
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
    for block in _dense_blocks(expression, transform):
        yield (block - mean) * scale


def _dense_blocks(
    expression: Expression, transform: Transform, times: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    # The size depends on the shape alone, so that sums have the same bits for every storage.
    n_rows = max(1, _VALUES_PER_BLOCK // max(1, expression.shape[1]))
    for start, block in row_blocks(expression, n_rows, "statistics of genes"):
        dense = block.toarray() if sparse.issparse(block) else np.asarray(block)
        if times is not None:
            dense = np.repeat(dense, times[start : start + len(dense)], axis=0)
        yield np.asarray(transform(dense), dtype=float)


def _n_stored(expression: Expression) -> int:
    """Return the number of stored values, without reading them."""
    if sparse.issparse(expression):
        return int(expression.nnz)
    if hasattr(expression, "group"):
        return int(expression.group["data"].shape[0])
    return int(np.prod(expression.shape))


def own_float32(block: Any) -> Any:
    """Return rows as float32 that share no memory, dense C-ordered or CSR without stored zeros."""
    with np.errstate(over="ignore"):  # the result is infinite, which is reported later
        if not sparse.issparse(block):
            return np.array(block, dtype=np.float32, order="C")
        csr = sparse.csr_matrix(block, dtype=np.float32, copy=True)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    return csr


def drop_rounding(block: Any) -> int:
    """Set negative values that are rounding errors to 0, in place, and count them.

    These are at most a millionth of the largest value of the cell (or of 1) below 0. Rounding to
    float32 and tools that subtract a background leave such values.

    Parameters
    ----------
    block
        Rows as `own_float32` returns them.
    """
    values = block.data if sparse.issparse(block) else block
    if not (values.size and values.min() < 0):
        return 0
    largest = block.max(axis=1)
    largest = largest.toarray().ravel() if sparse.issparse(block) else largest
    lowest = -_ROUNDING * np.maximum(1.0, largest)
    if sparse.issparse(block):
        lowest = np.repeat(lowest, np.diff(block.indptr))
    else:
        lowest = lowest[:, None]
    tiny = (values < 0) & (values >= lowest)
    values[tiny] = 0
    if sparse.issparse(block):
        block.eliminate_zeros()
    return int(tiny.sum())


def fingerprint(adata: "AnnData", labels: Iterable[str] | None = None) -> str:
    """Return a short digest of names and values, by which preprocessed cells are recognised.

    Parameters
    ----------
    adata
        The cells.
    labels
        One for each cell, where the network depends on them too.
    """
    digest, values, genes = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    for names in (adata.obs_names, adata.var_names):
        digest.update("\n".join(names).encode())
    if labels is not None:
        digest.update("\n".join(labels).encode())
    # The digest does not depend on the storage (dense, sparse, on disk) or on the size of blocks.
    for _, block in row_blocks(adata.X, what="fingerprint of the cells"):
        rows = own_float32(sparse.csr_matrix(block))
        values.update(rows.data.data)
        genes.update(rows.indices.astype(np.int64).data)
        digest.update(np.diff(rows.indptr).astype(np.int64).data)
    digest.update(values.digest() + genes.digest())
    return digest.hexdigest()[:16]
