"""Checks tables before they are drawn."""

import pandas as pd

from grn.errors import InputError


def check_table(table: pd.DataFrame, columns: tuple[str, ...], made_by: str, top: int) -> None:
    """Make sure that a table has rows and certain columns, and that `top` is at least 1.

    Parameters
    ----------
    table, columns
        Table to be drawn, and the columns that are needed.
    made_by
        Function that returns such a table, for the message.
    top
        Number of rows, columns or edges to draw.

    Raises
    ------
    InputError
        The table is empty or lacks a column, or `top` is below 1.
    """
    if top < 1:
        msg = f"the number to draw is {top}; expected at least 1."
        raise InputError(msg)
    absent = [column for column in columns if column not in table]
    if absent or table.empty:
        there = ", ".join(map(str, table)) or "none"
        msg = (
            f"got a table of {len(table)} rows with the columns {there}; expected at least one "
            f"row and the columns {', '.join(columns)}, as {made_by} returns them."
        )
        raise InputError(msg)
