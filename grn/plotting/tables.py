"""Checks tables before they are drawn."""

import pandas as pd

from grn.errors import InputError


def check_table(table: pd.DataFrame, columns: tuple[str, ...], made_by: str, top: int) -> None:
    """Make sure that a table has rows and these columns, and that something is to be drawn.

    Parameters
    ----------
    table, columns
        What is drawn, and what it needs.
    made_by
        What returns such a table.
    top
        How many rows, columns or edges are asked for.

    Raises
    ------
    InputError
        It is not so.
    """
    if top < 1:
        msg = f"{top} is too few to draw; expected at least 1."
        raise InputError(msg)
    absent = [column for column in columns if column not in table]
    if absent or table.empty:
        there = ", ".join(map(str, table)) or "none"
        msg = (
            f"got a table of {len(table)} rows with the columns {there}; expected at least one "
            f"row and the columns {', '.join(columns)}, as {made_by} returns them."
        )
        raise InputError(msg)
