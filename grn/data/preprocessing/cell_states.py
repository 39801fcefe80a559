"""Selects cells by state, so that a frequent state does not dominate the others."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool

from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


def choose_cells(
    obs: "pd.DataFrame",
    state_key: str | None,
    *,
    states: Collection[str] | None,
    cells_per_state: int | None,
    seed: int,
) -> Bool[np.ndarray, " n_cells"]:
    """Return a mask of the cells to keep; without a `state_key` all cells are kept.

    Parameters
    ----------
    obs
        Annotations of the cells.
    state_key
        Column with the state of each cell. Cells without a state are removed.
    states
        States to keep; None keeps all.
    cells_per_state
        Largest number of cells of each state, which are drawn at random; None keeps all.
    seed
        Seed of the draw.

    Raises
    ------
    InputError
        A column or state does not exist, or the settings select nothing.
    """
    if seed is None:
        msg = "preprocess.seed is null; expected a whole number, so that a draw can be repeated."
        raise InputError(msg)
    if state_key is None:
        if states is None and cells_per_state is None:
            return np.ones(len(obs), bool)
        msg = "preprocess.states and cells_per_state need preprocess.state_key, a column of obs."
        raise InputError(msg)
    if states is None and cells_per_state is None:
        msg = (
            f"preprocess.state_key={state_key} alone chooses nothing. Set preprocess.states, "
            "preprocess.cells_per_state or both."
        )
        raise InputError(msg)
    of_cell = column(obs, state_key, "preprocess.state_key")
    existing = sorted(of_cell.dropna().unique())
    wanted = existing if states is None else list(dict.fromkeys(states))
    unknown = [state for state in wanted if state not in existing]
    if unknown or not wanted:
        msg = (
            f"preprocess.states: no cell is in {', '.join(unknown) or 'an empty list'}. States in "
            f"{state_key}: {', '.join(existing)}."
        )
        raise InputError(msg)
    chosen = np.zeros(len(obs), bool)
    generator = np.random.default_rng(seed)
    for state in sorted(wanted):
        cells = np.flatnonzero((of_cell == state).to_numpy(bool))
        if cells_per_state is not None and len(cells) > cells_per_state:
            cells = generator.choice(cells, cells_per_state, replace=False)
        chosen[cells] = True
    return chosen


def column(obs: "pd.DataFrame", key: str, setting: str) -> "pd.Series[Any]":
    """Return a column of obs as text; missing values stay missing.

    Raises
    ------
    InputError
        There is no such column; the message lists those that exist.
    """
    if key not in obs:
        existing = ", ".join(map(str, obs.columns)) or "none"
        msg = f"{setting}={key}: obs has no such column. Existing columns: {existing}."
        raise InputError(msg)
    values = obs[key].astype(object)
    return values.where(values.isna(), values.astype(str))
