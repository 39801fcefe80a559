"""Draws the heat maps of a report, as pictures that are part of the page."""

import io
from base64 import b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_N_TFS, _N_GENES = 30, 60
_INCHES_PER_NAME, _MARGINS, _DOTS_PER_INCH = 0.145, (2.2, 1.6), 130


def heat_map(edges: pd.DataFrame) -> str | None:
    """Draw the signed weights of the most important regulators and targets.

    Returns
    -------
    The picture as a `data:` address of a PNG; None where there is no edge to draw.
    """
    if edges.empty or not edges["importance"].notna().any():
        return None
    # Loaded here: matplotlib and scipy's clustering take longer to load than the rest of a report.
    from grn.plotting.attention import attention

    drawn = _without_formulas(edges, "source", "target")
    across = min(_N_GENES, drawn["target"].nunique()), min(_N_TFS, drawn["source"].nunique())
    return _picture(across, lambda ax: attention(drawn, _N_TFS, _N_GENES, ax=ax))


def activity_map(ranked: pd.DataFrame, n_tfs: int) -> str | None:
    """Draw the activity of the regulators that are most activated in each group of cells.

    Parameters
    ----------
    ranked
        Activity of regulators in groups (`activity.tsv`).
    n_tfs
        Regulators of each group.

    Returns
    -------
    As `heat_map`.
    """
    if ranked.empty or not ranked["effect"].notna().any():
        return None
    from grn.plotting.activity import activity

    drawn = _without_formulas(ranked, "source", "group")
    best = ranked.groupby("group").head(n_tfs)["source"].nunique()
    across = 2 * ranked["group"].nunique(), best
    return _picture(across, lambda ax: activity(drawn, n_tfs, ax=ax))


def _without_formulas(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a table whose names matplotlib reads as they are, also between two $."""
    return table.assign(**{column: _escaped(table[column]) for column in columns})


def _escaped(names: pd.Series) -> Any:
    """Escape every name once: a table may have millions of rows of a few thousand names."""
    codes, distinct = pd.factorize(names, use_na_sentinel=False)
    escaped = pd.Series([str(name).replace("$", r"\$") for name in distinct], dtype=object)
    return escaped.to_numpy()[codes]


def _picture(across: tuple[int, int], draw: Callable[["Axes"], object]) -> str:
    """Draw so many columns and rows, and return the picture as a `data:` address of a PNG."""
    from matplotlib.figure import Figure

    size = [margin + _INCHES_PER_NAME * n for margin, n in zip(_MARGINS, across, strict=True)]
    # A figure of its own, unknown to pyplot, opens no window and needs no closing.
    figure = Figure(figsize=(size[0], size[1]), layout="constrained")
    draw(figure.add_subplot())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode('ascii')}"
