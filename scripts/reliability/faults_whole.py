"""Tells whether files are whole, and whether two folders hold the same result."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from omegaconf import OmegaConf

_END_OF_PNG = b"IEND\xaeB`\x82"
# Entries of metrics.json that say how long it took and what happened on the way.
_OF_THE_WAY = ("seconds", "resumed")


def broken(folder: Path, reference: Path) -> list[str]:
    """Return the files under their final names that are not whole.

    Hidden files are no final names. The log of a run is written line by line, and its last line
    may be cut off.

    Parameters
    ----------
    folder
        What a command that was killed has left.
    reference
        The same folder of a command that was not killed.
    """
    names = [
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    ]
    return [str(name) for name in names if not _is_whole(folder / name, reference / name)]


def _is_whole(path: Path, reference: Path) -> bool:
    if path.suffix == ".jsonl":
        return all(map(_is_json, path.read_text().splitlines()[:-1]))
    if reference.is_file() and path.read_bytes() == reference.read_bytes():
        return True
    reader = _READERS.get(path.suffix)
    if reader is None:
        return False
    try:
        reader(path)
    except Exception:  # noqa: BLE001 - a half file may raise anything
        return False
    return True


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _read_arrays(path: Path) -> None:
    with np.load(path) as arrays:
        for name in arrays:
            arrays[name]


def _read_picture(path: Path) -> None:
    if not path.read_bytes().endswith(_END_OF_PNG):
        raise ValueError


def _read_page(path: Path) -> None:
    if not path.read_text().rstrip().endswith("</html>"):
        raise ValueError


# Of files whose bytes depend on times or paths.
_READERS: dict[str, Callable[[Path], Any]] = {
    ".json": lambda path: json.loads(path.read_text()),
    ".yaml": OmegaConf.load,
    ".ckpt": lambda path: torch.load(path, weights_only=True),
    ".npz": _read_arrays,
    ".html": _read_page,
    ".png": _read_picture,
    ".parquet": pd.read_parquet,
    ".csv": pd.read_csv,
    ".md": lambda path: path.read_text().splitlines()[5],
}


def differences(
    folder: Path, reference: Path, names: tuple[str, ...], *, killed: bool = False
) -> list[str]:
    """Return which of some files of a finished command differ from those of an undisturbed one.

    Files are compared byte by byte, but for times: parameters of checkpoints are compared to the
    last bit, metrics.json and results.csv without what took how long.

    Parameters
    ----------
    folder, reference
        Folders of the two commands.
    names
        Files that are compared.
    killed
        Whether processes that wrote here were killed: what they had begun to write stays beside
        its name, hidden, for a day.
    """
    found = [name for name in names if not _same(folder / name, reference / name)]
    hidden = (
        path.name
        for path in folder.rglob(".*")
        if path.name != ".hydra" and not (killed and path.suffix == ".tmp")
    )
    return [*found, *(f"left over: {name}" for name in hidden)]


def _same(path: Path, reference: Path) -> bool:
    if not path.is_file():
        return False
    if path.suffix == ".ckpt":
        ours, theirs = (torch.load(p, weights_only=True) for p in (path, reference))
        pair = ours.get("state_dict", {}), theirs.get("state_dict", {})
        same = pair[0].keys() == pair[1].keys()
        return same and all(torch.equal(value, pair[1][key]) for key, value in pair[0].items())
    if path.suffix == ".json":
        pair = tuple(json.loads(p.read_text()) for p in (path, reference))
        return _without_times(pair[0]) == _without_times(pair[1])
    if path.name == "results.csv":
        tables = [pd.read_csv(p).drop(columns="seconds") for p in (path, reference)]
        return tables[0].equals(tables[1])
    return path.read_bytes() == reference.read_bytes()


def _without_times(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in _OF_THE_WAY}
