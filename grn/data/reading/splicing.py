"""Separates counts of spliced and unspliced transcripts that stand side by side in a matrix."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

_UNSPLICED, _AMBIGUOUS = "-U", "-A"


def split_by_splicing(adata: "AnnData", path: Path) -> "AnnData":
    """Turn the three columns that alevin-fry writes per gene into layers; leave other cells alone.

    Its matrix holds all genes, then all of them with `-U` (unspliced) and once more with `-A`
    (ambiguous: the reads fit both). `X` becomes spliced + ambiguous, as alevin-fry's own loader
    takes it for cells; `total` is the sum of the three, for nuclei.

    Parameters
    ----------
    adata
        Cells × columns, `X` sparse.
    path
        Its origin, for the log.
    """
    n_genes, rest = divmod(adata.n_vars, 3)
    names = adata.var_names.to_list()
    genes = names[:n_genes]
    expected = [f"{gene}{end}" for end in (_UNSPLICED, _AMBIGUOUS) for gene in genes]
    if rest or not genes or names[n_genes:] != expected:
        return adata
    spliced, unspliced, ambiguous = (
        adata.X[:, start : start + n_genes] for start in range(0, 3 * n_genes, n_genes)
    )
    split = adata[:, :n_genes].copy()
    split.X = spliced + ambiguous
    split.layers["spliced"], split.layers["unspliced"] = spliced, unspliced
    split.layers["ambiguous"], split.layers["total"] = ambiguous, split.X + unspliced
    logger.warning(
        "%s counts spliced, unspliced and ambiguous reads of %d genes: X is spliced + ambiguous, "
        "as usual for cells. For nuclei, take the layer total",
        path,
        n_genes,
    )
    return split
