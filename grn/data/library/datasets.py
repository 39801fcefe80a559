"""Open benchmark data sets by name: cells, TFs and where the truth lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from grn.data.library.root import DATA_VARIABLE, data_roots
from grn.data.library.tf_lists import read_tf_list
from grn.data.reading.read import read_cells
from grn.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from anndata import AnnData

# Others' cuts of BEELINE's sets, and BEELINE's own cut as `grn data fetch beeline` makes it.
_BEELINE = ("beeline", "beeline_zenodo")
COLLECTIONS = (*_BEELINE, "mccalla", "dream4", "beeline_simulated")
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
    aliases: "Mapping[str, str] | None" = None
    """Other names of genes, each with the name it stands for; for `grn.network.match_tfs`."""


def load_dataset(collection: str | None, name: str, network: str | None = None) -> Dataset:
    """Open a named data set.

    Parameters
    ----------
    collection
        `beeline`, `beeline_zenodo`, `mccalla`, `dream4` or `beeline_simulated`. None is the first
        of `beeline` and `beeline_zenodo` that has the data set on this machine.
    name
        Data set, such as `mDC`; of a simulated one the run, such as `GSD_2000_0`.
    network
        Truth, such as `STRING`. None takes the only one where there is one, else no truth.

    Raises
    ------
    InputError
        There is no such collection, data set or network (the message lists those that exist).
    """
    collection, folder = _find_folder(_BEELINE if collection is None else (collection,), name)
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
        There is no such collection.
    """
    return {name: sorted(_truths(folder)) for name, folder in dataset_folders(collection).items()}


def truth_files(collection: str, name: str) -> dict[str, Path]:
    """Return the truth files of a data set by the name of their network.

    Raises
    ------
    InputError
        There is no such collection or data set.
    """
    return _truths(_find_folder((collection,), name)[1])


def dataset_folders(collection: str) -> dict[str, Path]:
    """Return the folders of a collection's data sets by name, those on this machine.

    Raises
    ------
    InputError
        There is no such collection.
    """
    if collection not in COLLECTIONS:
        msg = f"no collection {collection!r}. Available: {', '.join(COLLECTIONS)}."
        raise InputError(msg)
    pattern = (
        "*/*/ExpressionData.csv" if collection == "beeline_simulated" else "*/expression.h5ad"
    )
    found: dict[str, Path] = {}
    for root in reversed(data_roots()):  # what the first one has comes last, so it stays
        found |= {path.parent.name: path.parent for path in (root / collection).glob(pattern)}
    return dict(sorted(found.items()))


def _find_folder(collections: tuple[str, ...], name: str) -> tuple[str, Path]:
    present = {collection: dataset_folders(collection) for collection in collections}
    for collection, folders in present.items():
        if name in folders:
            return collection, folders[name]
    here = "; ".join(f"{collection} has {_listed(sets)}" for collection, sets in present.items())
    places = " and ".join(str(root) for root in data_roots())
    msg = (
        f"no data set {name!r} in {' or '.join(collections)}: {here}. Looked in {places}. "
        f"`grn data list` says what can be fetched; {DATA_VARIABLE} names a folder of your own."
    )
    raise InputError(msg)


def _truths(folder: Path) -> dict[str, Path]:
    """Return the truth files of a data set by the name of their network."""
    simulated = folder / _SIMULATED_TRUTH
    if simulated.exists():
        return {"refNetwork": simulated}
    return {path.stem.removeprefix("edges_"): path for path in sorted(folder.glob("edges_*.csv"))}


def _listed(names: dict[str, Path]) -> str:
    return ", ".join(names) or "none"
