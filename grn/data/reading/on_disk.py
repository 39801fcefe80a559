"""Keeps the matrix of an `.h5ad` or `.zarr` on disk if memory is too small for it."""

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.data.reading.elements import opened, place_of, read_chosen
from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

# In memory, the matrix of the file and the normalised one exist at the same time, with temporary
# parts of both: a quarter of the free memory leaves room for two more. Measured peaks are in
# docs/benchmarks.md; the share was not tuned by them.
_LARGEST_SHARE = 0.25
_BYTES_OF_A_FLOAT32 = 4


def exceeds_memory(path: Path, layer: str | None) -> bool:
    """Return whether the matrix would take more than a quarter of the free memory, and log it.

    The answer is False for a sparse matrix stored by column, whose rows cannot be read from disk.

    Parameters
    ----------
    path
        `.h5ad` or `.zarr`.
    layer
        The layer to take instead of `X`; `raw` is `raw/X` where no layer is called so.
    """
    import psutil

    with opened(path) as store:
        name = place_of(store, layer)
        needed = _bytes_in_memory(store[name]) if name in store else 0
        free = psutil.virtual_memory().available
        if needed <= _LARGEST_SHARE * free:
            return False
        by_column = _is_sparse(store[name]) and _lazy(store[name]).format == "csc"
    logger.log(
        logging.WARNING if by_column else logging.INFO,
        "the matrix of %s needs %.1f GB of %.1f GB free memory: %s",
        path,
        needed / 1e9,
        free / 1e9,
        "stored by column (CSC), it has to be read whole" if by_column else "it stays on disk",
    )
    return not by_column


def read_lazily(path: Path, layer: str | None) -> "AnnData":
    """Open cells whose matrix stays on disk; names are in memory.

    Raises
    ------
    InputError
        There is no such matrix, or it is stored by column.
    """

    def by_row(element: Any) -> Any:
        matrix = _lazy(element)
        if getattr(matrix, "format", "csr") == "csc":
            msg = (
                f"{path}: the matrix is stored by column (CSC), so no cell can be read from disk "
                "without all the others. Store it by row (adata.X = adata.X.tocsr(), or the same "
                "for the layer) and write the file again, or read it into memory "
                "(--set data.on_disk=false)."
            )
            raise InputError(msg)
        return matrix

    return read_chosen(path, layer, by_row, stays=True)


def _is_sparse(element: Any) -> bool:
    return hasattr(element, "keys")  # a group of data, indices and indptr


def _lazy(element: Any) -> Any:
    """Return a matrix as anndata takes it: CSRDataset, CSCDataset or a dense array."""
    from anndata.io import sparse_dataset

    return sparse_dataset(element) if _is_sparse(element) else element


def _bytes_in_memory(element: Any) -> int:
    """Return the bytes that the matrix takes once read."""
    if not _is_sparse(element):
        return int(math.prod(element.shape)) * _BYTES_OF_A_FLOAT32
    values, columns = element["data"], element["indices"]
    return int(values.shape[0] * (values.dtype.itemsize + columns.dtype.itemsize))
