"""Scores the regulons of cells with decoupler, some cells at a time."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from grn.expression import Expression, row_blocks

if TYPE_CHECKING:
    from anndata import AnnData

_VALUES_PER_BLOCK = 2**24  # limits the memory of a block; the time was not measured
_LEAST_SHARE = 0.05  # of the genes, the default of AUCell


def score_cells(
    cells: "AnnData", edges: pd.DataFrame, *, n_up: int | None
) -> dict[str, pd.DataFrame]:
    """Return the activity of each TF in each cell, and for ULM its adjusted p-value (`_padj`).

    Parameters
    ----------
    cells
        Log-normalised; in memory or on disk.
    edges
        The targets that count for each TF, all of them among the genes.
    n_up
        AUCell with so many of the highest genes of a cell; None: ULM.
    """
    genes = cells.var_names.to_numpy(dtype=str)
    names = cells.obs_names
    parts: list[dict[str, pd.DataFrame]] = []
    for start, block in row_blocks(cells.X, max(1, _VALUES_PER_BLOCK // len(genes))):
        dense = np.asarray(block.toarray() if hasattr(block, "toarray") else block, dtype=float)
        values = pd.DataFrame(dense, names[start : start + len(dense)], genes)
        parts.append(_ulm(values, edges) if n_up is None else _aucell(values, edges, n_up))
    return {key: pd.concat([part[key] for part in parts]) for key in parts[0]}


def n_highest(expression: Expression) -> int:
    """Return how many of the highest genes of a cell AUCell should rank.

    So many as three quarters of the cells have above 0 (below them, ranks are chance), but at
    least 5 %.
    """
    seen = [np.asarray((block > 0).sum(axis=1)).ravel() for _, block in row_blocks(expression)]
    least = max(2, int(np.ceil(_LEAST_SHARE * expression.shape[1])))
    return max(least, int(np.quantile(np.concatenate(seen), 0.25)))


def _ulm(values: pd.DataFrame, edges: pd.DataFrame) -> dict[str, pd.DataFrame]:
    from decoupler.mt import ulm

    # A cell without contrast, such as an empty one, has no slope, and decoupler refuses it.
    varied = values[np.ptp(values.to_numpy(), axis=1) > 0]
    found = p_values = pd.DataFrame(columns=sorted(edges["source"].unique()), dtype=float)
    if len(varied):
        found, p_values = ulm(varied, edges, tmin=1, empty=False)
    found, p_values = found.reindex(values.index), p_values.reindex(values.index)
    return {"": found.fillna(0.0), "_padj": p_values.fillna(1.0)}


def _aucell(values: pd.DataFrame, edges: pd.DataFrame, n_up: int) -> dict[str, pd.DataFrame]:
    from decoupler.mt import aucell

    # AUCell has sets without signs: the activated and the repressed targets are two of them.
    sign = np.where(edges["weight"] > 0, "+", "-")
    sets = edges[["target"]].assign(source=sign + edges["source"].astype(object), weight=1.0)
    areas, _ = aucell(values, sets, tmin=1, empty=False, n_up=n_up)
    found = {
        tf: areas.get(f"+{tf}", 0.0) - areas.get(f"-{tf}", 0.0) for tf in edges["source"].unique()
    }
    table = pd.DataFrame(found, index=values.index)
    table[np.ptp(values.to_numpy(), axis=1) == 0] = 0.0
    return {"": table}
