"""Edge tables and matrices of one network: gene names become indices, and back."""

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from grn.errors import InputError


def edge_table(
    weight: Float[np.ndarray, "n_tfs n_genes"],
    importance: Float[np.ndarray, "n_tfs n_genes"],
    tfs: Collection[str],
    genes: Collection[str],
    **extra: np.ndarray,
) -> pd.DataFrame:
    """Build the complete table of TF × gene pairs but self, best edge first.

    Parameters
    ----------
    weight, importance
        Signed strength, and the number ≥ 0 that ranks.
    tfs, genes
        Names of the rows and columns, in order.
    extra
        Further columns by name, of any shape that broadcasts to (n_tfs, n_genes): (n_genes,) is
        one value per target, (n_tfs, 1) one per regulator.

    Returns
    -------
    `source, target, weight, importance` and the extra columns. Ties are ordered by source, then
    target name, so the order of rows and columns in the matrices changes nothing.
    """
    sources, targets = np.asarray(list(tfs), object), np.asarray(list(genes), object)
    shape = (len(sources), len(targets))
    for name, matrix in (("weight", weight), ("importance", importance)):
        if matrix.shape != shape or not np.isfinite(matrix).all():
            finite = int(np.isfinite(matrix).sum())
            msg = f"{name}: got {matrix.shape}, {finite} numbers finite; expected all of {shape}"
            raise ValueError(msg)
    # In order of names, a stable sort by importance alone has the tie rule built in.
    rows, columns = np.argsort(sources, kind="stable"), np.argsort(targets, kind="stable")
    sources, targets = sources[rows], targets[columns]
    ranked = np.ravel(importance[np.ix_(rows, columns)])
    order = np.argsort(-ranked, kind="stable")
    i, j = np.divmod(order, shape[1])
    keep = sources[i] != targets[j]
    i, j = i[keep], j[keep]
    pairs = rows[i], columns[j]
    table = {"source": sources[i], "target": targets[j]}
    table |= {"weight": weight[pairs], "importance": importance[pairs]}
    table |= {name: np.broadcast_to(values, shape)[pairs] for name, values in extra.items()}
    return pd.DataFrame(table)


def adjacency(
    edges: pd.DataFrame,
    tfs: Collection[str],
    genes: Collection[str],
    column: str = "weight",
    fill: float = 0.0,
) -> Float[np.ndarray, "n_tfs n_genes"]:
    """Lay one column of an edge table out as a matrix: row regulates column.

    Edges whose names are not asked for are left out; pairs that the table does not list are
    `fill`. The table has one row per pair, as `read_edges` and `edge_table` return it.
    """
    matrix = np.full((len(tfs), len(genes)), fill, dtype=float)
    rows, columns = locate(edges["source"], tfs), locate(edges["target"], genes)
    known = (rows >= 0) & (columns >= 0)
    matrix[rows[known], columns[known]] = edges[column].to_numpy()[known]
    return matrix


def locate(names: Collection[str], among: Collection[str]) -> Int[np.ndarray, " n_names"]:
    """Position of each name in `among` (no duplicates there), −1 where it is absent."""
    index = among if isinstance(among, pd.Index) else pd.Index(list(among), dtype=object)
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        msg = f"The name {twice!r} occurs twice. Names must be unique: rename or merge."
        raise InputError(msg)
    positions: np.ndarray[Any, Any] = index.get_indexer(pd.Index(names))
    return positions


def degrees(
    edges: pd.DataFrame, tfs: Collection[str], genes: Collection[str]
) -> tuple[Int[np.ndarray, " n_tfs"], Int[np.ndarray, " n_genes"]]:
    """Count the targets of each TF and the regulators of each gene in an edge table."""
    out_degree = edges["source"].value_counts().reindex(list(tfs), fill_value=0)
    in_degree = edges["target"].value_counts().reindex(list(genes), fill_value=0)
    return out_degree.to_numpy(), in_degree.to_numpy()
