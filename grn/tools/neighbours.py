"""Looks up the regulators of a gene and the targets of a TF in a table of edges."""

from typing import Literal

import pandas as pd

from grn.edges.load import load
from grn.edges.read import read_edges
from grn.errors import InputError
from grn.inference.arguments import check_count
from grn.names.close import did_you_mean
from grn.names.symbols import listed


def regulators_of(
    edges: pd.DataFrame, gene: str, *, top: int | None = 10, group: str | None = None
) -> pd.DataFrame:
    """Return the regulators of a gene, the most important first.

    Parameters
    ----------
    edges
        An edge table, such as `model.edges()`, or one of several groups.
    gene
        Name of the gene, as it stands in the table.
    top
        How many; None: all.
    group
        Of a table with a column `group` (`model.edges_by_group()`), the group that is meant.

    Returns
    -------
    Rows of the table, with all its columns.

    Raises
    ------
    InputError
        No such gene or group: the message has names that are close. Or the table has groups, and
        none is named.

    Examples
    --------
    >>> grn.tl.regulators_of(edges, "TF02", top=5)["target"].unique()
    array(['TF02'], dtype=object)
    """
    return _neighbours(edges, "target", gene, top, group)


def targets_of(
    edges: pd.DataFrame, tf: str, *, top: int | None = 10, group: str | None = None
) -> pd.DataFrame:
    """Return the targets of a TF, the most important first.

    Parameters
    ----------
    edges, top, group
        As for `regulators_of`.
    tf
        Name of the TF, as it stands in the table.

    Returns
    -------
    Rows of the table, with all its columns.

    Raises
    ------
    InputError
        As for `regulators_of`.

    Examples
    --------
    >>> grn.tl.targets_of(edges, "TF01", top=5)["source"].unique()
    array(['TF01'], dtype=object)
    """
    return _neighbours(edges, "source", tf, top, group)


def _neighbours(
    edges: pd.DataFrame,
    column: Literal["source", "target"],
    name: str,
    top: int | None,
    group: str | None,
) -> pd.DataFrame:
    if top is not None:
        check_count("top", top, least=1, otherwise="None for all")
    table = read_edges(of_group(edges, group))
    found = table[table[column] == name]
    if found.empty:
        raise InputError(_not_there(table, column, name))
    return (found if top is None else found.head(top)).reset_index(drop=True)


def of_group(edges: pd.DataFrame, group: str | None) -> pd.DataFrame:
    """Return the edges of one group, or all where the table has no groups.

    Raises
    ------
    InputError
        The table has groups and none is named, or not this one.
    """
    edges, where = load(edges)
    if "group" not in edges:
        if group is not None:
            msg = f"{where} has no column group, so there is no network of {group!r} in it."
            raise InputError(msg)
        return edges
    named = edges["group"].astype(str)
    there = named.unique().tolist()
    if group is None:
        msg = (
            f"{where} has a network for each of {len(there)} groups ({listed(there)}). Name the "
            "group that is meant."
        )
        raise InputError(msg)
    if group not in there:
        msg = f"no group {group!r}. {did_you_mean(group, there)}"
        raise InputError(msg)
    return edges[named == group].drop(columns="group")


def _not_there(table: pd.DataFrame, column: str, name: str) -> str:
    names = table[column].unique().tolist()
    what, other = ("gene", "source") if column == "target" else ("TF", "target")
    if name in set(table[other]):
        is_one = "a regulator, but no target" if other == "source" else "a gene, but no regulator"
        return f"{name} is {is_one} in this network. {did_you_mean(name, names)}"
    return f"no {what} {name!r} in this network. {did_you_mean(name, names)}"
