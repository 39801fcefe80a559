"""Edge tables and matrices of one network: the only place where gene names become indices."""

import logging
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from grn.edge_lists import read_edges as read_edges
from grn.edge_lists import read_truth as read_truth
from grn.errors import InputError
from grn.gene_names import (
    CASE,
    NameMatch,
    are_ensembl,
    detect_species,
    listed,
    match_names,
    without_version,
)

logger = logging.getLogger(__name__)

MIN_TFS = 3


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


def match_tfs(
    tfs: Collection[str] | None,
    genes: Collection[str],
    *,
    aliases: Mapping[str, str] | None = None,
    var: pd.DataFrame | None = None,
) -> list[str]:
    """Return the TFs that are among the genes, in gene order; every gene where `tfs` is None.

    Logs how many match, by which rule of `grn.gene_names.match_names`, and which do not: a warning
    where case alone or the species of the two sides is in doubt.

    Parameters
    ----------
    tfs, genes
        Names; those returned are spelled as in `genes`, each once.
    aliases
        Other names, each with the name it stands for.
    var
        Table of the genes: where too few names match, its columns are searched for better ones.

    Raises
    ------
    InputError
        Fewer than three match; the message shows both namings, the likely cause and the fix.
    """
    if tfs is None:
        return list(genes)
    match = match_names(tfs, genes, aliases)
    found = set(match.matched.values())
    matched = [gene for gene in dict.fromkeys(genes) if gene in found]
    n_asked = len(set(tfs))
    if len(matched) < MIN_TFS:
        count = f"None of the {n_asked} TFs is a gene of the data."
        if matched:
            count = (
                f"Only {len(matched)} of the {n_asked} TFs are genes of the data "
                f"({', '.join(matched)}); at least {MIN_TFS} are needed."
            )
        msg = f"{count} {_advice(tfs, genes, match, aliases, var)}"
        raise InputError(msg)
    doubt = _doubt(tfs, genes, match)
    logger.log(
        logging.WARNING if doubt else logging.INFO,
        "%d of %d TFs are among the %d genes: %s%s",
        *(len(matched), n_asked, len(genes), match.summary(), doubt),
    )
    return matched


def _doubt(tfs: Collection[str], genes: Collection[str], match: NameMatch) -> str:
    """Say why the names that match may not be the same genes; empty where nothing says so."""
    asked, given = detect_species(tfs), detect_species(genes)
    # Mouse symbols are often written in upper case, human ones hardly ever as mouse's.
    upper_case_alone = given.weak and given.name == "human"
    differ = asked.name != given.name
    if asked.name and given.name and differ and not asked.weak and not upper_case_alone:
        return (
            f". The TFs look like {asked.name} ({asked.evidence}), the genes like {given.name} "
            f"({given.evidence}): use the list of their species (--tfs {given.name})"
        )
    if CASE in match.by and (differ or asked.weak):
        return (
            ". Names that differ in case may be of another species: mouse symbols are written "
            "Sox2, human ones SOX2 (--tfs mouse, --tfs human)"
        )
    return ""


def _advice(
    tfs: Collection[str],
    genes: Collection[str],
    match: NameMatch,
    aliases: Mapping[str, str] | None,
    var: pd.DataFrame | None,
) -> str:
    """Say why too few names match, and what to do."""
    if match.matched and not match.unmatched and not match.ambiguous:
        return "Name more TFs, or none: then every gene may regulate."
    said = hint([*match.unmatched, *match.ambiguous], genes)  # the others need no explanation
    if match.ambiguous:
        said = (
            f"{listed(match.ambiguous)}: left out, for they fit more than one gene, or one that "
            f"another TF fits too. {said}"
        )
    column, n_matched = _best_column(tfs, aliases, var)
    if n_matched >= MIN_TFS:
        return (
            f"{said} The var column {column!r} would match {n_matched}: --gene-column {column} "
            f"(train: data.gene_column={column}; in Python: adata.var_names = "
            f"adata.var[{column!r}])."
        )
    if are_ensembl(tfs) != are_ensembl(genes):
        return (
            f"{said} A table of ids and symbols does it: --aliases FILE (train: "
            "data.aliases=FILE), two columns: alias, name."
        )
    return said


def _best_column(
    tfs: Collection[str], aliases: Mapping[str, str] | None, var: pd.DataFrame | None
) -> tuple[str, int]:
    """Return the text column of `var` that names most TFs, and how many."""
    if var is None:
        return "", 0
    columns = var.select_dtypes(["object", "string", "category"])
    counts = [
        (len(match_names(tfs, columns[column].astype(str), aliases).matched), str(column))
        for column in columns
    ]
    n_matched, column = max(counts, default=(0, ""))
    return column, n_matched


def hint(names: Collection[str], genes: Collection[str]) -> str:
    """Say how two sets of names look and why they may not match: case, identifiers, species."""
    shown = f"Names asked for: {listed(names)}; genes: {listed(genes)}. "
    are_ids = are_ensembl(names), are_ensembl(genes)
    if are_ids[0] != are_ids[1]:
        return shown + "One side is Ensembl ids, the other symbols: convert one of them."
    if all(are_ids) and set(map(without_version, names)) & set(map(without_version, genes)):
        return shown + "The Ensembl ids differ in their version suffix (.1, .2): remove it."
    by_case = {name.upper() for name in names} & {gene.upper() for gene in genes}
    exact = set(names) & set(genes)
    if len(by_case) > len(exact):
        return shown + (
            f"{len(by_case)} would match if case were ignored: mouse symbols are written Sox2, "
            "human ones SOX2. Use the list of your species, or write both in upper case."
        )
    asked, given = detect_species(names), detect_species(genes)
    if asked.name and given.name and asked.name != given.name:
        return shown + (
            f"The names asked for look like {asked.name} ({asked.evidence}), the genes like "
            f"{given.name} ({given.evidence}): use names of one species."
        )
    return shown + "Check that both are the same species and the same kind of identifier."
