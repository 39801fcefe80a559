"""Markdown tables that can also be read as they are printed."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; the first row is its head."""
    rows = [rows[0], ["---:"] * len(rows[0]), *rows[1:]]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (map(str.rjust, cells, widths) for cells in rows)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
