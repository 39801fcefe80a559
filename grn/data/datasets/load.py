"""Opens benchmark data sets by name: cells, TFs, and the path of the truth."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from grn.data.datasets.corpus import COLLECTION as CORPUS
from grn.data.datasets.corpus import find_corpus, find_networks, read_corpus
from grn.data.datasets.root import DATA_VARIABLE, data_roots
from grn.data.datasets.tf_lists import read_tf_list
from grn.data.reading.read import read_cells
from grn.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from anndata import AnnData

# Others' cuts of BEELINE's sets, and BEELINE's own cut as `grn data fetch beeline` makes it.
_BEELINE = ("beeline", "beeline_zenodo")
COLLECTIONS = (*_BEELINE, "mccalla", "dream4", "beeline_simulated", CORPUS)
_SIMULATED_TRUTH = "refNetwork.csv"


@dataclass(frozen=True)
class Dataset:
    """Cells with their regulators and known networks."""

    name: str
    """Collection, data set and network, such as `beeline/mDC/STRING`."""
    adata: "AnnData"
    """Cells × genes as stored; those of the corpus are cut and log-normalised."""
    tfs: list[str] | None
    """Candidate regulators; None if every gene is one."""
    truth: "Path | pd.DataFrame | None"
    """True edges, for `grn.edges.read.read_truth`; None if no network was chosen."""
    aliases: "Mapping[str, str] | None" = None
    """Other names of genes, each with the name it stands for."""
    truths: "Mapping[str, Path | pd.DataFrame]" = field(default_factory=dict)
    """True edges of all networks that were found, by name."""


def load_dataset(collection: str | None, name: str, network: str | None = None) -> Dataset:
    """Open a named data set.

    Parameters
    ----------
    collection
        `beeline`, `beeline_zenodo`, `mccalla`, `dream4`, `beeline_simulated` or `corpus`. None is
        the first of `beeline` and `beeline_zenodo` that has the data set on this machine.
    name
        Data set, such as `mDC`, or for simulated cells the run, such as `GSD_2000_0`.
    network
        Truth, such as `STRING`. None takes the only network if there is one, else no truth.

    Raises
    ------
    InputError
        There is no such collection, data set or network (the message lists those that exist).
    """
    collection, place = _find(_BEELINE if collection is None else (collection,), name)
    files = _truth_files(collection, name, place)
    if network is not None and network not in files:
        msg = f"{collection}/{name} has no network {network!r}. Available: {_listed(files)}."
        raise InputError(msg)
    chosen = next(iter(files)) if network is None and len(files) == 1 else network
    truths: Mapping[str, Path | pd.DataFrame] = files
    tfs: list[str] | None
    if collection == CORPUS:
        adata, tfs, truths = read_corpus(name, place, files)
    else:
        cells, listed = place / "expression.h5ad", place / "tfs.txt"
        adata = read_cells(cells if cells.exists() else place)
        tfs = read_tf_list(listed) if listed.exists() else None
    return Dataset(
        name="/".join(part for part in (collection, name, chosen) if part),
        adata=adata,
        tfs=tfs,
        truth=None if chosen is None else truths[chosen],
        truths=truths,
    )


def list_datasets(collection: str) -> dict[str, list[str]]:
    """Return the networks of every data set of a collection that is on this machine.

    Raises
    ------
    InputError
        There is no such collection.
    """
    return {
        name: sorted(_truth_files(collection, name, place))
        for name, place in dataset_places(collection).items()
    }


def dataset_places(collection: str) -> dict[str, Path]:
    """Return the folders of a collection's data sets by name, those on this machine.

    Of the corpus, the files of cells.

    Raises
    ------
    InputError
        There is no such collection.
    """
    if collection not in COLLECTIONS:
        msg = f"no collection {collection!r}. Available: {', '.join(COLLECTIONS)}."
        raise InputError(msg)
    if collection == CORPUS:
        return find_corpus()
    pattern = (
        "*/*/ExpressionData.csv" if collection == "beeline_simulated" else "*/expression.h5ad"
    )
    found: dict[str, Path] = {}
    for root in reversed(data_roots()):  # the first folder has priority, so it is added last
        found |= {path.parent.name: path.parent for path in (root / collection).glob(pattern)}
    return dict(sorted(found.items()))


def _find(collections: tuple[str, ...], name: str) -> tuple[str, Path]:
    present = {collection: dataset_places(collection) for collection in collections}
    for collection, places in present.items():
        if name in places:
            return collection, places[name]
    here = "; ".join(f"{collection} has {_listed(sets)}" for collection, sets in present.items())
    looked = " and ".join(str(root) for root in data_roots())
    msg = (
        f"no data set {name!r} in {' or '.join(collections)}: {here}. Looked in {looked}. "
        f"`grn data list` says what can be fetched; {DATA_VARIABLE} names a folder of your own."
    )
    raise InputError(msg)


def _truth_files(collection: str, name: str, place: Path) -> dict[str, Path]:
    """Return the truth files of a data set by the name of their network."""
    if collection == CORPUS:
        return find_networks(name)
    simulated = place / _SIMULATED_TRUTH
    if simulated.exists():
        return {"refNetwork": simulated}
    return {path.stem.removeprefix("edges_"): path for path in sorted(place.glob("edges_*.csv"))}


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
