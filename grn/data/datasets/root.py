"""Finds the folders of data sets and TF lists: the data folder and the cache."""

import os
from pathlib import Path

from grn.errors import InputError

DATA_VARIABLE = "GRN_DATA"
_MARKERS = ("beeline", "mccalla", "dream4", "beeline_simulated", "corpus", "tf_lists")


def data_roots() -> list[Path]:
    """Return the folders that may hold `beeline/`, `tf_lists/` and others, by priority.

    These are the data folder, if there is one, and the cache. The data folder is `GRN_DATA` if it
    is set; else `data` in the working directory, if it holds one of them.

    Raises
    ------
    InputError
        `GRN_DATA` is no folder.
    """
    folder = data_folder()
    return [cache_folder()] if folder is None else [folder, cache_folder()]


def data_folder() -> Path | None:
    """Return the folder with the user's own copies of data sets, or None where there is none.

    Raises
    ------
    InputError
        `GRN_DATA` is no folder.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        if not Path(chosen).is_dir():
            msg = (
                f"{DATA_VARIABLE}={chosen} is not a folder; set it to the one with beeline/ in it."
            )
            raise InputError(msg)
        return Path(chosen)
    beside = Path.cwd() / "data"
    return beside if any((beside / marker).is_dir() for marker in _MARKERS) else None


def cache_folder() -> Path:
    """Return the folder that fetched data goes to, the same for every working directory.

    It may not exist yet. `XDG_CACHE_HOME` moves it.
    """
    import pooch

    return Path(pooch.os_cache("grn"))
