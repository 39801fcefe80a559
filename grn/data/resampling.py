"""Draws other cells from those at hand: bootstraps, and cells whose genes are independent."""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

from grn.data.dataset import CellDataset

if TYPE_CHECKING:
    from anndata import AnnData

_VALUES_PER_BLOCK = 2**21


def bootstrap(adata: "AnnData", generator: np.random.Generator) -> CellDataset:
    """Draw as many cells as there are, with replacement.

    Parameters
    ----------
    adata
        Cells × genes as `CellDataset` takes them; not copied.
    generator
        Draws.
    """
    n_cells = adata.n_obs
    return CellDataset(adata, np.sort(generator.integers(n_cells, size=n_cells)))


def independent_genes(adata: "AnnData", generator: np.random.Generator) -> CellDataset:
    """Deal every gene's values out to the cells anew, each gene for itself.

    Every gene keeps its distribution; nothing is left of what genes have to do with each other,
    be it regulation, cell states or depth.

    Parameters
    ----------
    adata
        Cells × genes as `CellDataset` takes them, in memory; copied.
    generator
        Deals; dense and sparse cells come out alike.
    """
    from anndata import AnnData

    expression = adata.X
    is_sparse = sp.issparse(expression)
    by_gene = expression.tocsc() if is_sparse else expression
    # A few genes at a time: sparse cells are not made dense whole.
    n_genes = max(1, _VALUES_PER_BLOCK // adata.n_obs)
    blocks = []
    for start in range(0, adata.n_vars, n_genes):
        block = by_gene[:, start : start + n_genes]
        dealt = generator.permuted(block.toarray() if is_sparse else block, axis=0)
        blocks.append(sp.csc_matrix(dealt) if is_sparse else dealt)
    dealt_out = sp.hstack(blocks, format="csr") if is_sparse else np.hstack(blocks)
    return CellDataset(AnnData(dealt_out, var=adata.var[[]]))
