"""Find the folder of shared data sets and TF lists on this machine."""

import os
from pathlib import Path

from grn.errors import InputError

DATA_VARIABLE = "GRN_DATA"
_MARKERS = ("beeline", "mccalla", "dream4", "beeline_simulated", "tf_lists")


def find_data_root() -> Path:
    """Return the folder that holds `beeline/`, `tf_lists/` and the like.

    `GRN_DATA` where it is set; else the first of `../shared/data` beside the checkout,
    `../shared/data` and `data` seen from the working directory that holds one of them.

    Raises
    ------
    InputError
        `GRN_DATA` is no folder, or nothing was found.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        if not Path(chosen).is_dir():
            msg = (
                f"{DATA_VARIABLE}={chosen} is not a folder; set it to the one with beeline/ in it."
            )
            raise InputError(msg)
        return Path(chosen)
    checkout = Path(__file__).resolve().parents[2]
    candidates = [
        checkout.parent / "shared" / "data",
        Path.cwd().parent / "shared" / "data",
        Path.cwd() / "data",
    ]
    for folder in candidates:
        if any((folder / marker).is_dir() for marker in _MARKERS):
            return folder
    msg = (
        f"no data folder found: set {DATA_VARIABLE} to a folder that holds one of "
        f"{', '.join(_MARKERS)}, or put these into ./data."
    )
    raise InputError(msg)
