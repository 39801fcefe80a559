"""Detects the format of a path, and reads it with the library of the format."""

from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from grn.data.reading.elements import read_chosen, read_into_memory
from grn.data.reading.layers import select_layer
from grn.data.reading.multimodal import find_modality
from grn.data.reading.orientation import (
    CELLS_BY_GENES,
    GENES_BY_CELLS,
    Orientation,
    detect_orientation,
    undecided,
)
from grn.data.reading.parts_10x import (
    ALEVIN,
    SampleFiles,
    folder_inside,
    is_hidden,
    sample_of,
    samples_of,
)
from grn.data.reading.read_10x import read_10x_h5, read_10x_sample
from grn.data.reading.read_loom import read_loom
from grn.errors import InputError
from grn.files import exists

if TYPE_CHECKING:
    from anndata import AnnData

SUPPORTED = (
    ".h5ad (or a folder with one), .h5mu, .zarr (folder or .zarr.zip), .loom, 10x .h5, "
    ".csv/.tsv/.txt (plain or .gz), a 10x folder (matrix.mtx) or a BEELINE folder "
    "(ExpressionData.csv)"
)
_NAMES_OF_MTX = (
    "Put it into a folder as matrix.mtx, beside barcodes.tsv and features.tsv, a name a line."
)
AS_STORED = Orientation(CELLS_BY_GENES, "the format fixes it")
_TEXT_SUFFIXES = {".csv", ".tsv", ".txt"}
_BEELINE_MATRIX = "ExpressionData.csv"
_ZARR_MARKS = (".zgroup", "zarr.json")
# In the folder `outs` of Cell Ranger.
_CELL_RANGER = "filtered_feature_bc_matrix.h5"

# Takes the path and the layer to read in place of `X`.
Reader = Callable[[Path, str | None], tuple["AnnData", Orientation]]


class Format(NamedTuple):
    """A file or folder of cells: its kind, its path, and its reader."""

    kind: str
    path: Path
    read: Reader


def find_format(
    path: Path, gene_column: str | None = None, tfs: Collection[str] | None = None
) -> Format:
    """Choose the reader by the contents of `path`.

    Parameters
    ----------
    path
        File or folder.
    gene_column
        Column with the gene names; a loom without the usual names can be read with it.
    tfs
        Names of regulators, which identify the axis of genes of a table; None if unknown.

    Raises
    ------
    InputError
        The path does not exist, is an empty file, or has no supported format.
    """
    modality = find_modality(path)
    if modality is not None:
        return Format("h5mu", modality, _read_store)
    if not exists(path):
        msg = f"no such file or folder: {path}. Check the path of the cells."
        raise InputError(msg)
    if path.is_dir():
        return _in_folder(path, gene_column, tfs)
    if path.stat().st_size == 0:
        msg = f"{path} is empty; write or download it again."
        raise InputError(msg)
    if sample := sample_of(path):
        return Format("10x folder", path, _reader_of([sample]))
    readers: dict[str, tuple[str, Reader]] = {
        ".h5ad": ("h5ad", _read_store),
        ".h5": ("10x h5", _read_10x_h5),
        ".loom": ("loom", partial(read_loom, gene_column=gene_column)),
        **dict.fromkeys(_TEXT_SUFFIXES, ("text", partial(_read_table, tfs=tfs))),
    }
    suffixes = [suffix.lower() for suffix in path.suffixes]
    last, before = ([*suffixes[::-1], "", ""])[:2]
    if (before, last) == (".zarr", ".zip"):
        return Format("zarr", path, _read_store)
    chosen = before if last == ".gz" and before in _TEXT_SUFFIXES else last
    if chosen not in readers:
        msg = f"{path} has an unknown format. Supported: {SUPPORTED}."
        raise InputError(msg)
    kind, reader = readers[chosen]
    return Format(kind, path, reader)


def _in_folder(path: Path, gene_column: str | None, tfs: Collection[str] | None) -> Format:
    """Tell zarr, BEELINE, 10x, what programs write around it, and one `.h5ad` apart."""
    if path.suffix == ".zarr" or any((path / name).exists() for name in _ZARR_MARKS):
        return Format("zarr", path, _read_store)
    if (path / _BEELINE_MATRIX).exists():
        return Format("BEELINE folder", path, _read_beeline)
    if samples := samples_of(path):
        return Format("10x folder", path, _reader_of(samples))
    known = folder_inside(path) or path / _CELL_RANGER
    inside = [known] if known.exists() else [*path.glob("*.h5ad")]
    inside = [other for other in inside if not is_hidden(other)]
    if len(inside) == 1:
        return find_format(inside[0], gene_column, tfs)
    places = (path / f"{ALEVIN}.gz", path / "alevin" / f"{ALEVIN}.gz")
    if binary := [place for place in places if place.exists()]:
        msg = (
            f"{binary[0]} is the binary matrix of alevin. Run salmon alevin with --dumpMtx, or "
            f"alevin-fry, and pass the folder with {ALEVIN}.mtx."
        )
        raise InputError(msg)
    if matrices := sorted(set(path.glob("*.mtx*")) - set(path.glob(".*"))):
        msg = (
            f"{path} has {matrices[0].name}, but no names of its cells and genes. {_NAMES_OF_MTX}"
        )
        raise InputError(msg)
    msg = (
        f"{path} is a folder without {_BEELINE_MATRIX} (BEELINE), matrix.mtx (10x) or a "
        f"single .h5ad. Supported: {SUPPORTED}."
    )
    raise InputError(msg)


def _read_store(path: Path, layer: str | None) -> tuple["AnnData", Orientation]:
    return read_chosen(path, layer, read_into_memory), AS_STORED


def _numbers(n_cells: int) -> list[str]:
    return [str(number) for number in range(1, n_cells + 1)]


def _reader_of(samples: list[SampleFiles]) -> Reader:
    def read(path: Path, layer: str | None) -> tuple["AnnData", Orientation]:
        return _chosen(read_10x_sample(path, samples), layer, path)

    return read


def _read_10x_h5(path: Path, layer: str | None) -> tuple["AnnData", Orientation]:
    return _chosen(read_10x_h5(path), layer, path)


def _chosen(
    read: tuple["AnnData", Orientation], layer: str | None, path: Path
) -> tuple["AnnData", Orientation]:
    """Raise if a layer is requested from a format without layers."""
    return select_layer(read[0], layer, origin=str(path)), read[1]


def _read_table(
    path: Path, layer: str | None, *, tfs: Collection[str] | None
) -> tuple["AnnData", Orientation]:
    from grn.data.reading.read_text import read_text_matrix

    table = read_text_matrix(path, tfs or ())
    if table.row_names is None:
        orientation = Orientation(CELLS_BY_GENES, "the rows have no names, so they are cells")
        row_names = _numbers(len(table.values))
    else:
        row_names = table.row_names
        names = (row_names, table.column_names)
        found = detect_orientation(table.corner, *names, tfs=tfs, values=table.values)
        if found is None:
            raise undecided(path, *names)
        orientation = found
    adata = _annotate(table.values, row_names, table.column_names, orientation)
    return _chosen((adata, orientation), layer, path)


def _read_beeline(path: Path, layer: str | None) -> tuple["AnnData", Orientation]:
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
    return _chosen((adata, orientation), layer, path)


def _annotate(
    values: np.ndarray[Any, np.dtype[np.float32]],
    row_names: list[str],
    column_names: list[str],
    orientation: Orientation,
) -> "AnnData":
    """Build the AnnData, transposed if the rows are genes."""
    import anndata
    import pandas as pd

    if orientation.layout == GENES_BY_CELLS:
        values, row_names, column_names = np.ascontiguousarray(values.T), column_names, row_names
    return anndata.AnnData(
        X=values, obs=pd.DataFrame(index=row_names), var=pd.DataFrame(index=column_names)
    )
