"""Reads labels of cells from a column of obs: groups, batches, donors."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Int

from grn.data.preprocessing.cell_states import column
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


class Labels(NamedTuple):
    """One label per cell, stored as numbers and their names."""

    key: str
    """The column of obs."""
    codes: Int[np.ndarray, " n_cells"]
    """Position of every cell's label in `names`."""
    names: list[str]
    """Labels that occur, in the order of a categorical column or else sorted."""

    @property
    def sizes(self) -> dict[str, int]:
        """Number of cells that have each label."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return dict(zip(self.names, counts.tolist(), strict=True))

    def rows(self, name: str) -> Int[np.ndarray, " n_rows"]:
        """Return the positions of the cells that have a label, in order."""
        return np.flatnonzero(self.codes == self.names.index(name))


def read_labels(obs: "pd.DataFrame", key: str, option: str) -> Labels:
    """Read the labels of all cells from a column.

    Parameters
    ----------
    obs
        Annotations of the cells.
    key
        Name of the column.
    option
        Option that names the column, for messages, such as `--groupby`.

    Raises
    ------
    InputError
        There is no such column, cells have no label, or all have the same one.

    Examples
    --------
    >>> import pandas as pd
    >>> obs = pd.DataFrame({"cell_type": ["B", "T", "T"]})
    >>> read_labels(obs, "cell_type", "--groupby").sizes
    {'B': 1, 'T': 2}
    """
    of_cell = column(obs, key, option)
    n_missing = int(of_cell.isna().sum())
    if n_missing:
        msg = (
            f"{option} {key}: {n_missing} of {len(obs)} cells have no label. Give them one "
            f'(adata.obs["{key}"] = adata.obs["{key}"].astype(object).fillna("unknown")), or '
            f'leave them out (adata[adata.obs["{key}"].notna()]).'
        )
        raise InputError(msg)
    present = set(of_cell)
    categories = getattr(obs[key].dtype, "categories", None)
    ordered = sorted(present) if categories is None else list(map(str, categories))
    names = [name for name in ordered if name in present]
    if len(names) < 2:
        msg = (
            f"{option} {key}: all {len(obs)} cells have the label {', '.join(names)}; expected at "
            f"least two different ones. Leave {option} out, or name another column: "
            f"{', '.join(map(str, obs.columns))}."
        )
        raise InputError(msg)
    place = {name: number for number, name in enumerate(names)}
    return Labels(key, of_cell.map(place).to_numpy(np.int64), names)
