"""Open the shared benchmark data sets by name: cells, TFs and where the truth lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grn.data.read import read_cells
from grn.data.root import find_data_root
from grn.data.tf_lists import read_tf_list
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

__all__ = ["COLLECTIONS", "Dataset", "find_data_root", "list_datasets", "load_dataset"]

COLLECTIONS = ("beeline", "mccalla", "dream4", "beeline_simulated")
_SIMULATED_TRUTH = "refNetwork.csv"


@dataclass(frozen=True)
class Dataset:
    """Cells with what is known of them."""

    name: str
    """Collection, data set and network, such as `beeline/mDC/STRING`."""
    adata: "AnnData"
    """Cells × genes as stored, not preprocessed."""
    tfs: list[str] | None
    """Candidate regulators; None: every gene is one."""
    truth: "Path | pd.DataFrame | None"
    """True edges, for `grn.network.read_truth`; None where no network was chosen."""


def load_dataset(collection: str, name: str, network: str | None = None) -> Dataset:
    """Open a shared data set.

    Parameters
    ----------
    collection
        `beeline`, `mccalla`, `dream4` or `beeline_simulated`.
    name
        Data set, such as `mDC`; of a simulated one the run, such as `GSD_2000_0`.
    network
        Truth, such as `STRING`. None takes the only one where there is one, else no truth.

    Raises
    ------
    InputError
        There is no such collection, data set or network (the message lists those that exist), or
        no data folder.
    """
    folder = _find_folder(collection, name)
    truths = _truths(folder)
    if network is None:
        truth = next(iter(truths.values())) if len(truths) == 1 else None
    elif network in truths:
        truth = truths[network]
    else:
        msg = f"{collection}/{name} has no network {network!r}. Available: {_listed(truths)}."
        raise InputError(msg)
    cells = folder / "expression.h5ad"
    tfs = folder / "tfs.txt"
    chosen = next((key for key, path in truths.items() if path == truth), None)
    return Dataset(
        name="/".join(part for part in (collection, name, chosen) if part),
        adata=read_cells(cells if cells.exists() else folder),
        tfs=read_tf_list(tfs) if tfs.exists() else None,
        truth=truth,
    )


def list_datasets(collection: str) -> dict[str, list[str]]:
    """Return the networks of every data set of a collection that is on this machine.

    Raises
    ------
    InputError
        There is no such collection, or no data folder.
    """
    return {name: sorted(_truths(folder)) for name, folder in _folders(collection).items()}


def _folders(collection: str) -> dict[str, Path]:
    """Return the folders of a collection's data sets by name."""
    if collection not in COLLECTIONS:
        msg = f"no collection {collection!r}. Available: {', '.join(COLLECTIONS)}."
        raise InputError(msg)
    root = find_data_root() / collection
    pattern = (
        "*/*/ExpressionData.csv" if collection == "beeline_simulated" else "*/expression.h5ad"
    )
    return {path.parent.name: path.parent for path in sorted(root.glob(pattern))}


def _find_folder(collection: str, name: str) -> Path:
    folders = _folders(collection)
    if name not in folders:
        msg = (
            f"no data set {name!r} in {collection}. Available in {find_data_root()}: "
            f"{_listed(folders)}."
        )
        raise InputError(msg)
    return folders[name]


def _truths(folder: Path) -> dict[str, Path]:
    """Return the truth files of a data set by the name of their network."""
    simulated = folder / _SIMULATED_TRUTH
    if simulated.exists():
        return {"refNetwork": simulated}
    return {path.stem.removeprefix("edges_"): path for path in sorted(folder.glob("edges_*.csv"))}


def _listed(names: dict[str, Path]) -> str:
    return ", ".join(names) or "none"
