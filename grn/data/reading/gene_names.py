"""Gives every gene a unique name."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grn.errors import InputError
from grn.names.symbols import first_of

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

logger = logging.getLogger(__name__)

# Where formats keep the ids of genes, in lower case.
_IDS = ("gene_ids", "gene_id", "accession", "ensembl_id", "ensembl", "ensemblid", "id")
_MISSING = "NA"  # what R writes; once it may be a name


def name_genes(adata: "AnnData", column: str, path: Path) -> None:
    """Name the genes by a column of `var`, in place; one without an entry keeps its name.

    Raises
    ------
    InputError
        There is no such column; the message lists those that exist.
    """
    if column == adata.var_names.name:
        return
    if column not in adata.var:
        index = adata.var_names.name
        named = f" Its index is {index!r} already." if index else ""
        msg = (
            f"{path}: var has no column {column!r} to name genes by. Its columns: "
            f"{', '.join(map(str, adata.var.columns)) or 'none'}.{named}"
        )
        raise InputError(msg)
    chosen = adata.var[column].astype(object)
    missing = _missing(chosen)
    adata.var_names = np.where(missing, adata.var_names, chosen).astype(str)
    if missing.any():
        logger.warning(
            "%d gene(s) have no %s and keep the name of the index", missing.sum(), column
        )


def complete_names(adata: "AnnData", whose: str) -> None:
    """Name the genes without a name by their id, and number repeated names, in place.

    The second A becomes A-1, the third A-2.

    Parameters
    ----------
    adata
        With names of type str.
    whose
        Name of the cells or file, for the log.
    """
    names = adata.var_names.to_series()
    column = next((name for name in adata.var if str(name).lower() in _IDS), None)
    missing = names.str.strip() == ""
    if column is not None and (names == _MISSING).sum() > 1:
        missing |= names == _MISSING
    if missing.any():
        places = np.flatnonzero(missing)
        other = [f"unnamed-{place + 1}" for place in places]
        if column is not None:
            ids = adata.var[column].astype(object).iloc[places]
            other = list(np.where(_missing(ids), other, ids.astype(str)))
        completed = names.to_numpy(object).copy()
        completed[places] = other
        adata.var_names = completed.astype(str)
        logger.warning(
            "%d gene(s) of %s have no name and are called %s", len(places), whose, first_of(other)
        )
    n_repeated = int(adata.var_names.duplicated().sum())
    if n_repeated:
        adata.var_names_make_unique()
        logger.warning("%d repeated gene symbol(s) of %s numbered", n_repeated, whose)


def _missing(names: "pd.Series") -> "pd.Series":
    return names.isna() | (names.astype(str).str.strip() == "")
