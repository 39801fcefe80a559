"""Compares groups of cells of a finished run."""

from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import OmegaConf

from grn.config import NO_FOLDER, compose_config
from grn.errors import InputError
from grn.inference.networks import Networks
from grn.runs.held_out import open_run


def compare_groups(
    folder: str | Path,
    group: str,
    reference: str | None,
    *,
    n_bootstraps: int,
    replicate: str | None,
) -> pd.DataFrame:
    """Test which edges differ between two groups of the cells of a run.

    Parameters
    ----------
    folder
        Of a run with `groupby`, finished.
    group, reference, n_bootstraps, replicate
        As in `grn.tl.differential_edges`.

    Raises
    ------
    InputError
        The folder is none of a finished run, or its cells are elsewhere; the run had no groups;
        a name is unknown, or there are too few cells, donors or draws.
    """
    run = open_run(folder)
    if run.own_cells is None:
        msg = (
            f"{folder} does not hold the expression of its cells, which stayed on disk. Compare "
            "in Python: grn.tl.differential_edges(model, group)."
        )
        raise InputError(msg)
    stored = {key: run.settings[key] for key in ("model", "seed")}
    labels = {key: run.settings["data"].get(key) for key in ("groupby", "batch")}
    config: Any = OmegaConf.merge(compose_config(NO_FOLDER), stored, {"data": labels})
    tfs = pd.read_csv(run.edges, sep="\t", usecols=["source"], dtype=str, keep_default_na=False)
    listed = set(tfs["source"])
    networks = Networks(config, run.cells, [g for g in run.cells.var_names if g in listed])
    return networks.differences(group, reference, n_bootstraps=n_bootstraps, replicate=replicate)
