"""Selects highly variable genes with scanpy, within batches if there are any."""

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool

from grn.data.preprocessing.cell_states import column
from grn.errors import InputError
from grn.expression import is_on_disk

if TYPE_CHECKING:
    from anndata import AnnData


def find_batches(
    adata: "AnnData", n_top_genes: int | None, batch_key: str | None
) -> np.ndarray | None:
    """Return the batch of each cell, or None without batches.

    Raises
    ------
    InputError
        The cells are on disk; there is no such column of obs; a cell has no batch; or a batch is
        given without a number of genes.
    """
    if n_top_genes is None:
        if batch_key is not None:
            msg = "preprocess.batch_key is for highly variable genes: set preprocess.n_top_genes."
            raise InputError(msg)
        return None
    if is_on_disk(adata.X):
        msg = (
            f"preprocess.n_top_genes={n_top_genes} needs the cells in memory: set "
            "data.on_disk=false (in Python adata.to_memory()), or leave n_top_genes out."
        )
        raise InputError(msg)
    if batch_key is None:
        return None
    batches = column(adata.obs, batch_key, "preprocess.batch_key")
    if batches.isna().any():
        msg = f"preprocess.batch_key={batch_key}: {int(batches.isna().sum())} cell(s) have none."
        raise InputError(msg)
    return np.asarray(batches, str)


def highly_variable(
    adata: "AnnData", n_top_genes: int, batches: "np.ndarray | None"
) -> Bool[np.ndarray, " n_genes"]:
    """Return a mask of the highly variable genes of log data (scanpy, flavour `seurat`).

    Parameters
    ----------
    adata
        Log-normalised cells in memory.
    n_top_genes
        Number of genes.
    batches
        Batch of each cell; None means that all are one batch.

    Raises
    ------
    InputError
        A batch consists of a single cell.
    """
    import anndata
    import pandas as pd
    import scanpy as sc

    cells = anndata.AnnData(X=adata.X, obs=pd.DataFrame(index=adata.obs_names))
    if batches is not None:
        names, sizes = np.unique(batches, return_counts=True)
        if sizes.min() < 2:
            msg = (
                f"preprocess.batch_key: batch {names[sizes.argmin()]} is a single cell, which has "
                "no variance. Merge it with another batch or remove it."
            )
            raise InputError(msg)
        cells.obs["batch"] = pd.Categorical(batches)
    found = sc.pp.highly_variable_genes(
        cells,
        n_top_genes=min(n_top_genes, adata.n_vars),
        flavor="seurat",
        batch_key=None if batches is None else "batch",
        inplace=False,
    )
    return np.asarray(found["highly_variable"], bool)
