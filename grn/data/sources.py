"""Where the cells of a run come from: a simulation or the user's files."""

from pathlib import Path
from typing import Any

from grn.data.datasets import Dataset
from grn.data.read import read_cells
from grn.data.tf_lists import read_tf_list
from grn.errors import InputError
from grn.simulation.random_network import simulate


def simulated(*, seed: int, **parameters: Any) -> Dataset:
    """Simulate cells over a known signed network (`grn.simulation.random_network.simulate`)."""
    adata = simulate(seed=seed, **parameters)
    tfs = adata.var_names[adata.var["is_tf"]].tolist()
    return Dataset(f"simulated/{seed}", adata, tfs, adata.uns["truth"])


def from_files(
    *,
    cells: str,
    tfs: str | None = None,
    truth: str | None = None,
    layer: str | None = None,
) -> Dataset:
    """Open the user's own cells.

    Parameters
    ----------
    cells
        Any format of `grn.data.read.read_cells`.
    tfs
        File with one TF per line, `human`, `mouse`, or None: every gene is a candidate.
    truth
        File of known edges, or None.
    layer
        Key of `adata.layers` to use instead of `X`.

    Raises
    ------
    InputError
        A file is missing or cannot be read.
    """
    if truth is not None and not Path(truth).is_file():
        msg = f"no truth file at {truth}. Expected a table of known edges (source, target)."
        raise InputError(msg)
    return Dataset(
        name=Path(cells).name,
        adata=read_cells(cells, layer=layer),
        tfs=None if tfs is None else read_tf_list(tfs),
        truth=None if truth is None else Path(truth),
    )
