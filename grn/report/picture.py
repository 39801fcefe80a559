"""Draws the heat map of a report, as a picture that is part of the page."""

import io
from base64 import b64encode

import pandas as pd

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
    from matplotlib.figure import Figure

    from grn.plotting.attention import attention

    # Between two $ matplotlib would read a name as a formula.
    names = {name: edges[name].astype(str).str.replace("$", r"\$") for name in _ENDS}
    drawn = edges.assign(**names)
    across = min(_N_GENES, drawn["target"].nunique()), min(_N_TFS, drawn["source"].nunique())
    size = [margin + _INCHES_PER_NAME * n for margin, n in zip(_MARGINS, across, strict=True)]
    # A figure of its own, unknown to pyplot, opens no window and needs no closing.
    figure = Figure(figsize=(size[0], size[1]), layout="constrained")
    attention(drawn, _N_TFS, _N_GENES, ax=figure.add_subplot())
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH)
    return f"data:image/png;base64,{b64encode(buffer.getvalue()).decode('ascii')}"


_ENDS = ("source", "target")
