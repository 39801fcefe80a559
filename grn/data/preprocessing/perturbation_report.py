"""Says in the log what was understood of the labels of perturbed cells."""

import logging
from typing import TYPE_CHECKING

from grn.data.preprocessing.perturbed_obs import CONTROL

if TYPE_CHECKING:
    import pandas as pd

    from grn.data.preprocessing.perturbations import Perturbations

logger = logging.getLogger(__name__)

_MOST_ROWS = 12
_MOST_NAMES = 20
_WIDEST = 40  # characters of a field


def log_perturbations(found: "Perturbations", how_names_look: str) -> None:
    """Log a table of the perturbations, and what is missing for using them fully.

    Parameters
    ----------
    found
        What was read.
    how_names_look
        Names of unmeasured genes beside measured ones, for the case that none is measured.
    """
    logger.info(
        "perturbations by obs column %s, kinds %s:\n%s",
        found.key,
        found.kinds_from if found.kinds_from in ("given", "assumed") else f"by {found.kinds_from}",
        "\n".join(_lines(found.table)),
    )
    if found.kinds_from == "assumed":
        logger.warning(
            "nothing says how the genes of %s were perturbed: knock-outs are assumed. The signs "
            "of edges depend on it: say --perturbation-kind knock-down or activation if they "
            "were, or knock-out to settle it",
            found.key,
        )
    if found.unmeasured and found.measured:
        logger.info(
            "%d of %d perturbed genes are not among the measured genes: %s. The cells in which "
            "they are perturbed count as neither perturbed nor control",
            len(found.unmeasured),
            len(found.unmeasured) + len(found.measured),
            _named(found.unmeasured),
        )
    if not found.measured:
        logger.warning(
            "none of the %d perturbed genes is among the measured genes, so the labels are not "
            "used: the network is that of a run without --perturbations. %s",
            *(len(found.unmeasured), how_names_look),
        )
    elif CONTROL not in found.table.index:
        logger.info(
            "no cell is a control (--control NAME says which are): each perturbation is compared "
            "with the median over all perturbations"
        )


def _lines(table: "pd.DataFrame") -> list[str]:
    """Return the table as text, its rest summed up."""
    shown, rest = table.head(_MOST_ROWS), table.iloc[_MOST_ROWS:]
    rows = [("perturbation", "cells", "measured", "labels")]
    for name, row in shown.iterrows():
        measured = ("yes" if row["measured"] else "no") if row["genes"] else ""
        labels = _cut(", ".join(map(str, row["labels"])))
        rows.append((_cut(str(name)), str(row["n_cells"]), measured, labels))
    if len(rest):
        n_measured = f"{int(rest['measured'].sum())} yes"
        rows.append((f"… {len(rest)} more", str(rest["n_cells"].sum()), n_measured, ""))
    widths = [max(len(row[place]) for row in rows) for place in range(3)]
    return [
        f"  {name:<{widths[0]}}  {n:>{widths[1]}}  {measured:<{widths[2]}}  {labels}".rstrip()
        for name, n, measured, labels in rows
    ]


def _named(genes: list[str]) -> str:
    shown = ", ".join(genes[:_MOST_NAMES])
    return shown + (", …" if len(genes) > _MOST_NAMES else "")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"
