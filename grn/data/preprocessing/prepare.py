"""Cells and regulators made ready together: names are matched first, values come after."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from grn.data.preprocessing.check import check_cells
from grn.data.reading.orientation import check_axes
from grn.errors import InputError
from grn.names.regulators import MIN_TFS, match_tfs
from grn.names.symbols import first_of

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)


def prepare(
    adata: "AnnData",
    tfs: Collection[str] | None,
    preprocess: Callable[..., "AnnData"],
    *,
    aliases: Mapping[str, str] | None = None,
) -> tuple["AnnData", list[str]]:
    """Match the regulators, preprocess the cells and keep the regulators that are still there.

    Names that do not match show in seconds, however many cells there are.

    Parameters
    ----------
    adata
        Cells × genes, as read.
    tfs
        Names of the regulators; None: every gene that is left.
    preprocess
        `grn.preprocess` with its settings.
    aliases
        Other names of genes, for `grn.names.regulators.match_tfs`.

    Returns
    -------
    The preprocessed cells, and the regulators in the order of their genes.

    Raises
    ------
    InputError
        The cells cannot be used, or fewer than 3 regulators match or are left.
    """
    check_cells(adata)
    check_axes(adata, tfs)
    matched = match_tfs(tfs, adata.var_names, aliases=aliases, var=adata.var)
    prepared = preprocess(adata, keep=() if tfs is None else matched)
    if tfs is None:
        return prepared, prepared.var_names.tolist()
    wanted = set(matched)
    left = [gene for gene in prepared.var_names if gene in wanted]
    removed = [tf for tf in matched if tf not in set(left)]
    names = first_of(removed)
    if len(left) < MIN_TFS:
        msg = (
            f"only {len(left)} of the {len(matched)} TFs among the genes vary and pass the "
            f"filters (removed: {names}); at least {MIN_TFS} are needed. Name more TFs, or relax "
            "preprocess.min_cells."
        )
        raise InputError(msg)
    if removed:
        logger.warning("%d TF(s) do not vary or were filtered out: %s", len(removed), names)
    return prepared, left
