"""Packs the best edges into the columns that the page draws and lists."""

from typing import Any

import numpy as np
import pandas as pd

N_EDGES = 2000
"""Largest number of edges of the shared network, and of all groups together, in a report."""

SHARED = "all cells"
_NAMES = ("group", "source", "target")


def pack(edges: pd.DataFrame, by_group: pd.DataFrame | None = None) -> dict[str, Any]:
    """Return the best edges as columns of numbers, for JSON.

    Parameters
    ----------
    edges
        An edge table, best first. Its first 2,000 edges are kept.
    by_group
        Edges of every group, best of a group first. The groups share 2,000 edges equally.

    Returns
    -------
    `genes`, the names; `regulators`, positions in them; `groups`, the names of the networks, with
    that of all cells first; `columns`, the names of the numbers; and one list for each of
    `group`, `source`, `target` (positions) and of `columns`. NaN becomes None.
    """
    tables = [edges.head(N_EDGES).assign(group=SHARED)]
    groups = [SHARED]
    if by_group is not None and len(by_group):
        names = list(pd.unique(by_group["group"]))
        each = max(1, N_EDGES // len(names))
        kept = by_group.groupby("group", observed=True, sort=False).head(each)
        kept = kept.assign(group=_as_names(kept["group"], SHARED))
        tables.append(kept)
        groups += list(pd.unique(kept["group"]))
    table = pd.concat(tables, ignore_index=True)
    numbers = [name for name in table if name not in _NAMES and _is_number(table[name])]
    ends = pd.concat([table["source"], table["target"]])
    places, genes = pd.factorize(ends.astype(str))
    source, target = places[: len(table)], places[len(table) :]
    return {
        "genes": list(genes),
        "regulators": np.unique(source).tolist(),
        "groups": groups,
        "columns": numbers,
        "group": pd.Index(groups).get_indexer(table["group"]).tolist(),
        "source": source.tolist(),
        "target": target.tolist(),
        **{name: _rounded(table[name]) for name in numbers},
    }


def _as_names(groups: pd.Series, taken: str) -> pd.Series:
    """Return the names of the groups as text, none of which is that of the shared network."""
    names = groups.astype(str)
    return names.where(names != taken, f"group {taken}")


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _rounded(column: pd.Series) -> list[float | None]:
    """Round to five significant digits, which the page shows at most."""
    return [
        float(f"{value:.5g}") if np.isfinite(value) else None
        for value in column.to_numpy(dtype=float)
    ]
