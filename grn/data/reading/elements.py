"""Reads the needed parts of an `.h5ad` or `.zarr`: a matrix, the names, and their tables."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grn.data.reading.declared import check_declared, check_places, names_in
from grn.data.reading.layers import RAW, no_matrix, select_layer
from grn.data.reading.multimodal import split_modality, with_shared
from grn.data.reading.unreadable import check_numbers

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

_READ_WHOLE = ("obs", "var", "raw/var", "obsm")
_LARGE = 1_000_000  # bytes of one entry of uns; images and graphs of cells lie there
_LARGE_OBSM = 2**28  # bytes of one entry of obsm: 50 components of a million cells fit
_BLOCK = 2**24  # bytes read at once, beside a matrix of many times that; not chosen by time


@contextmanager
def opened(path: Path, *, stays: bool = False) -> Iterator[Any]:
    """Open an `.h5ad`, `.h5mu/NAME`, `.zarr` or `.zarr.zip`: a group of h5py or zarr.

    It is closed again, after an error always: HDF5 would give what it remembers of an open file
    to who reads the path next, although the file may have been written again meanwhile.

    Parameters
    ----------
    path
        The file or folder.
    stays
        Whether it stays open without an error, for a matrix that is read later.
    """
    store = _open(path)
    try:
        yield store
    except BaseException:
        _close(store)
        raise
    if not stays:
        _close(store)


def _open(path: Path) -> Any:
    multimodal = split_modality(path)
    if multimodal is not None or path.suffix.lower() == ".h5ad":
        import h5py

        if multimodal is None:
            return h5py.File(path, "r")
        file, modality = multimodal
        return h5py.File(file, "r")["mod"][modality]
    import zarr

    if path.is_file():
        return zarr.open_group(zarr.storage.ZipStore(path, mode="r"), mode="r")
    return zarr.open_group(path, mode="r")


def _close(store: Any) -> None:
    (store.file if hasattr(store, "file") else store.store).close()


def place_of(store: Any, layer: str | None) -> str:
    """Return the key of the chosen matrix in the store: `X`, `layers/…`, or `raw/X`."""
    if layer is None:
        return "X"
    return "raw/X" if layer == RAW and f"layers/{RAW}" not in store else f"layers/{layer}"


def layers_of(store: Any) -> list[str]:
    """Return the layers that can be chosen, `raw` at the end."""
    names = names_in(store["layers"]) if "layers" in store else []
    return [*dict.fromkeys([*names, *([RAW] if "raw/X" in store else [])])]


def read_chosen(
    path: Path, layer: str | None, read_matrix: Callable[[Any], Any], *, stays: bool = False
) -> "AnnData":
    """Read one matrix and the tables beside it, and nothing else.

    Parts of the tables, of `obsm` and of `uns` that cannot be read, such as an encoding of a newer
    version or a missing column, are left out, with a warning that names them.

    Parameters
    ----------
    path
        `.h5ad` or `.zarr`.
    layer
        As in `grn.read_cells`.
    read_matrix
        Function from the element of the store to `X`.
    stays
        Whether `X` is read from the store later, which stays open for it.

    Raises
    ------
    InputError
        There is no such matrix, it holds no numbers, or it is not safe to read.
    """
    with opened(path, stays=stays) as store:
        return _read_chosen(store, path, layer, read_matrix)


def _read_chosen(
    store: Any, path: Path, layer: str | None, read_matrix: Callable[[Any], Any]
) -> "AnnData":
    import anndata

    if _is_old(store):
        check_declared(path, store)
        return select_layer(anndata.read_h5ad(path), layer, origin=str(path))
    place, layers = place_of(store, layer), layers_of(store)
    if place not in store or store[place].attrs.get("encoding-type") == "null":
        raise no_matrix(str(path), layer, layers)
    element = store[place]
    check_numbers(element["data"] if "data" in _keys(element) else element, path)
    check_declared(path, element, *(store[name] for name in _READ_WHOLE if name in store))
    if "uns" in store:
        check_places(path, store["uns"])
    lost: list[str] = []
    obs = _obs(store, path, lost)
    adata = anndata.AnnData(
        X=read_matrix(element),
        obs=obs,
        var=_table(store, "raw/var" if place == "raw/X" else "var", lost),
        obsm=_embeddings(store["obsm"], len(obs), lost) if "obsm" in store else {},
        uns=_readable(store["uns"], "uns", lost) if "uns" in store else {},
    )
    if lost:
        logger.warning(
            "%s: left out parts that cannot be read or are too large: %s", path, "; ".join(lost)
        )
    if layers:
        logger.info("%s: other matrices, not read: %s", path, ", ".join(layers))
    adata.uns["grn_read"] = {"layers": layers}
    return adata


def read_into_memory(element: Any) -> Any:
    """Read a matrix; a dense one comes as float32, without a copy of another type beside it."""
    from anndata.io import read_elem

    plain = element.attrs.get("encoding-type", "array") == "array" and not _keys(element)
    return read_dense(element) if plain and element.ndim == 2 else read_elem(element)


def read_dense(element: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Read rows × columns of h5py or zarr as float32, some rows at a time."""
    n_rows, n_columns = element.shape
    whole = np.empty((n_rows, n_columns), np.float32)
    for rows in row_slices(element):
        whole[rows] = element[rows]
    return whole


def row_slices(element: Any) -> list[slice]:
    """Return slices of whole chunks that cover the rows, of about 16 MB each."""
    n_rows, n_columns = element.shape
    chunk = (element.chunks or (1,))[0]
    n_chunks = max(1, _BLOCK // max(1, chunk * n_columns * element.dtype.itemsize))
    step = chunk * n_chunks
    return [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]


def _keys(element: Any) -> list[str]:
    """Return the names in a group; none of an array."""
    return names_in(element) if hasattr(element, "keys") else []


def _is_old(store: Any) -> bool:
    """Return whether an `.h5ad` is of anndata 0.6 or older, whose elements have no type."""
    old_matrix = "X" in store and "h5sparse_format" in store["X"].attrs
    return old_matrix or ("obs" in store and not hasattr(store["obs"], "keys"))


def _obs(store: Any, path: Path, lost: list[str]) -> "pd.DataFrame":
    """Read `obs`; that of a modality with what the whole file says of its cells."""
    obs, multimodal = _table(store, "obs", lost), split_modality(path)
    if multimodal is None or "obs" not in store.file:
        return obs
    return with_shared(obs, _table(store.file, "obs", lost), multimodal[1])


def _table(store: Any, name: str, lost: list[str]) -> "pd.DataFrame":
    """Read `obs` or `var`; if that fails, read the columns that can be read."""
    import pandas as pd
    from anndata.io import read_elem

    group = store[name]
    try:
        return read_elem(group)
    except Exception:  # whatever is wrong with a column, the others are read
        logger.debug("%s is read column by column", name, exc_info=True)
    key = group.attrs["_index"]
    index = pd.Index(np.asarray(read_elem(group[key])), name=None if key == "_index" else key)
    columns = {}
    for column in map(str, group.attrs["column-order"]):
        try:
            columns[column] = _column(group[column], len(index))
        except Exception as error:  # noqa: BLE001  libraries raise what they like
            lost.append(_saying(f"{name}/{column}", error))
    return pd.DataFrame(
        {name: pd.Series(column, index) for name, column in columns.items()}, index
    )


def _column(element: Any, length: int) -> Any:
    """Read a column of a table, which has to have the length of the others."""
    from anndata.io import read_elem

    if "categories" in element.attrs:
        msg = "categories as anndata 0.7 stored them"
        raise ValueError(msg)
    values = read_elem(element)
    if len(values) != length:
        msg = f"it has {len(values)} entries, the table {length} rows"
        raise ValueError(msg)
    return values


def _embeddings(group: Any, n_cells: int, lost: list[str]) -> dict[str, Any]:
    """Read `obsm`: what was computed of the cells, such as the coordinates of a UMAP."""
    from anndata.io import read_elem

    found: dict[str, Any] = {}
    for key in names_in(group):
        try:
            if (n_bytes := _n_bytes(group[key])) > _LARGE_OBSM:
                lost.append(f"obsm/{key} ({n_bytes / 1e6:,.0f} MB)")
                continue
            value = read_elem(group[key])
            if len(value.shape) < 2 or value.shape[0] != n_cells:
                lost.append(f"obsm/{key} (shape {value.shape} for {n_cells} cells)")
                continue
            found[key] = value
        except Exception as error:  # noqa: BLE001  libraries raise what they like
            lost.append(_saying(f"obsm/{key}", error))
    return found


def _readable(group: Any, name: str, lost: list[str]) -> dict[str, Any]:
    """Read the small entries of `uns`, which other programs may fill with anything."""
    from anndata.io import read_elem

    entries: dict[str, Any] = {}
    for key in names_in(group):
        place = f"{name}/{key}"
        try:
            element = group[key]
            if element.attrs.get("encoding-type", "dict") == "dict" and hasattr(element, "keys"):
                entries[key] = _readable(element, place, lost)
            elif _n_bytes(element) <= _LARGE:
                entries[key] = read_elem(element)
        except Exception as error:  # noqa: BLE001  libraries raise what they like
            lost.append(_saying(place, error))
    return entries


def _n_bytes(element: Any) -> int:
    """Return the bytes of an array or of all in a group."""
    if hasattr(element, "keys"):
        return sum(_n_bytes(element[key]) for key in names_in(element))
    return int(np.prod(element.shape) * element.dtype.itemsize)


def _saying(place: str, error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return f"{place} ({lines[0][:100]})"
