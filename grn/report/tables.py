"""Makes the tables of accuracy, of groups and of activity that a report shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

# Metrics that a report shows, with their headings and what each says.
METRICS = {
    "auprc": ("AUPRC", "average precision over all ranks; 1 is perfect"),
    "auprc_ratio": ("AUPRC ÷ chance", "1 is a random ranking"),
    "auroc": ("AUROC", "0.5 is a random ranking, 1 is perfect"),
    "early_precision_ratio": (
        "early precision ÷ chance",
        "precision among as many best edges as there are known ones; 1 is a random ranking",
    ),
    "per_tf_auroc": ("AUROC per regulator", "mean over regulators; 0.5 is a random ranking"),
    "sign_accuracy": (
        "right sign",
        "share of known edges whose sign, activation or repression, is right",
    ),
}
_METHODS = {
    "network": "the network of this run",
    "random": "a random ranking",
    "target_mean": "mean expression of the target",
    "tf_variance": "variance of the regulator",
    "pearson": "correlation of the two genes",
    "closed_form": "a closed formula, one block of attention without training",
    "closed_form_max": "a closed formula, the larger of both directions",
    "untrained": "the same model with random weights",
    "pretrained": "the model before this run",
    "prior": "the known edges that guided the run, alone",
}


@dataclass(frozen=True)
class Table:
    """A table of text: column headings and rows, with a note on every column."""

    headings: list[str]
    rows: list[list[str]]
    notes: list[tuple[str, str]]


def accuracy(record: Mapping[str, Any]) -> Table | None:
    """Return the metrics of the network with those of its controls; None without a truth."""
    judged = record.get("evaluation")
    if not judged:
        return None
    methods = {"network": judged, **judged.get("controls", {})}
    shown = [name for name in METRICS if any(_is_value(row.get(name)) for row in methods.values())]
    rows = [
        [name, _METHODS.get(name, ""), *(_number(values.get(metric)) for metric in shown)]
        for name, values in methods.items()
    ]
    headings = ["ranking", "what it is", *(METRICS[name][0] for name in shown)]
    return Table(headings, rows, [METRICS[name] for name in shown])


def prediction(record: Mapping[str, Any]) -> Table | None:
    """Return the shares of variance predicted in held-out cells; None where none was trained."""
    values = record.get("prediction")
    if not isinstance(values, dict):
        return None
    rows = [[str(name).replace("_", " "), _number(value)] for name, value in values.items()]
    return Table(["predictor of expression", "R² in held-out cells"], rows, [])


def groups(record: Mapping[str, Any]) -> Table | None:
    """Return what the network of each group stands on; None without groups."""
    described = record.get("groups")
    if not isinstance(described, dict) or not described:
        return None
    rows = [
        [
            str(name),
            _count(group.get("n_cells")),
            _percent(group.get("own_share")),
            _percent(group.get("share_of_closed_form")),
        ]
        for name, group in described.items()
        if isinstance(group, dict)
    ]
    notes = [
        ("from its own cells", "the rest of the scores is that of all cells together"),
        ("from the formula", "the rest is the pretrained transformer's"),
    ]
    return Table(["group", "cells", *(name for name, _ in notes)], rows, notes)


def activity(ranked: pd.DataFrame | None, n_tfs: int) -> Table | None:
    """Return the regulators that are most activated in each group; None without activity."""
    if ranked is None or ranked.empty:
        return None
    best = ranked.sort_values("statistic", ascending=False, kind="stable").groupby("group")
    best = best.head(n_tfs).sort_values("group", kind="stable")
    rows = [
        [str(group), str(tf), *map(_number, numbers), "–" if math.isnan(fdr) else f"{fdr:.2g}"]
        for group, tf, *numbers, fdr in best[_OF_ACTIVITY].itertuples(index=False)
    ]
    notes = [
        ("above the rest", "mean activity in the group less that in all other cells"),
        ("mean", "mean activity in the group; below 0, its targets are lower than other genes"),
        ("FDR", "cells are compared, as if they were independent: too small for donors"),
    ]
    headings = ["group", "regulator", *(name for name, _ in notes)]
    return Table(headings, rows, notes)


_OF_ACTIVITY = ["group", "source", "effect", "mean_activity", "fdr"]


def _is_value(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _number(value: Any) -> str:
    return f"{value:.3f}" if _is_value(value) else "–"


def _count(value: Any) -> str:
    return f"{value:,.0f}" if _is_value(value) else "–"


def _percent(value: Any) -> str:
    return f"{100 * value:.0f} %" if _is_value(value) else "–"
