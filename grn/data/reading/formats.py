"""Find out which format lies at a path, and read it with the format's own library."""

import html
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from grn.data.reading.on_disk import open_store
from grn.data.reading.orientation import (
    CELLS_BY_GENES,
    GENES_BY_CELLS,
    Orientation,
    detect_orientation,
)
from grn.data.reading.read_10x import read_10x_h5, read_10x_sample, sample_of, samples_of
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

SUPPORTED = (
    ".h5ad (or a folder with one), .zarr (folder or .zarr.zip), .loom, 10x .h5, "
    ".csv/.tsv/.txt (plain or .gz), a 10x folder (matrix.mtx) or a BEELINE folder "
    "(ExpressionData.csv)"
)
AS_STORED = Orientation(CELLS_BY_GENES, "the format fixes it")
_TEXT_SUFFIXES = {".csv", ".tsv", ".txt"}
_BEELINE_MATRIX = "ExpressionData.csv"
_ZARR_MARKS = (".zgroup", "zarr.json")
# What Cell Ranger leaves in its folder `outs`, the cells it called first.
_CELL_RANGER = ("filtered_feature_bc_matrix", "filtered_feature_bc_matrix.h5")
_LOOM_GENES = ("var_names", "Gene")
_LOOM_CELLS = ("obs_names", "CellID")


Reader = Callable[[Path], tuple["AnnData", Orientation]]


class Format(NamedTuple):
    """A file or folder of cells: what it is, where, and how to read it into memory."""

    kind: str
    path: Path
    read: Reader


def find_format(path: Path, gene_column: str | None = None) -> Format:
    """Choose the reader by what lies at `path`.

    Parameters
    ----------
    path
        File or folder.
    gene_column
        Where the user expects gene names: a loom without the usual ones is then read all the
        same.

    Raises
    ------
    InputError
        There is nothing, an empty file, or nothing that we read.
    """
    if not path.exists():
        msg = f"no such file or folder: {path}. Check the path of the cells."
        raise InputError(msg)
    if path.is_dir():
        return _in_folder(path, gene_column)
    if path.stat().st_size == 0:
        msg = f"{path} is empty; write or download it again."
        raise InputError(msg)
    if sample := sample_of(path):
        return Format("10x folder", path, partial(read_10x_sample, samples=[sample]))
    readers: dict[str, tuple[str, Reader]] = {
        ".h5ad": ("h5ad", _read_h5ad),
        ".h5": ("10x h5", read_10x_h5),
        ".loom": ("loom", partial(_read_loom, gene_column=gene_column)),
        **dict.fromkeys(_TEXT_SUFFIXES, ("text", _read_table)),
    }
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last, before = ([*suffixes[::-1], "", ""])[:2]
    if (before, last) == (".zarr", ".zip"):
        return Format("zarr", path, _read_zarr)
    chosen = before if last == ".gz" and before in _TEXT_SUFFIXES else last
    if chosen not in readers:
        msg = f"{path} has an unknown format. Supported: {SUPPORTED}."
        raise InputError(msg)
    kind, reader = readers[chosen]
    return Format(kind, path, reader)


def _in_folder(path: Path, gene_column: str | None) -> Format:
    """Tell zarr, BEELINE, 10x, Cell Ranger's `outs` and a folder around one `.h5ad` apart."""
    if path.suffix == ".zarr" or any((path / name).exists() for name in _ZARR_MARKS):
        return Format("zarr", path, _read_zarr)
    if (path / _BEELINE_MATRIX).exists():
        return Format("BEELINE folder", path, _read_beeline)
    if samples := samples_of(path):
        return Format("10x folder", path, partial(read_10x_sample, samples=samples))
    inside = [path / name for name in _CELL_RANGER if (path / name).exists()][:1]
    inside = inside or list(path.glob("*.h5ad"))
    if len(inside) == 1:
        return find_format(inside[0], gene_column)
    msg = (
        f"{path} is a folder without {_BEELINE_MATRIX} (BEELINE), matrix.mtx (10x) or a "
        f"single .h5ad. Supported: {SUPPORTED}."
    )
    raise InputError(msg)


def _read_h5ad(path: Path) -> tuple["AnnData", Orientation]:
    import anndata

    return anndata.read_h5ad(path), AS_STORED


def _read_zarr(path: Path) -> tuple["AnnData", Orientation]:
    import anndata

    return anndata.io.read_zarr(open_store(path)), AS_STORED


def _read_loom(path: Path, gene_column: str | None) -> tuple["AnnData", Orientation]:
    """Read the main matrix and the layers of a loom; of two sets of names the first wins."""
    import anndata
    import h5py

    with h5py.File(path, "r") as file:
        if not {"matrix", "row_attrs", "col_attrs"} <= set(file):
            msg = (
                f"{path} is no loom: it holds {', '.join(file) or 'nothing'}; expected matrix, "
                "row_attrs and col_attrs. Write it again, for example with loompy."
            )
            raise InputError(msg)
        attributes = list(file["row_attrs"])
        genes, gene_names = _loom_names(file["row_attrs"], _LOOM_GENES)
        cells, cell_names = _loom_names(file["col_attrs"], _LOOM_CELLS)
    if not genes and gene_column is None:
        msg = (
            f"{path} has no gene names under {' or '.join(_LOOM_GENES)}; its row attributes are "
            f"{', '.join(attributes) or 'none'}. Say which one holds them with --gene-column."
        )
        raise InputError(msg)
    # Files of SCENIC and older tools break small rules of the format that do not matter here.
    adata = anndata.io.read_loom(path, X_name="", obs_names=cells, var_names=genes, validate=False)
    adata.obs, adata.var = _plain(adata.obs), _plain(adata.var)
    adata.obs_names = cell_names if cells else _numbers(adata.n_obs)
    if genes:
        adata.var_names = gene_names
    reason = f"loom fixes it; genes named by {genes or gene_column}, cells by {cells or 'number'}"
    return adata, Orientation(GENES_BY_CELLS, reason)


def _plain(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Drop the columns of records, such as SCENIC's regulons: no `.h5ad` can hold them."""
    return frame[[name for name in frame if frame[name].dtype.kind != "V"]]


def _loom_names(attributes: Any, keys: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return the first of the keys that exists, and its names; ("", []) without any.

    Read here because loompy drops every letter that is not ASCII.
    """
    key = next((key for key in keys if key in attributes), "")
    if not key:
        return "", []
    values = attributes[key][()].tolist()
    texts = [value.decode() if isinstance(value, bytes) else str(value) for value in values]
    return key, [html.unescape(text) for text in texts]  # loompy 2 wrote α as &#945;


def _numbers(n_cells: int) -> list[str]:
    return [str(number) for number in range(1, n_cells + 1)]


def _read_table(path: Path) -> tuple["AnnData", Orientation]:
    from grn.data.reading.read_text import read_text_matrix

    table = read_text_matrix(path)
    if table.row_names is None:
        orientation = Orientation(CELLS_BY_GENES, "the rows have no names, so they are cells")
        row_names = _numbers(len(table.values))
    else:
        row_names = table.row_names
        orientation = detect_orientation(table.corner, row_names, table.column_names)
    return _annotate(table.values, row_names, table.column_names, orientation), orientation


def _read_beeline(path: Path) -> tuple["AnnData", Orientation]:
    import pandas as pd

    from grn.data.reading.read_text import read_text_matrix

    table = read_text_matrix(path / _BEELINE_MATRIX)
    if table.row_names is None:
        msg = (
            f"{path / _BEELINE_MATRIX} has no gene names in its first column. A BEELINE matrix is "
            "genes × cells: write the name of the gene into the first field of every row."
        )
        raise InputError(msg)
    orientation = Orientation(GENES_BY_CELLS, f"{_BEELINE_MATRIX} of a BEELINE folder")
    adata = _annotate(table.values, table.row_names, table.column_names, orientation)
    times = path / "PseudoTime.csv"
    if times.exists():
        # Names as text: a cell 001 is not 1.
        frame = pd.read_csv(times, converters={0: str.strip})
        frame = frame.set_index(frame.columns[0]).rename_axis(None)
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
