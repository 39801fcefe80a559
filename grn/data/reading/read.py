"""Read cells of any supported format into one AnnData, cells × genes."""

import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from grn.data.reading.formats import AS_STORED, Format, find_format
from grn.data.reading.on_disk import exceeds_memory, read_lazily, rows_on_disk
from grn.data.reading.orientation import Orientation
from grn.data.reading.read_10x import number_repeated
from grn.data.reading.unreadable import cannot_read
from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

_ROW_WISE = ("h5ad", "zarr")  # formats whose rows can be read one by one
RAW = "raw"


def read_cells(
    path: str | Path,
    *,
    layer: str | None = None,
    gene_column: str | None = None,
    on_disk: bool | None = None,
) -> "AnnData":
    """Read expression into an AnnData, cells × genes.

    Parameters
    ----------
    path
        `.h5ad`, `.zarr`, `.loom`, 10x `.h5`, `.csv`/`.tsv`/`.txt` (also `.gz`; genes × cells and
        cells × genes are told apart by their names), a 10x folder, or a BEELINE folder
        (`ExpressionData.csv`, genes × cells, and optionally `PseudoTime.csv`, read into `obs`).
    layer
        Take this layer instead of `X`; `raw` is `adata.raw` where no layer is called so.
    gene_column
        Column of `var` that holds the gene names to use instead of the index. A gene without one
        keeps its name of the index; repeated names are numbered (A, A-1, A-2).
    on_disk
        True keeps the matrix of `.h5ad` and `.zarr` on disk, False reads it into memory, None
        keeps it on disk where it would take more than a quarter of the free memory.

    Returns
    -------
    AnnData with `X` float32, CSR or ndarray as stored; names are `str`. On disk, `X` is anndata's
    `CSRDataset` or the dense array of h5py or zarr, of the type it is stored in, and there are no
    layers. `uns["grn_read"]` says which file, format and orientation it came from, and why that
    orientation. Values are not judged here: `preprocess` does that.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, of an unknown format or no expression matrix; the
        layer or column does not exist; the matrix cannot stay on disk.
    """
    source = find_format(Path(path), gene_column)
    stays = _stays_on_disk(source, layer, on_disk)
    adata, orientation = _read(source, stays)
    adata = select_layer(adata, layer, origin=str(source.path))
    _check_numbers(adata.X, source.path)
    if stays:
        adata = rows_on_disk(adata, source.path)
    else:
        adata.X = _as_float32(adata.X, source)
    adata.obs_names = adata.obs_names.astype(str)
    adata.var_names = adata.var_names.astype(str)
    if gene_column is not None:
        _name_genes(adata, gene_column, source.path)
    adata.uns["grn_read"] = {
        "path": str(source.path),
        "format": source.kind,
        "layer": layer or "X",
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


def select_layer(adata: "AnnData", layer: str | None, *, origin: str = "adata") -> "AnnData":
    """Return cells whose `X` is `layer`; None keeps `X`, which must then exist.

    Parameters
    ----------
    adata
        In memory or backed; unchanged. The result shares its matrices.
    layer
        Key of `adata.layers`. Where there is no such key, `raw` is `adata.raw`, with its genes.
    origin
        What the message calls the cells, such as their path.

    Raises
    ------
    InputError
        There is no such layer (the message lists those that exist), or no `X`.
    """
    import anndata

    names = [*map(str, adata.layers), *([RAW] if adata.raw is not None else [])]
    existing = ", ".join(dict.fromkeys(names)) or "none"
    if layer is None:
        if not _has_x(adata):
            msg = (
                f"{origin} has no X, so there is no expression matrix to read. Choose a layer "
                f"with --layer (existing layers: {existing}) or store the matrix in X."
            )
            raise InputError(msg)
        return adata
    if layer in adata.layers:
        layers = dict(adata.layers)
        return anndata.AnnData(
            X=layers[layer], obs=adata.obs, var=adata.var, uns=dict(adata.uns), layers=layers
        )
    if layer == RAW and adata.raw is not None:
        raw = adata.raw
        return anndata.AnnData(X=raw.X, obs=adata.obs, var=raw.var, uns=dict(adata.uns))
    msg = f"{origin} has no layer {layer!r}. Existing layers: {existing}."
    raise InputError(msg)


def _has_x(adata: "AnnData") -> bool:
    try:
        return adata.X is not None
    except KeyError:  # from the file of a backed object
        return False


def _stays_on_disk(source: Format, layer: str | None, wanted: bool | None) -> bool:
    """Decide where the matrix is held: as wanted, else by the memory it needs."""
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


def _read(source: Format, lazily: bool) -> tuple["AnnData", Orientation]:
    """Read with the format's own library; what that complains of becomes our message."""
    try:
        with warnings.catch_warnings():
            # Duplicate names are an error of ours, with a fix, once the values are checked.
            warnings.filterwarnings("ignore", message=".*names are not unique")
            warnings.filterwarnings("ignore", message="Transforming to str index")
            return (read_lazily(source.path), AS_STORED) if lazily else source.read(source.path)
    except InputError:
        raise
    except Exception as error:
        raise cannot_read(source.path, source.kind, error) from error


def _check_numbers(matrix: Any, path: Path) -> None:
    """Raise unless the matrix holds real numbers or booleans."""
    if matrix.dtype.kind not in "biuf":
        msg = (
            f"{path}: the matrix holds values of type {matrix.dtype}, not numbers; store "
            "expression as integers or floats."
        )
        raise InputError(msg)


def _as_float32(matrix: Any, source: Format) -> Any:
    """Return the matrix as float32, sparse as CSR, dense as ndarray."""
    if not sp.issparse(matrix):
        return np.asarray(matrix, dtype=np.float32)
    try:
        # Indices beyond the matrix would not fail but read foreign memory.
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise cannot_read(source.path, source.kind, error) from error
    return matrix.tocsr().astype(np.float32, copy=False)


def _name_genes(adata: "AnnData", column: str, path: Path) -> None:
    """Name the genes by a column of `var`, in place."""
    if column == adata.var_names.name:
        return
    if column not in adata.var:
        msg = (
            f"{path}: var has no column {column!r} to name genes by. Its columns: "
            f"{', '.join(map(str, adata.var.columns)) or 'none'}."
        )
        raise InputError(msg)
    chosen = adata.var[column].astype(object)
    missing = chosen.isna() | (chosen == "")
    adata.var_names = np.where(missing, adata.var_names, chosen).astype(str)
    if missing.any():
        logger.warning(
            "%d gene(s) have no %s and keep the name of the index", missing.sum(), column
        )
    number_repeated(adata, column)
