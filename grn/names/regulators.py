"""Finds the requested regulators among the genes, and advises if few of them are found."""

import logging
from collections.abc import Collection, Mapping

import pandas as pd

from grn.errors import InputError
from grn.names.species import are_barcodes, detect_species, doubled
from grn.names.symbols import (
    CASE,
    NameMatch,
    are_ensembl,
    listed,
    match_names,
    without_version,
)

logger = logging.getLogger(__name__)

# The row of a target is a unit vector over its regulators. With one regulator it is ±1, whatever
# the expression is, and with two it is a single angle. Three was chosen by hand as the smallest
# number that is worth ranking, and was not measured.
MIN_TFS = 3
# The species whose TF lists can be requested by name (`--tfs human`).
_WITH_A_LIST = ("human", "mouse")


def match_tfs(
    tfs: Collection[str],
    genes: Collection[str],
    *,
    aliases: Mapping[str, str] | None = None,
    var: pd.DataFrame | None = None,
) -> NameMatch:
    """Find the TFs among the genes; `found` of the result lists them in gene order.

    The log states how many names match, by which rule of `grn.names.symbols.match_names`, and
    which do not. This is a warning if TFs and genes may be of different species. A second warning
    is logged if a matched symbol also occurs with a number (`SOX2-1`), since only the gene without
    a number is then a regulator.

    Parameters
    ----------
    tfs, genes
        Names of the TFs and of the genes, which may be spelled differently.
    aliases
        Other names, each with the name it stands for.
    var
        Table of the genes. If too few names match, its columns are searched for names that do.

    Raises
    ------
    InputError
        Fewer than three match. The message shows names of both sides, the likely cause and the
        fix.
    """
    match = match_names(tfs, genes, aliases)
    matched = match.found
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
    there = set(genes)
    repeated = [tf for tf in matched if f"{tf}-1" in there]
    if repeated:
        logger.warning(
            "%d TF(s) also occur with a number, as repeated symbols do (%s): only the genes "
            "without a number are regulators. Merge the copies, or add them to the list.",
            *(len(repeated), listed(f"{tf}-1" for tf in repeated)),
        )
    return match


def _doubt(tfs: Collection[str], genes: Collection[str], match: NameMatch) -> str:
    """Return why matching names may be different genes; empty if there is no such evidence."""
    asked, given = detect_species(tfs), detect_species(genes)
    # Mouse symbols are often written in upper case; human ones are hardly ever written like Sox2.
    upper_case_alone = given.weak and given.name == "human"
    differ = asked.name != given.name
    if asked.name and given.name and differ and not asked.weak and not upper_case_alone:
        listing = given.name if given.name in _WITH_A_LIST else "FILE"
        return (
            f". The TFs look like {asked.name} ({asked.evidence}), the genes like {given.name} "
            f"({given.evidence}): use the list of their species (--tfs {listing})"
        )
    copies = doubled(match.unmatched, genes)
    if copies:
        return (
            f". {len(copies)} TFs are not among the genes, but two copies of each are, named a "
            f"and b ({listed(f'{name}a' for name in copies)}), as in fish: use a TF list for the "
            "species of the cells (--tfs FILE)"
        )
    if CASE in match.by and (differ or asked.weak):
        return (
            ". Names that differ in case may be of another species: mouse symbols are written "
            "Sox2, human ones SOX2 (--tfs mouse, --tfs human), those of fish and others sox2 "
            "(--tfs FILE)"
        )
    return ""


def _advice(
    tfs: Collection[str],
    genes: Collection[str],
    match: NameMatch,
    aliases: Mapping[str, str] | None,
    var: pd.DataFrame | None,
) -> str:
    """Return why too few names match, and what the user can do."""
    if match.matched and not match.unmatched and not match.ambiguous:
        return "Name more TFs, or none: then every gene may regulate."
    # Names that match need no explanation.
    said = hint([*match.unmatched, *match.ambiguous], genes)
    if match.ambiguous:
        said = (
            f"{listed(match.ambiguous)}: left out, because each of them fits several genes, or a "
            f"gene that another TF fits too. {said}"
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
            f"{said} A table of ids and symbols translates them: --aliases FILE (train: "
            "data.aliases=FILE), with two columns: alias, name."
        )
    return said


def _best_column(
    tfs: Collection[str], aliases: Mapping[str, str] | None, var: pd.DataFrame | None
) -> tuple[str, int]:
    """Return the text column of `var` in which most TFs are found, and their number."""
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
    """Describe two sets of names and why they may not match: case, identifiers, species."""
    shown = f"Names asked for: {listed(names)}; genes: {listed(genes)}. "
    are_ids = are_ensembl(names), are_ensembl(genes)
    if are_ids[0] != are_ids[1]:
        return shown + "One side uses Ensembl ids, the other symbols: convert one of them."
    if all(are_ids) and set(map(without_version, names)) & set(map(without_version, genes)):
        return shown + "The Ensembl ids differ in their version suffix (.1, .2): remove it."
    if are_barcodes(genes) and not are_barcodes(names):
        return shown + (
            "The genes look like cell barcodes: the matrix may be transposed (in Python: "
            "adata = adata.T)."
        )
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
