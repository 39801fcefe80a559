"""Checks the column of `obs` that says to which group each cell belongs."""

from typing import TYPE_CHECKING

import pandas as pd

from grn.errors import InputError
from grn.names.symbols import first_of

if TYPE_CHECKING:
    from anndata import AnnData


def cell_labels(adata: "AnnData", key: str, *, argument: str = "groupby") -> pd.Series:
    """Return `obs[key]` as text, one label per cell.

    Parameters
    ----------
    adata, key
        Cells, and the column of their `obs`.
    argument
        How the caller calls `key`, for messages.

    Raises
    ------
    InputError
        There is no such column, or a cell has no label.
    """
    if key not in adata.obs:
        there = ", ".join(map(str, adata.obs)) or "none"
        msg = f"{argument}={key!r} is no column of adata.obs; expected one of: {there}."
        raise InputError(msg)
    labels = adata.obs[key]
    unlabelled = labels.isna()
    if unlabelled.any():
        msg = (
            f"{int(unlabelled.sum())} of {len(labels)} cells have no {key} (NaN). Expected a "
            f"label for every cell: leave these cells out, adata[adata.obs[{key!r}].notna()], or "
            "give them a label of their own."
        )
        raise InputError(msg)
    return labels.astype(str)


def group_labels(adata: "AnnData", key: str) -> pd.Series:
    """Return `obs[key]` as text, as `cell_labels`, where there are at least two groups.

    Raises
    ------
    InputError
        There is one group only, beside what `cell_labels` refuses.
    """
    labels = cell_labels(adata, key)
    if labels.nunique() < 2:
        msg = (
            f"all {len(labels)} cells have the same {key}: {first_of(labels.unique().tolist())}. "
            "Expected at least two groups to compare; choose another column of adata.obs."
        )
        raise InputError(msg)
    return labels


def stored_activity(adata: "AnnData", key: str) -> pd.DataFrame:
    """Return what `grn.tl.activity` stored, cells × TFs.

    Raises
    ------
    InputError
        There is nothing under this key, or no table with names of TFs.
    """
    stored = adata.obsm.get(key)
    if not isinstance(stored, pd.DataFrame):
        there = ", ".join(map(str, adata.obsm)) or "none"
        found = "missing" if stored is None else f"of type {type(stored).__name__}"
        msg = (
            f"adata.obsm[{key!r}] is {found}; expected the activity of TFs, a table with a column "
            f"for each. Run grn.tl.activity(adata, edges) first, or choose its key (there are: "
            f"{there})."
        )
        raise InputError(msg)
    return stored
