"""Sources of the cells of a run: a simulation, or files of the user."""

from pathlib import Path
from typing import Any

from grn.data.datasets.load import Dataset
from grn.data.datasets.tf_lists import read_tf_list
from grn.data.reading.read import read_cells
from grn.errors import InputError
from grn.names.symbols import read_aliases


def simulated(*, seed: int, **parameters: Any) -> Dataset:
    """Simulate cells over a known signed network (`grn.simulation.random_network.simulate`)."""
    from grn.simulation.random_network import simulate  # the user's own cells need no simulator

    adata = simulate(seed=seed, **parameters)
    tfs = adata.var_names[adata.var["is_tf"]].tolist()
    return Dataset(f"simulated/{seed}", adata, tfs, adata.uns["truth"])


def simulated_model(*, model: str, seed: int, **parameters: Any) -> Dataset:
    """Simulate cells of a named model (`grn.simulation.simulate_model`) with their truth."""
    from grn.simulation.cells import simulate_model

    adata = simulate_model(model, seed=seed, **parameters)
    tfs = adata.var_names[adata.var["is_tf"]].tolist()
    return Dataset(f"{model}/{seed}", adata, tfs, adata.uns["truth"])


def from_files(
    *,
    cells: str,
    tfs: str | None = None,
    truth: str | None = None,
    layer: str | None = None,
    gene_column: str | None = None,
    aliases: str | None = None,
    on_disk: bool | None = None,
) -> Dataset:
    """Open the user's own cells.

    Parameters
    ----------
    cells
        Any format of `grn.read_cells`.
    tfs
        File with one TF per line, `human`, `mouse`, or None: every gene is a candidate.
    truth
        File of known edges, or None.
    layer
        Key of `adata.layers` to use instead of `X`.
    gene_column
        Column of `adata.var` with the gene names to use instead of its index.
    aliases
        File of other names of genes (`grn.names.symbols.read_aliases`), or None.
    on_disk
        As in `grn.read_cells`; None decides by the size of the matrix.

    Raises
    ------
    InputError
        A file is missing or cannot be read; the cells, which may be many, are read last.
    """
    if truth is not None and not Path(truth).is_file():
        msg = f"no truth file at {truth}. Expected a table of known edges (source, target)."
        raise InputError(msg)
    listed = None if tfs is None else read_tf_list(tfs)
    other_names = None if aliases is None else read_aliases(aliases)
    return Dataset(
        name=Path(cells).name,
        adata=read_cells(cells, layer=layer, gene_column=gene_column, on_disk=on_disk, tfs=listed),
        tfs=listed,
        truth=None if truth is None else Path(truth),
        aliases=other_names,
    )
