"""Reads the files of a run folder that a report is made of."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from grn.edges.load import load
from grn.errors import InputError
from grn.files import is_file
from grn.report import ACTIVITY

_EDGES, _EDGES_BY_GROUP = "edges.tsv", "edges_by_group.tsv"
_METRICS, _CONFIG = "metrics.json", "config.yaml"
_NEEDED = ("source", "target", "weight", "importance")
_OF_ACTIVITY = ("groupby", "group", "source", "effect", "statistic", "fdr", "mean_activity")
_NUMBERS: tuple[str, ...] = ("weight", "importance", "row_norm", "stability", "p_value", "fdr")
_NUMBERS += ("effect", "statistic", "mean_activity")
_ANY = ""  # stands for every key
# What the report computes with; the rest of metrics.json is shown as it is. Any of it may be null.
_SHAPE: dict[str, Any] = {
    "n_tfs": float,
    "belief": {"share_of_closed_form": float, "n_perturbed_genes": float},
    "preprocessing": {
        **dict.fromkeys(("n_cells", "n_genes", "n_constant_genes", "n_empty_cells"), float),
        "steps": dict,
    },
    "tf_names": {
        "asked": float,
        "counts": {"unmatched": float},
        "examples": {"unmatched": list},
    },
    "evaluation": {"auprc_ratio": float, "controls": {_ANY: {"auprc_ratio": float}}},
    "groups": {_ANY: {"n_cells": float}},
}


@dataclass(frozen=True)
class RunFiles:
    """Contents of a finished run folder."""

    name: str
    edges: pd.DataFrame
    """The edge table, best first."""
    by_group: pd.DataFrame | None
    """Edges of every group, with the column `group`; None without groups."""
    activity: pd.DataFrame | None
    """Activity of regulators in groups of cells; None where it was not computed."""
    record: dict[str, Any]
    """Contents of metrics.json."""
    config: str
    """Text of config.yaml; empty where there is none."""
    finished: datetime
    """When metrics.json was written."""


def read_run(folder: Path, edges: Path | None = None) -> RunFiles:
    """Read a run folder, whose edges may still have another name.

    Raises
    ------
    InputError
        The folder holds no complete run, or one of its files is not what a run writes.
    """
    edges = folder / _EDGES if edges is None else edges
    for name, path in ((_EDGES, edges), (_METRICS, folder / _METRICS)):
        if not is_file(path):
            msg = (
                f"{folder} holds no {name}. Expected the folder of a finished run, as grn infer "
                "and grn train write it."
            )
            raise InputError(msg)
    by_group, activity = folder / _EDGES_BY_GROUP, folder / ACTIVITY
    config = folder / _CONFIG
    return RunFiles(
        name=folder.resolve().name,
        edges=_read_table(edges, _NEEDED),
        by_group=_read_table(by_group, ("group", *_NEEDED)) if by_group.is_file() else None,
        activity=_read_table(activity, _OF_ACTIVITY) if activity.is_file() else None,
        record=read_record(folder / _METRICS),
        config=config.read_text(encoding="utf-8", errors="replace") if config.is_file() else "",
        finished=datetime.fromtimestamp((folder / _METRICS).stat().st_mtime, tz=UTC),
    )


def _read_table(path: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    table, _ = load(path)
    absent = [name for name in needed if name not in table]
    if absent:
        msg = (
            f"{path} has no column {', '.join(absent)}; its columns are "
            f"{', '.join(map(str, table))}. Expected {path.name} as a run writes it."
        )
        raise InputError(msg)
    for name in table.columns.intersection(_NUMBERS):
        numbers = pd.to_numeric(table[name], errors="coerce")
        odd = table.loc[numbers.isna(), name].astype(str)
        odd = odd[~odd.str.lower().isin(("nan", ""))]
        if len(odd):
            msg = (
                f"{path}: {odd.iloc[0]!r} in the column {name} is no number. "
                f"Expected {path.name} as a run writes it."
            )
            raise InputError(msg)
        table[name] = numbers
    return table


def read_record(path: Path) -> dict[str, Any]:
    """Read metrics.json.

    Raises
    ------
    InputError
        It is not what a run writes.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        msg = f"{path} is no JSON ({error}). Expected {path.name} as a run writes it."
        raise InputError(msg) from error
    if not isinstance(record, dict):
        msg = f"{path} holds a {type(record).__name__}. Expected {path.name} as a run writes it."
        raise InputError(msg)
    if (wrong := _misfit(record, _SHAPE, "")) is not None:
        msg = f"{path}: {wrong}. Expected {path.name} as a run writes it."
        raise InputError(msg)
    return record


def _misfit(value: Any, shape: Any, place: str) -> str | None:
    """Say what in a value is of another type than in its shape; None: nothing."""
    if value is None:
        return None
    wanted = shape if isinstance(shape, type) else dict
    fits = isinstance(value, (int, float) if wanted is float else wanted)
    if not fits:
        return f"{place} holds a {type(value).__name__}, not a {_NAMES_OF_TYPES[wanted]}"
    if isinstance(shape, type):
        return None
    for key, inner in value.items():
        below = shape.get(key, shape.get(_ANY))
        if below is not None and (found := _misfit(inner, below, f"{place}.{key}".strip("."))):
            return found
    return None


_NAMES_OF_TYPES = {float: "number", dict: "mapping", list: "list"}
