"""Checks, locks and resumes run folders."""

import errno
import logging
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from grn.errors import InputError, causes
from grn.files import replacing
from grn.report import ACTIVITY, REPORT

logger = logging.getLogger(__name__)

EDGES = "edges.tsv"
EDGES_BY_GROUP = "edges_by_group.tsv"
CONFIG = "config.yaml"
LAST_CHECKPOINT = "checkpoints/last.ckpt"
LOCK = ".lock"

_MEGABYTE = 2**20
_FULL = {errno.ENOSPC, errno.EDQUOT}

# Settings that may differ when an interrupted run is resumed: paths, report, duration, device,
# display.
_NOT_COMPARED = ("paths", "overwrite", "report", "logger", "trainer", "callbacks")
# Among these, settings of display and paths, which have no effect on the result.
_WITHOUT_EFFECT = ("default_root_dir", "dirpath", "progress_bar", "log_every_n_steps")


@dataclass(frozen=True)
class Resumed:
    """The state from which an interrupted run is resumed."""

    checkpoint: Path
    changed: list[str]
    """Settings of the trainer and its callbacks that differ from those before the interruption."""


def check_folder(folder: Path, overwrite: bool, result: str = EDGES) -> None:
    """Make sure that a result can be written to the folder, without creating anything.

    Parameters
    ----------
    folder
        Run folder, which need not exist.
    overwrite
        Whether an existing result may be replaced.
    result
        Name of the file whose presence marks a result.

    Raises
    ------
    InputError
        The folder holds a result already, is no folder, or cannot be written to.
    """
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # too long, or with a character that no name has
        msg = f"cannot write to {folder}: {error}. Choose a folder you may write to."
        raise InputError(msg) from error
    if folder.exists() and not folder.is_dir():
        msg = f"{folder} is a file. Expected a folder for the result: choose another output."
        raise InputError(msg)
    check_no_result(folder, overwrite, result)
    existing = _nearest(folder)
    try:
        # Writing is the only sure test of permissions, read-only mounts and full disks.
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        msg = f"cannot write to {folder}: {error.strerror}. Choose a folder you may write to."
        raise InputError(msg) from error
    if (folder / LOCK).exists():
        with locked(folder):  # raises if another run is writing there
            pass


def check_no_result(folder: Path, overwrite: bool, result: str = EDGES) -> None:
    """Raise `InputError` if the folder holds a result that must not be replaced."""
    if (folder / result).exists() and not overwrite:
        msg = (
            f"{folder} already holds a result. Pass --overwrite (train and pretrain: "
            "overwrite=true) or choose another folder."
        )
        raise InputError(msg)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Lock an existing folder against other runs while one writes into it.

    Raises
    ------
    InputError
        Another run is writing there.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        msg = f"another run is writing to {folder}. Wait for it, or choose another folder."
        raise InputError(msg) from error
    except (OSError, NotImplementedError) as error:
        logger.warning("%s cannot be locked (%s): do not start a second run in it", folder, error)
    try:
        yield
    finally:
        if lock.is_locked:
            # Remove the file before releasing it, so that a waiting run notices that it is gone.
            (folder / LOCK).unlink(missing_ok=True)
            lock.release()


def check_space(folder: Path, n_bytes: int) -> None:
    """Make sure that the disk has room for the result, so that no result is cut off.

    Raises
    ------
    InputError
        There is less free space than the estimated size of the result.
    """
    free = shutil.disk_usage(_nearest(folder)).free
    if free < n_bytes:
        msg = (
            f"the result takes about {n_bytes / _MEGABYTE:.1f} MB, and the disk of {folder} has "
            f"{free / _MEGABYTE:.1f} MB left. Free some space, or choose a folder elsewhere."
        )
        raise InputError(msg)


@contextmanager
def saying_when_full(folder: Path) -> Iterator[None]:
    """Report a full disk in plain words, where libraries raise errors of their own.

    Raises
    ------
    InputError
        The disk of the folder, or the user's share of it, is full.
    """
    try:
        yield
    except (OSError, RuntimeError, InputError) as error:
        full = any(getattr(cause, "errno", None) in _FULL for cause in causes(error))
        # Libraries hide the cause. Failing with less than 1 MB free is taken for a full disk.
        if full or (folder.exists() and shutil.disk_usage(folder).free < _MEGABYTE):
            msg = (
                f"the disk of {folder} is full ({error}). Free some space, or choose a folder "
                "elsewhere."
            )
            raise InputError(msg) from error
        raise


def open_folder(folder: Path, config: DictConfig, cells: str, overwrite: bool) -> Resumed | None:
    """Prepare the folder, and find the checkpoint if the same run was interrupted there.

    config.yaml is written first, with the `fingerprint` of the cells, so that an interrupted run
    can be recognised.

    Returns
    -------
    The state to resume from, or None to start anew.

    Raises
    ------
    InputError
        A different run was interrupted in this folder.
    """
    if overwrite:
        for name in (EDGES, EDGES_BY_GROUP, CONFIG, REPORT, ACTIVITY, "checkpoints"):
            _remove(folder / name)
    record: Any = OmegaConf.to_container(config, resolve=True)
    record = {**record, "cells": cells}
    interrupted = folder / CONFIG
    resumed = None
    if interrupted.exists():
        before = _read(interrupted)
        if before is None or _compared(before) != _compared(record):
            msg = (
                f"a run with other settings or other cells was interrupted in {folder}. Choose "
                "another folder, or pass --overwrite to discard it (train: overwrite=true)."
            )
            raise InputError(msg)
        if (folder / LAST_CHECKPOINT).exists():
            resumed = Resumed(folder / LAST_CHECKPOINT, _changed(before, record))
    with replacing(folder / CONFIG) as temporary:
        OmegaConf.save(OmegaConf.create(record), temporary)
    return resumed


def create_folder(folder: Path) -> None:
    """Create the folder if it does not exist.

    Raises
    ------
    InputError
        It cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot create {folder}: {error.strerror}. Choose a folder you may write to."
        raise InputError(msg) from error


def remove_if_empty(folder: Path) -> None:
    """Remove a folder in which nothing was written, and empty parents of runs/<date>/<time>."""
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        if "runs" in folder.parent.parts:
            remove_if_empty(folder.parent)


def _nearest(folder: Path) -> Path:
    """Return the folder, or the nearest one around it that exists."""
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def _read(file: Path) -> dict[str, Any] | None:
    """Return the settings of an interrupted run, or None if the file is of another program."""
    try:
        record: Any = OmegaConf.to_container(OmegaConf.load(file))
        _compared(record)
    except (OSError, KeyError, TypeError, AttributeError, ValueError, YAMLError):
        return None
    return dict(record)


def _compared(record: Any) -> dict[str, Any]:
    kept = {key: value for key, value in record.items() if key not in _NOT_COMPARED}
    loader = {**kept["data"]["loader"], "max_steps": None}
    return {**kept, "data": {**kept["data"], "loader": loader}}


def _changed(before: Any, now: Any) -> list[str]:
    """Name the settings of training that differ, except those without effect on the result."""
    found = []
    for group in ("trainer", "callbacks"):
        pairs = (_flat(record.get(group), group) for record in (before, now))
        old, new = pairs
        found += [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    return [key for key in found if not any(name in key for name in _WITHOUT_EFFECT)]


def _flat(settings: Any, key: str) -> dict[str, Any]:
    if not isinstance(settings, dict):
        return {key: settings}
    below = (_flat(value, f"{key}.{name}") for name, value in settings.items())
    return {name: value for part in below for name, value in part.items()}


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
