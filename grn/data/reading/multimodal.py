"""Finds one modality of a `.h5mu`, and the tables that all modalities of the file share."""

from pathlib import Path
from typing import TYPE_CHECKING

from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

SUFFIX = ".h5mu"
_EXPRESSION = "rna"  # as muon, scvi-tools and scirpy call it


def split_modality(path: Path) -> tuple[Path, str] | None:
    """Return the file and the name in `cells.h5mu/rna`, as mudata writes it; None of other paths.

    The name is empty where the path is that of the file.
    """
    if path.suffix.lower() == SUFFIX and not path.is_dir():
        return path, ""
    if path.parent.suffix.lower() == SUFFIX and path.parent.is_file():
        return path.parent, path.name
    return None


def find_modality(path: Path) -> Path | None:
    """Return the path of the modality to read; None if the path leads to no `.h5mu`.

    Without a name it is `rna`, or the only one of the file.

    Raises
    ------
    InputError
        There is no such modality, or none was named and it is unclear which one holds expression;
        the message lists them.
    """
    import h5py

    parts = split_modality(path)
    if parts is None or not parts[0].exists() or parts[0].stat().st_size == 0:
        return None
    file, name = parts
    try:
        with h5py.File(file, "r") as store:
            there = [*map(str, store["mod"])] if "mod" in store else []
    except OSError as error:
        msg = f"cannot read {file} as h5mu: it is damaged or of another format ({error})."
        raise InputError(msg) from error
    if not name and (_EXPRESSION in there or len(there) == 1):
        name = _EXPRESSION if _EXPRESSION in there else there[0]
    if name in there:
        return file / name
    shown = ", ".join(there) or "none"
    if name:
        msg = f"{file} has no modality {name!r}. Its modalities: {shown}."
        raise InputError(msg)
    msg = (
        f"{file} has no modality {_EXPRESSION!r}. Name the one that holds expression as {file}/"
        f"NAME. Its modalities: {shown}."
    )
    raise InputError(msg)


def with_shared(obs: "pd.DataFrame", shared: "pd.DataFrame", modality: str) -> "pd.DataFrame":
    """Return the table of a modality with the columns that the file holds for all modalities.

    It has the rows of `obs`, whether or not names of cells repeat.

    What the modality has itself stays as it is. `rna:leiden` beside its own `leiden` is the same
    column, and left out.

    Parameters
    ----------
    obs
        Table of the cells of the modality.
    shared
        Table of the cells of all modalities, in any order.
    modality
        Name of the modality.
    """
    import pandas as pd

    own = {*obs.columns, *(f"{modality}:{column}" for column in obs)}
    table = shared[[column for column in shared if column not in own]]
    table = table[~table.index.duplicated()].reindex(obs.index)
    return pd.concat([obs, table.set_axis(obs.index)], axis=1)  # equal indices: row by row
