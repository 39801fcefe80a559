"""Read cells of any supported format into one AnnData, cells × genes."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from grn.data.orientation import CELLS_BY_GENES, GENES_BY_CELLS, Orientation, detect_orientation
from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

SUPPORTED = (
    ".h5ad (or a folder with one), .zarr, 10x .h5, .csv/.tsv/.txt (plain or .gz), a 10x folder "
    "(matrix.mtx) or a BEELINE folder (ExpressionData.csv)"
)
_TEXT_SUFFIXES = {".csv", ".tsv", ".txt"}
_BEELINE_MATRIX = "ExpressionData.csv"
_10X_MATRICES = ("matrix.mtx", "matrix.mtx.gz")
_FOLDER_MATRICES = (_BEELINE_MATRIX, *_10X_MATRICES)


def read_cells(path: str | Path, *, layer: str | None = None) -> "AnnData":
    """Read expression into an AnnData, cells × genes.

    Parameters
    ----------
    path
        `.h5ad`, `.zarr`, 10x `.h5`, `.csv`/`.tsv`/`.txt` (also `.gz`; genes × cells and cells ×
        genes are told apart by their names), a 10x folder, or a BEELINE folder
        (`ExpressionData.csv`, genes × cells, and optionally `PseudoTime.csv`, read into `obs`).
    layer
        Take this layer instead of `X`.

    Returns
    -------
    AnnData with `X` float32, CSR or ndarray as stored; names are `str`. `uns["grn_read"]` says
    which file, format and orientation it came from, and why that orientation. Values are not
    judged here: `preprocess` does that.

    Raises
    ------
    InputError
        The file is missing, empty, truncated, of an unknown format or no expression matrix; the
        layer does not exist.
    """
    path = Path(path)
    if path.is_dir() and not any((path / name).exists() for name in _FOLDER_MATRICES):
        inside = list(path.glob("*.h5ad"))
        path = inside[0] if len(inside) == 1 else path
    reader, kind = _reader_of(path)
    try:
        with warnings.catch_warnings():
            # Duplicate names are an error of ours, with a fix, once the values are checked.
            warnings.filterwarnings("ignore", message=".*names are not unique")
            adata, orientation = reader(path)
    except InputError:
        raise
    except Exception as error:
        msg = (
            f"cannot read {path} as {kind}: {_first_line(error)}. The file may be truncated, "
            "corrupt or of another format; write or download it again."
        )
        raise InputError(msg) from error
    adata = select_layer(adata, layer, origin=str(path))
    adata.X = _as_float32(adata.X, path)
    adata.obs_names = adata.obs_names.astype(str)
    adata.var_names = adata.var_names.astype(str)
    adata.uns["grn_read"] = {
        "path": str(path),
        "format": kind,
        "layer": layer or "X",
        "orientation": orientation.layout,
        "orientation_reason": orientation.reason,
    }
    logger.info(
        "read %d cells × %d genes from %s (%s, stored %s: %s)",
        *adata.shape,
        path,
        kind,
        orientation.layout,
        orientation.reason,
    )
    return adata


_Reader = Callable[[Path], tuple["AnnData", Orientation]]


def _reader_of(path: Path) -> tuple[_Reader, str]:
    """Choose the reader by what lies at `path`."""
    if not path.exists():
        msg = f"no such file or folder: {path}. Check the path of the cells."
        raise InputError(msg)
    if path.suffix == ".zarr":
        return _read_zarr, "zarr"
    if path.is_dir():
        if (path / _BEELINE_MATRIX).exists():
            return _read_beeline, "BEELINE folder"
        if any((path / name).exists() for name in _10X_MATRICES):
            return _read_10x_folder, "10x folder"
        msg = (
            f"{path} is a folder without {_BEELINE_MATRIX} (BEELINE), matrix.mtx (10x) or a "
            f"single .h5ad. Supported: {SUPPORTED}."
        )
        raise InputError(msg)
    if path.stat().st_size == 0:
        msg = f"{path} is empty; write or download it again."
        raise InputError(msg)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] == [".h5ad"]:
        return _read_h5ad, "h5ad"
    if suffixes[-1:] == [".h5"]:
        return _read_10x_h5, "10x h5"
    last = suffixes[-2:-1] if suffixes[-1:] == [".gz"] else suffixes[-1:]
    if last and last[0] in _TEXT_SUFFIXES:
        return _read_table, "text"
    msg = f"{path} has an unknown format. Supported: {SUPPORTED}."
    raise InputError(msg)


def _as_stored() -> Orientation:
    return Orientation(CELLS_BY_GENES, "the format fixes it")


def _read_h5ad(path: Path) -> tuple["AnnData", Orientation]:
    import anndata

    return anndata.read_h5ad(path), _as_stored()


def _read_zarr(path: Path) -> tuple["AnnData", Orientation]:
    import anndata

    return anndata.io.read_zarr(path), _as_stored()


def _read_10x_h5(path: Path) -> tuple["AnnData", Orientation]:
    import scanpy as sc

    return _unique_genes(sc.read_10x_h5(path)), _as_stored()


def _read_10x_folder(path: Path) -> tuple["AnnData", Orientation]:
    import scanpy as sc

    return _unique_genes(sc.read_10x_mtx(path, make_unique=False)), _as_stored()


def _unique_genes(adata: "AnnData") -> "AnnData":
    """Make unique the symbols that 10x references list twice: every such file has some."""
    n_repeated = int(adata.var_names.duplicated().sum())
    if n_repeated:
        adata.var_names_make_unique()
        logger.warning("%d repeated gene symbol(s) of the 10x reference numbered", n_repeated)
    return adata


def _read_table(path: Path) -> tuple["AnnData", Orientation]:
    from grn.data.read_text import read_text_matrix

    table = read_text_matrix(path)
    if table.row_names is None:
        orientation = Orientation(CELLS_BY_GENES, "the rows have no names, so they are cells")
        row_names = [str(number) for number in range(1, len(table.values) + 1)]
    else:
        row_names = table.row_names
        orientation = detect_orientation(table.corner, row_names, table.column_names)
    return _annotate(table.values, row_names, table.column_names, orientation), orientation


def _read_beeline(path: Path) -> tuple["AnnData", Orientation]:
    import pandas as pd

    from grn.data.read_text import read_text_matrix

    table = read_text_matrix(path / _BEELINE_MATRIX)
    if table.row_names is None:
        msg = f"{path / _BEELINE_MATRIX} has no gene names in its first column."
        raise InputError(msg)
    orientation = Orientation(GENES_BY_CELLS, f"{_BEELINE_MATRIX} of a BEELINE folder")
    adata = _annotate(table.values, table.row_names, table.column_names, orientation)
    times = path / "PseudoTime.csv"
    if times.exists():
        frame = pd.read_csv(times, index_col=0)
        frame.index = frame.index.astype(str)
        if not frame.index.is_unique or not adata.obs_names.isin(frame.index).all():
            msg = (
                f"{times} does not fit {_BEELINE_MATRIX}: expected one row per cell, named as "
                f"there ({', '.join(adata.obs_names[:3])}); got {', '.join(frame.index[:3])}."
            )
            raise InputError(msg)
        adata.obs = frame.loc[adata.obs_names]
    return adata, orientation


def _annotate(
    values: np.ndarray[Any, np.dtype[np.float32]],
    row_names: list[str],
    column_names: list[str],
    orientation: Orientation,
) -> "AnnData":
    """Build the AnnData, transposing where the rows are genes."""
    import anndata
    import pandas as pd

    if orientation.layout == GENES_BY_CELLS:
        values, row_names, column_names = np.ascontiguousarray(values.T), column_names, row_names
    return anndata.AnnData(
        X=values, obs=pd.DataFrame(index=row_names), var=pd.DataFrame(index=column_names)
    )


def select_layer(adata: "AnnData", layer: str | None, *, origin: str = "adata") -> "AnnData":
    """Return cells whose `X` is `layer`; None keeps `X`, which must then exist.

    Parameters
    ----------
    adata
        Unchanged; the result shares its matrices.
    layer
        Key of `adata.layers`.
    origin
        What the message calls the cells, such as their path.

    Raises
    ------
    InputError
        There is no such layer (the message lists those that exist), or no `X`.
    """
    import anndata

    existing = ", ".join(map(str, adata.layers)) or "none"
    if layer is None:
        if adata.X is None:
            msg = (
                f"{origin} has no X, so there is no expression matrix to read. Choose a layer "
                f"with --layer (existing layers: {existing}) or store the matrix in X."
            )
            raise InputError(msg)
        return adata
    if layer not in adata.layers:
        msg = f"{origin} has no layer {layer!r}. Existing layers: {existing}."
        raise InputError(msg)
    return anndata.AnnData(
        X=adata.layers[layer],
        obs=adata.obs,
        var=adata.var,
        uns=dict(adata.uns),
        layers=dict(adata.layers),
    )


def _as_float32(matrix: Any, path: Path) -> Any:
    """Return the matrix as float32, sparse as CSR, dense as ndarray."""
    if not (np.issubdtype(matrix.dtype, np.number) or matrix.dtype == bool):
        msg = (
            f"{path}: the matrix holds values of type {matrix.dtype}, not numbers; store "
            "expression as integers or floats."
        )
        raise InputError(msg)
    if sp.issparse(matrix):
        return matrix.tocsr().astype(np.float32, copy=False)
    return np.asarray(matrix, dtype=np.float32)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0].rstrip('.')}" if lines else type(error).__name__
