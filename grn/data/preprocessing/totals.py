"""Finds the totals of cells over all genes, if the matrix holds only some of the genes."""

import logging
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from grn.expression import row_blocks

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

# Columns in which tools keep the total of all genes, in lower case without separators.
_COLUMNS = {
    "totalcounts", "ncounts", "ncount", "ncountrna", "numi", "numis", "totalumi", "totalumis",
    "umicount", "umicounts", "librarysize", "libsize", "nreads", "totalreads",
}  # fmt: skip
# A matrix with at least this share of the totals is complete: quality filters of genes remove less
# than the rest. Chosen by hand.
_SHARE_OF_A_WHOLE = 0.9
# Smallest correlation between the totals of the remaining genes and those of all genes. Both
# depend on sequencing depth, so with less they hardly belong to the same cells. Chosen by hand.
_LEAST_CORRELATION = 0.5
# Names of columns that mark highly variable genes, to which a matrix may have been cut.
_CHOSEN = ("highly_variable", "vst.variable", "highlyvariable")
# Matrices are cut to round numbers of genes, up to a few thousand. Chosen by hand; the result is
# only a warning.
_ROUND_NUMBER, _MOST_CHOSEN = 500, 5000


def find_totals(
    adata: "AnnData",
    own: Float[np.ndarray, " n_cells"],
    cells: Bool[np.ndarray, " n_cells"],
) -> tuple[str, Float[np.ndarray, " n_cells"]] | None:
    """Return the origin and the totals of all genes if the matrix holds only some; else None.

    Highly variable genes hold about a tenth of the counts of a cell. If cells are scaled by their
    total alone, a gene that rises makes the others seem to fall. Totals come from `raw`, if it
    holds counts, or from a column of `obs` such as `total_counts`; without any, a warning says so.

    Parameters
    ----------
    adata, own
        The counts, and the total of each cell.
    cells
        Mask of the kept cells, by which the decision is made.
    """
    own_kept = own[cells]
    for name, totals in _candidates(adata):
        share = own_kept.sum() / max(totals[cells].sum(), 1e-9)
        if _are_of_more_genes(own_kept, totals[cells]) and share < _SHARE_OF_A_WHOLE:
            logger.warning(
                "the matrix holds %.0f %% of the counts of its cells, so only some of the genes. "
                "Cells are scaled by their totals in %s instead",
                100 * share,
                name,
            )
            return name, totals
    if reason := _looks_chosen(adata):
        logger.warning(
            "these look like counts of selected genes only (%s): cells are scaled by the total of "
            "these, so a gene that rises makes the others fall. Pass the counts of all genes "
            "(preprocess.n_top_genes chooses), or the totals of all in obs['total_counts']",
            reason,
        )
    return None


def _candidates(adata: "AnnData") -> list[tuple[str, Float[np.ndarray, " n_cells"]]]:
    """List the totals that are stored with the cells, and their origins."""
    found = []
    if adata.raw is not None and adata.raw.n_vars > adata.n_vars:
        totals, whole = [], True
        for _, block in row_blocks(adata.raw.X):
            values = getattr(block, "data", block) if not isinstance(block, np.ndarray) else block
            whole = whole and bool((values == np.rint(values)).all() and (values >= 0).all())
            if not whole:
                break
            totals.append(np.asarray(block.sum(axis=1), float).ravel())
        if whole:
            found.append(("raw", np.concatenate(totals)))
    for column in adata.obs.columns:
        values = adata.obs[column]
        plain = "".join(filter(str.isalpha, str(column).lower()))
        if plain in _COLUMNS and values.dtype.kind in "iuf":
            found.append((f"obs[{str(column)!r}]", values.to_numpy(float)))
    return found


def _are_of_more_genes(
    own: Float[np.ndarray, " n_cells"], totals: Float[np.ndarray, " n_cells"]
) -> bool:
    """Return whether totals may belong to the same cells with more genes."""
    if not (np.isfinite(totals).all() and (totals >= 0).all()):
        return False
    if (own > totals * (1 + 1e-4)).any():
        return False
    if own.std() == 0 or totals.std() == 0:
        return False
    return bool(np.corrcoef(np.log1p(own), np.log1p(totals))[0, 1] >= _LEAST_CORRELATION)


def _looks_chosen(adata: "AnnData") -> str:
    """Return the evidence that the genes were selected; an empty string if there is none."""
    for column in _CHOSEN:
        if column in adata.var and adata.var[column].astype(str).isin(["True", "1"]).all():
            return f"all are marked {column} in var"
    if adata.raw is not None and adata.raw.n_vars > adata.n_vars:
        return f"raw has {adata.raw.n_vars} genes"
    if adata.n_vars <= _MOST_CHOSEN and adata.n_vars % _ROUND_NUMBER == 0:
        return f"{adata.n_vars} is a round number"
    return ""
