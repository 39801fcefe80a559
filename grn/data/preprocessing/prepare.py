"""Prepares cells and regulators together: names are matched first, values are read later."""

import logging
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

from grn.data.preprocessing.check import check_cells
from grn.data.reading.orientation import check_axes
from grn.errors import InputError
from grn.names.regulators import MIN_TFS, match_tfs
from grn.names.symbols import NameMatch, first_of

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
    """Match the regulators, preprocess the cells and keep the regulators that remain.

    Names are matched first, so that wrong names raise in seconds for any number of cells.

    Parameters
    ----------
    adata
        Cells × genes, as they were read.
    tfs
        Names of the regulators; None means every remaining gene.
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
    return preprocess_named(adata, find_regulators(adata, tfs, aliases=aliases), preprocess)


def find_regulators(
    adata: "AnnData", tfs: Collection[str] | None, *, aliases: Mapping[str, str] | None = None
) -> NameMatch | None:
    """Check the cells and match the names of the regulators: the first half of `prepare`.

    Returns
    -------
    Result of matching the names to the genes; None if every gene may be a regulator.
    """
    check_cells(adata)
    check_axes(adata, tfs)
    if tfs is None:
        return None
    return match_tfs(tfs, adata.var_names, aliases=aliases, var=adata.var)


def preprocess_named(
    adata: "AnnData",
    match: NameMatch | None,
    preprocess: Callable[..., "AnnData"],
    *,
    keep: Collection[str] = (),
) -> tuple["AnnData", list[str]]:
    """Preprocess the cells and keep the remaining regulators: the second half of `prepare`.

    Parameters
    ----------
    adata, preprocess
        As in `prepare`.
    match
        Result of `find_regulators`.
    keep
        Further genes that a choice of variable genes keeps, beside the regulators.
    """
    if match is None:
        prepared = preprocess(adata, keep=keep)
        return prepared, prepared.var_names.tolist()
    matched = match.found
    prepared = preprocess(adata, keep=[*matched, *keep])
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
