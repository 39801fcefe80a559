"""Joins normalised rows into one matrix, in memory or in a temporary file."""

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from grn.errors import InputError

logger = logging.getLogger(__name__)


def in_memory(
    blocks: Iterable[Any], n_cells: int, n_genes: int, n_values: int | None = None
) -> Any:
    """Join float32 blocks of rows without holding them twice.

    Parameters
    ----------
    blocks
        Blocks in order, with n_cells rows in total.
    n_cells, n_genes
        Shape of the result.
    n_values
        Total number of stored values if the blocks are CSR; None if they are dense.
    """
    at = 0
    if n_values is None:
        dense = np.empty((n_cells, n_genes), np.float32)
        for block in blocks:
            dense[at : at + len(block)] = block
            at += len(block)
        return dense
    index = sp.get_index_dtype(maxval=max(n_values, n_genes))
    data, indices = np.empty(n_values, np.float32), np.empty(n_values, index)
    lengths = []
    for block in blocks:
        data[at : at + block.nnz], indices[at : at + block.nnz] = block.data, block.indices
        lengths.append(np.diff(block.indptr))
        at += block.nnz
    return sp.csr_matrix((data, indices, _starts(lengths, index)), shape=(n_cells, n_genes))


def on_disk(blocks: Iterable[Any], n_cells: int, n_genes: int) -> Any:
    """Write float32 blocks of rows to a temporary file, which is removed with the matrix.

    Returns
    -------
    `anndata.abc.CSRDataset` of shape (n_cells, n_genes).

    Raises
    ------
    InputError
        The temporary folder cannot be written to, or is full.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix="grn-cells-"))
    except OSError as error:
        raise InputError(_no_space(error)) from error
    try:
        matrix, file = _write(blocks, n_cells, n_genes, folder)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise InputError(_no_space(error)) from error
        raise
    weakref.finalize(matrix, _remove, file, folder)
    return matrix


def _write(blocks: Iterable[Any], n_cells: int, n_genes: int, folder: Path) -> tuple[Any, Any]:
    """Return the matrix on disk and the open file that it is read from.

    The values are written to plain files, to which an HDF5 file in memory refers: if the disk is
    full, an HDF5 file on it cannot be closed and crashes the process at exit.
    """
    import h5py
    from anndata.io import sparse_dataset

    paths = {"data": folder / "data", "indices": folder / "indices"}
    lengths = []
    with paths["data"].open("wb") as data, paths["indices"].open("wb") as indices:
        for block in blocks:
            csr = sp.csr_matrix(block)
            data.write(csr.data.astype(np.float32, copy=False).data)
            indices.write(csr.indices.astype(np.int32, copy=False).data)
            lengths.append(np.diff(csr.indptr))
    starts = _starts(lengths, np.int64)
    logger.info("%.1f GB of preprocessed cells are in %s until the end", 8e-9 * starts[-1], folder)
    file = h5py.File(folder / "cells.h5", "w", driver="core", backing_store=False)
    group = file.create_group("X")
    group.attrs.update(
        {"encoding-type": "csr_matrix", "encoding-version": "0.1.0", "shape": (n_cells, n_genes)}
    )
    group["indptr"] = starts
    for name, dtype in (("data", np.float32), ("indices", np.int32)):
        where = [(str(paths[name]), 0, h5py.h5f.UNLIMITED)]
        group.create_dataset(name, (int(starts[-1]),), dtype, external=where)
    return sparse_dataset(group), file


def _starts(lengths: list[Any], dtype: Any) -> np.ndarray:
    """Return the start of each row and the end, from the lengths of the rows of each block."""
    return np.concatenate([[0], *lengths]).cumsum(dtype=dtype)


def _remove(file: Any, folder: Path) -> None:
    file.close()
    shutil.rmtree(folder, ignore_errors=True)


def _no_space(error: OSError) -> str:
    return (
        f"cannot write the preprocessed cells to {tempfile.gettempdir()}: {error.strerror}. Set "
        "TMPDIR to a folder with more space, or load the cells (data.on_disk=false)."
    )
