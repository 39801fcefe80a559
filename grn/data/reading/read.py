"""Read cells of any supported format into one AnnData, cells × genes."""

import logging
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from grn.data.reading.bounded import bounded_memory
from grn.data.reading.formats import AS_STORED, Format, find_format
from grn.data.reading.gene_names import complete_names, name_genes
from grn.data.reading.on_disk import exceeds_memory, read_lazily
from grn.data.reading.orientation import (
    CELLS_BY_GENES,
    GENES_BY_CELLS,
    HOW_TO_FORCE,
    Orientation,
    why_transposed,
)
from grn.data.reading.unreadable import cannot_read, check_numbers
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

_ROW_WISE = ("h5ad", "h5mu", "zarr")  # formats whose rows can be read one by one
_DECIDED = ("text",)  # formats in which the names of the axes were looked at already


def read_cells(
    path: str | Path,
    *,
    layer: str | None = None,
    gene_column: str | None = None,
    on_disk: bool | None = None,
    tfs: Collection[str] | None = None,
) -> "AnnData":
    """Read expression into an AnnData, cells × genes.

    Parameters
    ----------
    path
        `.h5ad`, `.h5mu` (its modality `rna`; `cells.h5mu/NAME` is another one), `.zarr`, `.loom`,
        10x `.h5`, `.csv`/`.tsv`/`.txt` (also `.gz`; genes × cells and cells × genes are told apart
        by their names), a 10x folder, or a BEELINE folder (`ExpressionData.csv`, genes × cells,
        and optionally `PseudoTime.csv`, read into `obs`).
    layer
        Take this layer instead of `X`; `raw` is `adata.raw` where no layer is called so.
    gene_column
        Column of `var` that holds the gene names to use instead of the index. A gene without one
        keeps its name of the index; repeated names are numbered (A, A-1, A-2).
    on_disk
        True keeps the matrix of `.h5ad` and `.zarr` on disk, False reads it into memory, None
        keeps it on disk if it would take more than a quarter of the free memory.
    tfs
        Names of regulators, if they are known: the axis that holds them is the axis of genes,
        whatever the format states.

    Returns
    -------
    AnnData with `X` float32, CSR or ndarray as stored; names are `str`. On disk, `X` is anndata's
    `CSRDataset` or the dense array of h5py or zarr, in the stored type, and there are no layers.
    `uns["grn_read"]` records file, format, orientation and the reason for the orientation.
    Values are not checked here; `preprocess` does that.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, of an unknown format or no expression matrix; the
        layer or column does not exist; the matrix cannot stay on disk.

    Examples
    --------
    >>> adata.to_df().to_csv("cells.csv")
    >>> cells = grn.read_cells("cells.csv")
    >>> cells.shape, cells.uns["grn_read"]["orientation"]
    ((60, 16), 'cells × genes')
    """
    with bounded_memory(Path(path)), warnings.catch_warnings():
        # Libraries warn about details of storage; messages for the user are logged.
        warnings.simplefilter("ignore")
        source = find_format(Path(path), gene_column, tfs)
        stays = _stays_on_disk(source, layer, on_disk)
        adata, orientation = _read(source, layer, stays)
        adata.obs_names = adata.obs_names.astype(str)
        adata.var_names = _as_text(adata.var_names)
        if gene_column is not None:
            name_genes(adata, gene_column, source.path)
        if source.kind not in _DECIDED and (reason := why_transposed(adata, tfs)):
            adata, orientation = _turned(adata, orientation, reason, source, stays)
        complete_names(adata, gene_column or str(source.path))
    if orientation.doubt:
        logger.warning(
            "%s is taken as %s: %s. If that is wrong, %s",
            source.path,
            orientation.layout,
            orientation.reason,
            HOW_TO_FORCE,
        )
    adata.uns["grn_read"] = {
        "path": str(source.path),
        "format": source.kind,
        "layer": layer or "X",
        "layers": list(adata.uns.get("grn_read", {}).get("layers", [])),
        "gene_column": gene_column or "index",
        "on_disk": stays,
        "orientation": orientation.layout,
        "orientation_reason": orientation.reason,
    }
    logger.info(
        "read %d cells × %d genes from %s (%s, stored %s: %s)",
        *adata.shape,
        source.path,
        f"{source.kind}, on disk" if stays else source.kind,
        orientation.layout,
        orientation.reason,
    )
    return adata


def _stays_on_disk(source: Format, layer: str | None, wanted: bool | None) -> bool:
    """Decide whether the matrix stays on disk: as requested, else by the memory it needs."""
    if source.kind in _ROW_WISE:
        if wanted is not None:
            return wanted
        try:
            return exceeds_memory(source.path, layer)
        except Exception as error:
            raise cannot_read(source.path, source.kind, error) from error
    if wanted:
        msg = (
            f"{source.path} ({source.kind}) cannot stay on disk: only .h5ad and .zarr can. "
            'Convert it once with grn.read_cells(path).write_h5ad("cells.h5ad"), or drop '
            "data.on_disk."
        )
        raise InputError(msg)
    return False


def _read(source: Format, layer: str | None, lazily: bool) -> tuple["AnnData", Orientation]:
    """Read with the library of the format, whose errors become an `InputError`."""
    try:
        if lazily:
            return read_lazily(source.path, layer), AS_STORED
        adata, orientation = source.read(source.path, layer)
    except InputError:
        raise
    except Exception as error:
        raise cannot_read(source.path, source.kind, error) from error
    check_numbers(adata.X, source.path)
    adata.X = _as_float32(adata.X, source)
    return adata, orientation


def _turned(
    adata: "AnnData", stored: Orientation, reason: str, source: Format, on_disk: bool
) -> tuple["AnnData", Orientation]:
    """Return cells × genes of a file that holds the transposed matrix."""
    if on_disk:
        msg = (
            f"{source.path} is transposed: {reason}. Its matrix cannot be turned on disk: read it "
            "into memory (--set data.on_disk=false), or write the file again with adata.T."
        )
        raise InputError(msg)
    logger.warning("%s is transposed: %s. Rows and columns are exchanged", source.path, reason)
    turned = adata.T
    turned.X = turned.X.tocsr() if sp.issparse(turned.X) else np.ascontiguousarray(turned.X)
    layout = GENES_BY_CELLS if stored.layout == CELLS_BY_GENES else CELLS_BY_GENES
    return turned, Orientation(layout, f"transposed: {reason}")


def _as_text(names: "pd.Index") -> "pd.Index":
    """Return names as str, a missing one as an empty one."""
    return names.where(names.notna(), "").astype(str)


def _as_float32(matrix: Any, source: Format) -> Any:
    """Return the matrix as float32, sparse as CSR, dense as ndarray."""
    if not sp.issparse(matrix):
        return np.asarray(matrix, dtype=np.float32)
    try:
        # Indices beyond the matrix would not fail but read foreign memory.
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise cannot_read(source.path, source.kind, error) from error
    return matrix.astype(np.float32, copy=False).tocsr()
