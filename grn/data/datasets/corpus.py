"""The corpus: real cells of many studies, cut to variable genes, with networks of the species.

Here a data set is one file, `corpus/<name>.h5ad`, and its truth a network of the species, such as
`networks/STRING_mouse.csv.gz`. Both are cut when they are opened.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Int

from grn.data.datasets.beeline import cut_network
from grn.data.datasets.catalogue import DatasetEntry, read_catalogue
from grn.data.datasets.root import data_roots
from grn.data.datasets.tf_lists import read_tf_list
from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.read import read_cells
from grn.edges.read import read_truth
from grn.expression import column_moments

if TYPE_CHECKING:
    from anndata import AnnData

COLLECTION = "corpus"
# BEELINE's rule is 500 genes beside all TFs that vary; here at most 150 of these, so that the sets
# are of one size. Not measured.
N_TFS, N_OTHERS = 150, 500
MIN_CELLS = 10  # in which a gene is above 0


def find_corpus() -> dict[str, Path]:
    """Return the files of cells on this machine by name: those of the manifest, in its order.

    The species of other files is unknown.
    """
    return _found({name: f"{COLLECTION}/{name}.h5ad" for name in _entries()})


def find_networks(name: str) -> dict[str, Path]:
    """Return the networks of its species on this machine that evaluate a data set, by name."""
    entry = _entries()[name]
    files = {key: f"networks/{key}_{entry.organism}.csv.gz" for key in entry.networks}
    return _found(files)


def read_corpus(
    name: str, cells: Path, networks: Mapping[str, Path]
) -> tuple["AnnData", list[str], dict[str, pd.DataFrame]]:
    """Read a data set of the corpus: cells, TFs and edges of each network.

    Parameters
    ----------
    name
        Of the manifest, which knows the species.
    cells
        From `find_corpus`.
    networks
        From `find_networks`.

    Returns
    -------
    The cells from `cut_cells`; its TFs, in the order of their genes; and per network the edges
    between its genes, `source, target`.

    Raises
    ------
    InputError
        A file cannot be read, or too few genes are left.
    """
    adata, tfs = cut_cells(read_cells(cells), read_tf_list(_entries()[name].organism))
    whole = {key: read_truth(path)[["source", "target"]] for key, path in networks.items()}
    columns = ["Gene1", "Gene2"]
    return adata, tfs, {
        key: cut_network(edges.set_axis(columns, axis=1), adata.var_names)
        for key, edges in whole.items()
    }  # fmt: skip


def cut_cells(adata: "AnnData", listed: Collection[str]) -> tuple["AnnData", list[str]]:
    """Log-normalise cells and keep the `N_TFS` TFs and `N_OTHERS` other genes that vary most.

    Variance is computed after normalisation, among genes above 0 in at least `MIN_CELLS` cells.
    Normalisation uses all genes, since some genes do not give the total of a cell.

    Parameters
    ----------
    adata
        Cells × genes as stored: counts, linear or log values, which `grn.preprocess` tells apart.
        If a gene has two spellings (PISD and Pisd), the one in more cells is kept.
    listed
        Every TF of the species; names match whatever their case.

    Returns
    -------
    Log-normalised cells × chosen genes, these in the order and spelling of the file, and the TFs
    among them.

    Raises
    ------
    InputError
        Too few cells or genes are left (`grn.preprocess`).
    """
    normal = preprocess(adata[:, _first_writings(adata)], min_cells=MIN_CELLS)
    is_tf = normal.var_names.str.upper().isin([name.upper() for name in listed])
    _, sd = column_moments(normal.X)
    falling = np.argsort(-sd, kind="stable")
    chosen = [falling[is_tf[falling]][:N_TFS], falling[~is_tf[falling]][:N_OTHERS]]
    kept = np.sort(np.concatenate(chosen))
    return normal[:, kept].copy(), normal.var_names[kept[is_tf[kept]]].tolist()


def _first_writings(adata: "AnnData") -> Int[np.ndarray, " n_kept"]:
    """Return the columns that remain when each name, ignoring case, occurs once."""
    in_cells = np.asarray((adata.X > 0).sum(axis=0)).ravel()
    by_cells = np.argsort(-in_cells, kind="stable")
    repeated = adata.var_names[by_cells].str.upper().duplicated()
    return np.sort(by_cells[~repeated])


def _entries() -> dict[str, DatasetEntry]:
    return {entry.name: entry for entry in read_catalogue() if entry.collection == COLLECTION}


def _found(files: Mapping[str, str]) -> dict[str, Path]:
    """Return the first place of each file that has one."""
    roots = data_roots()
    places = {key: [root / file for root in roots] for key, file in files.items()}
    present = {key: [path for path in paths if path.is_file()] for key, paths in places.items()}
    return {key: paths[0] for key, paths in present.items() if paths}
