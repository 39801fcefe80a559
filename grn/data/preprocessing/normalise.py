"""Normalises the remaining rows, block by block, into a matrix in memory or on disk."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Bool, Float

from grn.data.preprocessing import gather
from grn.data.preprocessing.check import Scan
from grn.data.preprocessing.steps import Steps
from grn.data.preprocessing.values import ValueKind
from grn.expression import Expression, drop_rounding, is_on_disk, own_float32, row_blocks


def finished_matrix(
    stored: Expression,
    scan: Scan,
    left: Steps,
    counted: Bool[np.ndarray, " n_genes"],
    target_sum: float,
    totals: Float[np.ndarray, " n_cells"] | None = None,
) -> Expression:
    """Return log-normalised float32 expression of the remaining cells and genes.

    Parameters
    ----------
    stored
        The scanned matrix, which is not changed.
    scan
        Result of the scan. Logarithms are only subset, counts and linear values also normalised.
    left
        Cells and genes of the result.
    counted
        Genes whose sum in a cell is scaled to `target_sum`: those that pass the filters, including
        the genes that are removed later because they are rare or constant.
    target_sum
        Total per cell before the logarithm.
    totals
        Totals of all genes of each cell, if the matrix holds only some of the genes. These are
        scaled to `target_sum` instead.

    Returns
    -------
    CSR or ndarray in memory; `anndata.abc.CSRDataset` if `stored` is on disk. `stored` itself is
    returned if nothing has to be done and single rows are quick to read.
    """
    shape = int(left.cells.sum()), int(left.genes.sum())
    rows = _finished(stored, scan.kind, left, counted, target_sum, totals)
    if is_on_disk(stored):
        unchanged = scan.kind == "log" and shape == stored.shape and not scan.n_rounded
        return stored if unchanged and _reads_rows(stored) else gather.on_disk(rows, *shape)
    n_values = int(scan.cells_per_gene[left.genes].sum()) if sp.issparse(stored) else None
    return gather.in_memory(rows, *shape, n_values)


def _reads_rows(stored: Expression) -> bool:
    """Return whether single rows are quick to read: not those of zarr or compressed files."""
    is_hdf5 = getattr(stored, "backend", None) == "hdf5"
    return is_hdf5 and stored.group["data"].compression is None


def _finished(
    stored: Expression,
    kind: ValueKind,
    left: Steps,
    counted: Bool[np.ndarray, " n_genes"],
    target_sum: float,
    totals: Float[np.ndarray, " n_cells"] | None,
) -> Iterator[Any]:
    """Yield the finished rows in blocks, CSR or dense as they are stored."""
    for start, block in row_blocks(stored, what="normalising cells"):
        kept = left.cells[start : start + block.shape[0]]
        if not kept.any():
            continue
        values = own_float32(block if kept.all() else block[kept])
        drop_rounding(values)
        if kind == "log":
            yield _cut(values, left.genes)
        else:
            own = None if totals is None else totals[start : start + block.shape[0]][kept]
            normalised = _log_normalised(_cut(values, counted), target_sum, own)
            yield _cut(normalised, left.genes[counted])


def _cut(values: Any, genes: Bool[np.ndarray, " n_genes"]) -> Any:
    return values if genes.all() else values[:, genes]


def _log_normalised(
    values: Any, target_sum: float, totals: Float[np.ndarray, " block"] | None
) -> Any:
    """Scale every cell to `target_sum`, by its own total or a given one, and take log1p."""
    import anndata
    import scanpy as sc

    if totals is not None:
        scale = np.divide(target_sum, totals, out=np.zeros(len(totals)), where=totals > 0)
        scale = scale.astype(np.float32)
        if sp.issparse(values):
            values.data *= np.repeat(scale, np.diff(values.indptr))
        else:
            values *= scale[:, None]
    cells = anndata.AnnData(values)
    if totals is None:
        with warnings.catch_warnings():
            # `preprocess` warns of all empty cells in one message.
            warnings.filterwarnings("ignore", message="Some cells have zero counts")
            sc.pp.normalize_total(cells, target_sum=target_sum)
    sc.pp.log1p(cells)
    return cells.X
