"""Resamples cells: bootstraps, and cells with decoys of the regulators."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy.sparse as sp
from jaxtyping import Int

from grn.data.dataset import CellDataset
from grn.interventions import Interventions

if TYPE_CHECKING:
    from anndata import AnnData


def bootstrap(
    adata: "AnnData",
    generator: np.random.Generator,
    batch: Int[np.ndarray, " n_cells"] | None = None,
    interventions: Interventions | None = None,
) -> CellDataset:
    """Draw as many cells as there are, with replacement.

    Parameters
    ----------
    adata
        Cells × genes as `CellDataset` takes them; not copied.
    generator
        Source of the random numbers.
    batch, interventions
        As `CellDataset` takes them.
    """
    n_cells = adata.n_obs
    drawn = np.sort(generator.integers(n_cells, size=n_cells))
    return CellDataset(adata, drawn, batch, interventions)


def with_decoys(
    adata: "AnnData",
    tf_index: Int[np.ndarray, " n_tfs"],
    generator: np.random.Generator,
    batch: Int[np.ndarray, " n_cells"] | None = None,
) -> CellDataset:
    """Add a decoy of every regulator: its values, permuted over the cells.

    A decoy has the distribution of its regulator and is independent of every gene; all other genes
    are unchanged.

    Parameters
    ----------
    adata
        Cells × genes as `CellDataset` takes them, in memory; copied.
    tf_index
        Position of each regulator among the genes.
    generator
        Source of the permutations, which are the same for dense and sparse cells.
    batch
        As `CellDataset` takes it.

    Returns
    -------
    The genes, then the decoys in the order of the regulators, named by `decoy_names`.
    """
    from anndata import AnnData

    expression = adata.X
    is_sparse = sp.issparse(expression)
    by_gene = expression.tocsc() if is_sparse else expression
    regulators = by_gene[:, tf_index]
    dealt = generator.permuted(regulators.toarray() if is_sparse else regulators, axis=0)
    both = sp.hstack([by_gene, dealt], format="csr") if is_sparse else np.hstack([by_gene, dealt])
    names = [*adata.var_names, *decoy_names(adata.var_names[tf_index])]
    return CellDataset(AnnData(both, var=pd.DataFrame(index=names)), batch=batch)


def decoy_names(tfs: Iterable[str]) -> list[str]:
    """Return the names of the decoys of some regulators."""
    return [f"decoy of {tf}" for tf in tfs]
