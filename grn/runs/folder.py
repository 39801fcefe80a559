"""The run folder: whether it may be written, and whether a run in it was interrupted."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from grn.errors import InputError
from grn.files import replacing

if TYPE_CHECKING:
    pass

EDGES = "edges.tsv"
CONFIG = "config.yaml"
LAST_CHECKPOINT = "checkpoints/last.ckpt"

# Keys that say where, how long and on what, not what: an interrupted run may go on with others.
_NOT_COMPARED = ("paths", "overwrite", "logger", "trainer", "callbacks")


def check_folder(folder: Path, overwrite: bool, result: str = EDGES) -> None:
    """Make sure that a result can be written to the folder, without creating anything.

    Parameters
    ----------
    folder
        It need not exist.
    overwrite
        Whether there may be a result already.
    result
        Name of the file that makes a result.

    Raises
    ------
    InputError
        It holds a result already, holds something else, is no folder or cannot be written to.
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file. Expected a folder for the result: choose another output."
        raise InputError(msg)
    if (folder / result).exists() and not overwrite:
        msg = (
            f"{folder} already holds a result. Pass --overwrite (train and pretrain: "
            "overwrite=true) or choose another folder."
        )
        raise InputError(msg)
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        # The only sure test: permissions, read-only mounts and full disks all show.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        msg = f"cannot write to {folder}: {error.strerror}. Choose a folder you may write to."
        raise InputError(msg) from error


def open_folder(folder: Path, config: DictConfig, cells: str, overwrite: bool) -> Path | None:
    """Create the folder, or find in it the checkpoint of the same run, interrupted.

    config.yaml is written first, with the `fingerprint` of the cells: it is what makes an
    interrupted run recognisable.

    Returns
    -------
    The checkpoint to go on from, or None to start.

    Raises
    ------
    InputError
        Another run was interrupted in this folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot create {folder}: {error.strerror}. Choose a folder you may write to."
        raise InputError(msg) from error
    if overwrite:
        for name in (EDGES, CONFIG, "checkpoints"):
            _remove(folder / name)
    record = OmegaConf.to_container(config, resolve=True)
    record = {**record, "cells": cells}  # type: ignore[dict-item]
    interrupted = folder / CONFIG
    if interrupted.exists():
        if _recorded(interrupted) != _compared(record):
            msg = (
                f"a run with other settings or other cells was interrupted in {folder}. Choose "
                "another folder, or pass --overwrite to discard it."
            )
            raise InputError(msg)
        checkpoint = folder / LAST_CHECKPOINT
        return checkpoint if checkpoint.exists() else None
    with replacing(folder / CONFIG) as temporary:
        OmegaConf.save(OmegaConf.create(record), temporary)
    return None


def remove_if_empty(folder: Path) -> None:
    """Leave nothing behind where nothing was written; of runs/<date>/<time> all that is empty."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        if "runs" in folder.parent.parts:
            remove_if_empty(folder.parent)


def _recorded(file: Path) -> dict[str, Any] | None:
    """Return what the record of an interrupted run is compared by; None if it is not ours."""
    try:
        return _compared(OmegaConf.to_container(OmegaConf.load(file)))
    except (OSError, KeyError, TypeError, AttributeError, ValueError, YAMLError):
        return None


def _compared(record: Any) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key not in _NOT_COMPARED}
    loader = {**kept["data"]["loader"], "max_steps": None}
    return {**kept, "data": {**kept["data"], "loader": loader}}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
