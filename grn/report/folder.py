"""Reads the files of a run folder that a report is made of."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from grn.edges.load import load
from grn.errors import InputError

_EDGES, _EDGES_BY_GROUP = "edges.tsv", "edges_by_group.tsv"
_METRICS, _CONFIG = "metrics.json", "config.yaml"
_NEEDED = ("source", "target", "weight", "importance")


@dataclass(frozen=True)
class RunFiles:
    """Contents of a finished run folder."""

    name: str
    edges: pd.DataFrame
    """The edge table, best first."""
    by_group: pd.DataFrame | None
    """Edges of every group, with the column `group`; None without groups."""
    record: dict[str, Any]
    """Contents of metrics.json."""
    config: str
    """Text of config.yaml; empty where there is none."""
    finished: datetime
    """When metrics.json was written."""


def read_run(folder: Path) -> RunFiles:
    """Read a run folder.

    Raises
    ------
    InputError
        The folder holds no complete run, or one of its files is not what a run writes.
    """
    for name in (_EDGES, _METRICS):
        if not (folder / name).is_file():
            msg = (
                f"{folder} holds no {name}. Expected the folder of a finished run, as grn infer "
                "and grn train write it."
            )
            raise InputError(msg)
    by_group = folder / _EDGES_BY_GROUP
    config = folder / _CONFIG
    return RunFiles(
        name=folder.resolve().name,
        edges=_read_table(folder / _EDGES, _NEEDED),
        by_group=_read_table(by_group, ("group", *_NEEDED)) if by_group.is_file() else None,
        record=_read_record(folder / _METRICS),
        config=config.read_text(encoding="utf-8") if config.is_file() else "",
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
    return table


def _read_record(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{path} is no JSON ({error}). Expected {path.name} as a run writes it."
        raise InputError(msg) from error
    if not isinstance(record, dict):
        msg = f"{path} holds a {type(record).__name__}. Expected {path.name} as a run writes it."
        raise InputError(msg)
    return record
