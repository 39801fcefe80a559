"""Converts annotations of cells and genes to types that HDF5 can hold, if need be to text."""

import logging
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import h5py
import numpy as np
import pandas as pd
from anndata.io import write_elem
from scipy import sparse

from grn.expression import is_on_disk

logger = logging.getLogger(__name__)

_RESERVED = "_index"  # anndata's own, for the names of the rows
_NUMBERS = "biufc"


def storable_frame(frame: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a table that `.h5ad` can hold, its numbers and categories as they are.

    Columns of lists, intervals, times, mixed types and the like become text, and names that HDF5
    has no place for are changed; a warning says which.

    Parameters
    ----------
    frame
        `obs` or `var`, or an entry of `obsm` or `varm`.
    where
        Its name in the warnings.
    """
    frame = frame.copy()
    before = list(frame.columns)
    frame.columns = pd.Index(storable_keys(before), dtype=object)
    pairs = zip(before, frame.columns, strict=True)
    renamed = [f"{old!r} as {new!r}" for old, new in pairs if old != new]
    if renamed:
        logger.warning("%s columns are stored under other names: %s", where, ", ".join(renamed))
    name = frame.index.name
    if not isinstance(name, str) or "/" in name or name in frame.columns or name == _RESERVED:
        frame.index.name = None
    odd = [column for column in frame if not _is_held(frame[column])]
    for column in odd:
        frame[column] = _text(frame[column])
    if odd:
        logger.warning("%s columns are stored as text: %s", where, ", ".join(map(repr, odd)))
    return frame


def storable_arrays(arrays: Mapping[Any, Any], where: str) -> dict[str, Any]:
    """Return the arrays of numbers and the tables among `layers`, `obsm`, …; warn of the others.

    What stands on disk is left out, as its `X` is: it is too much to be copied.
    """
    kept = {}
    left_out = []
    for key, old in zip(storable_keys(arrays), arrays, strict=True):
        value = arrays[old]
        if isinstance(value, pd.DataFrame):
            kept[key] = storable_frame(value, f"{where}[{key!r}]")
        elif (
            is_on_disk(value) or getattr(getattr(value, "dtype", None), "kind", "") not in _NUMBERS
        ):
            left_out.append(str(old))
        else:
            other_format = sparse.issparse(value) and value.format not in ("csr", "csc")
            kept[key] = value.tocsr() if other_format else value
    if left_out:
        logger.warning("%s left out, because they are not arrays of numbers: %s", where, left_out)
    return kept


def storable_keys(names: Iterable[Any]) -> list[str]:
    """Return names that HDF5 can hold, each once."""
    keys: list[str] = []
    for name in names:
        key = str(name).replace("/", "_").replace("\0", "")
        if key in ("", ".", "..", _RESERVED):
            key = "index" if key == _RESERVED else f"column {len(keys)}"
        while key in keys:
            key = f"{key}-1"
        keys.append(key)
    return keys


def _is_held(values: pd.Series) -> bool:
    """Try whether a column can be written, unless it is plainly one of numbers."""
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in _NUMBERS:
        return True
    table = values.reset_index(drop=True).to_frame("column")
    table.index = table.index.astype(str)
    with (
        h5py.File("column", "w", driver="core", backing_store=False) as file,
        warnings.catch_warnings(action="ignore"),
    ):
        try:
            write_elem(file, "table", table)
        except Exception:  # noqa: BLE001 - of whatever kind, it says that this cannot be written
            return False
    return True


def _text(values: pd.Series) -> pd.Series:
    """Return values as text, missing ones as missing, which only categories can hold."""
    text = values.astype(object).map(lambda value: str(value).replace("\0", ""))
    text = text.map(lambda value: value.encode("utf-8", "replace").decode())
    missing = values.isna().to_numpy()
    return text.where(~missing, None).astype("category")
