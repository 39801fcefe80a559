"""Prints the metrics of a result and its controls, and the path of the result."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = {
    "auprc": "AUPRC",
    "auprc_ratio": "ratio",
    "auroc": "AUROC",
    "early_precision_ratio": "EPR",
    "per_tf_auroc": "per-TF AUROC",
    "sign_accuracy": "sign acc.",
}


def report(metrics: "pd.DataFrame | None", folder: Path | None) -> None:
    """Print the metrics of the edges and of the controls, and the path of the result."""
    from rich.table import Table

    from grn.cli.output import Output

    console = Output()
    if metrics is not None:
        table = Table(
            title=f"{int(metrics['n_candidates'].iloc[0])} candidate pairs, density "
            f"{metrics['density'].iloc[0]:.3f}",
            caption="A score is informative only as far as it exceeds the controls.",
        )
        table.add_column("", no_wrap=True)
        for heading in _SHOWN.values():
            table.add_column(heading, justify="right")
        for method, row in metrics.iterrows():
            # The comparison is false for NaN.
            values = [f"{row[key]:.3f}" if row[key] == row[key] else "–" for key in _SHOWN]
            name = str(method).replace("_", " ")
            table.add_row(name, *values, style="bold" if method == "edges" else None)
        console.print(table)
    if folder is not None:
        console.print(f"{folder}/edges.tsv", soft_wrap=True, highlight=False)
