"""Writes numbers, names and tables as Markdown."""

from collections.abc import Sequence

import numpy as np

from grn.benchmark.methods import CONTROL


def label(name: str, kind: str) -> str:
    """Write the name of a method, a control in italics."""
    said = name.replace("_", " ")
    return f"*{said}*" if kind == CONTROL else said


def network_label(dataset: str, network: str) -> str:
    """Return the shortest name; a data set with a single network needs no network name."""
    name = dataset.partition("/")[2]
    return name if network in ("gold", "refNetwork") else f"{name} {network}"


def spread(mean: float, sd: float, digits: int) -> str:
    """Write mean ± standard deviation, or the mean alone if nothing varies."""
    said = number(mean, digits)
    return f"{said} ± {sd:.{digits}f}" if sd > 0.5 * 10**-digits else said


def number(value: float, digits: int) -> str:
    """Write a number, or a dash if it is undefined."""
    return "–" if np.isnan(value) else f"{value:.{digits}f}"


def markdown_table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, n_names: int = 1
) -> str:
    """Write a table: names in the first columns, numbers in the others."""
    ruler = ["---" if column < n_names else "---:" for column in range(len(header))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, ruler, *rows))
