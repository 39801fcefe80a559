"""Edge tables and matrices of one network: the only place where gene names become indices."""

import logging
import re
from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from grn.edge_lists import read_edges as read_edges
from grn.edge_lists import read_truth as read_truth
from grn.errors import InputError

logger = logging.getLogger(__name__)

_MIN_TFS = 3


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


def match_tfs(tfs: Collection[str] | None, genes: Collection[str]) -> list[str]:
    """Return the TFs that are among the genes, in gene order; every gene where `tfs` is None.

    Raises
    ------
    InputError
        Fewer than three match; the message shows both namings and the likely cause.
    """
    if tfs is None:
        return list(genes)
    wanted = set(tfs)
    matched = [gene for gene in genes if gene in wanted]
    if not matched:
        msg = f"None of the {len(wanted)} TFs is a gene of the data. {hint(tfs, genes)}"
        raise InputError(msg)
    if len(matched) < _MIN_TFS:
        msg = (
            f"Only {len(matched)} of the {len(wanted)} TFs are genes of the data "
            f"({', '.join(matched)}); at least {_MIN_TFS} are needed. {hint(tfs, genes)}"
        )
        raise InputError(msg)
    logger.info("%d of %d TFs are among the %d genes", len(matched), len(wanted), len(genes))
    return matched


def hint(names: Collection[str], genes: Collection[str]) -> str:
    """Say how two sets of names look and why they may not match: case, identifiers, species."""
    shown = f"Names asked for: {_three(names)}; genes: {_three(genes)}. "
    ensembl = re.compile(r"ENS[A-Z]*[GT]\d+")
    are_ids = [sum(map(bool, map(ensembl.match, side))) > len(side) / 2 for side in (names, genes)]
    if are_ids[0] != are_ids[1]:
        return shown + "One side is Ensembl ids, the other symbols: convert one of them."
    if all(are_ids) and {n.split(".")[0] for n in names} & {g.split(".")[0] for g in genes}:
        return shown + "The Ensembl ids differ in their version suffix (.1, .2): remove it."
    by_case = {name.upper() for name in names} & {gene.upper() for gene in genes}
    exact = set(names) & set(genes)
    if len(by_case) > len(exact):
        return shown + (
            f"{len(by_case)} would match if case were ignored: mouse symbols are written Sox2, "
            "human ones SOX2. Use the list of your species, or write both in upper case."
        )
    return shown + "Check that both are the same species and the same kind of identifier."


def _three(names: Collection[str]) -> str:
    some = sorted(set(map(str, names)))[:3]
    return ", ".join(some) + (", …" if len(set(names)) > len(some) else "")
