"""Expression by blocks of cells: moments, z-scores and a fingerprint; nothing densified whole."""

import hashlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy import sparse

if TYPE_CHECKING:
    from anndata import AnnData

# (n_cells, n_genes): a numpy array, any scipy sparse matrix, or one on disk that gives rows by
# slice (h5py.Dataset, zarr.Array, anndata.abc.CSRDataset).
Expression: TypeAlias = Any
# Applied to every dense block as stored, such as np.sqrt.
Transform: TypeAlias = Callable[[np.ndarray], np.ndarray]

_VALUES_PER_BLOCK = 2**21
_ROUNDING = 1e-6


def is_on_disk(expression: Expression) -> bool:
    """Tell a matrix that is read by slices from one that is in memory."""
    return not (isinstance(expression, np.ndarray) or sparse.issparse(expression))


def row_blocks(expression: Expression, n_rows: int | None = None) -> Iterator[tuple[int, Any]]:
    """Yield (first row, block) in order; a block may share memory with the matrix.

    Parameters
    ----------
    expression
        As it is stored, so blocks are CSR or dense.
    n_rows
        Rows of a block; None: as many as hold two million stored values on average.
    """
    if sparse.issparse(expression):
        expression = expression.tocsr()
    n_cells = expression.shape[0]
    if n_rows is None:
        n_rows = max(1, _VALUES_PER_BLOCK * n_cells // max(1, _n_stored(expression)))
    for start in range(0, n_cells, n_rows):
        yield start, expression[start : start + n_rows]


def column_moments(
    expression: Expression,
    transform: Transform = np.asarray,
    times: Int[np.ndarray, " n_cells"] | None = None,
) -> tuple[Float[np.ndarray, " n_genes"], Float[np.ndarray, " n_genes"]]:
    """Mean and standard deviation (ddof 0) of each gene; exactly 0 for a constant one.

    Parameters
    ----------
    expression, transform
        Values, and what is applied to them first.
    times
        How often each cell counts, 0 among it; None: once.
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
    """Yield the column z-scores, some cells at a time; a constant gene is 0 everywhere."""
    mean, sd = column_moments(expression, transform)
    scale = np.divide(1.0, sd, out=np.zeros_like(sd), where=sd > 0)
    for block in _dense_blocks(expression, transform):
        yield (block - mean) * scale


def _dense_blocks(
    expression: Expression, transform: Transform, times: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    # Sized by the shape alone: the sums are the same bits however the matrix is stored.
    n_rows = max(1, _VALUES_PER_BLOCK // max(1, expression.shape[1]))
    for start, block in row_blocks(expression, n_rows):
        dense = block.toarray() if sparse.issparse(block) else np.asarray(block)
        if times is not None:
            dense = np.repeat(dense, times[start : start + len(dense)], axis=0)
        yield np.asarray(transform(dense), dtype=float)


def _n_stored(expression: Expression) -> int:
    """Count the values that are stored, without reading them."""
    if sparse.issparse(expression):
        return int(expression.nnz)
    if hasattr(expression, "group"):
        return int(expression.group["data"].shape[0])
    return int(np.prod(expression.shape))


def own_float32(block: Any) -> Any:
    """Return rows as float32 that share no memory, dense C-ordered or CSR without stored zeros."""
    with np.errstate(over="ignore"):  # becomes infinite, which is refused by name
        if not sparse.issparse(block):
            return np.array(block, dtype=np.float32, order="C")
        csr = sparse.csr_matrix(block, dtype=np.float32, copy=True)
    csr.sum_duplicates()
    csr.eliminate_zeros()
    return csr


def drop_rounding(block: Any) -> int:
    """Set negative values that are rounding errors to 0, in place, and count them.

    Below 0 by a millionth of the largest value of the cell, or of 1: float32 and the tools that
    subtract a background leave such values.

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


def fingerprint(adata: "AnnData") -> str:
    """Return a short digest of names and values, the same for the same preprocessed cells."""
    digest, values, genes = hashlib.sha256(), hashlib.sha256(), hashlib.sha256()
    for names in (adata.obs_names, adata.var_names):
        digest.update("\n".join(names).encode())
    # Dense or sparse, in memory or on disk, in blocks of whatever size: the same digest.
    for _, block in row_blocks(adata.X):
        rows = own_float32(sparse.csr_matrix(block))
        values.update(rows.data.data)
        genes.update(rows.indices.astype(np.int64).data)
        digest.update(np.diff(rows.indptr).astype(np.int64).data)
    digest.update(values.digest() + genes.digest())
    return digest.hexdigest()[:16]
