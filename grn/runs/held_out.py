"""A finished run and cells that it has not seen, made ready as its own were."""

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from grn.data.preprocessing.preprocess import preprocess
from grn.data.reading.read import read_cells
from grn.errors import InputError
from grn.runs.folder import CONFIG, EDGES

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

NETWORK, EDGES_BY_GROUP = "network.h5ad", "edges_by_group.tsv"
# What is decided for each cell by itself. Which genes there are was decided by the run's cells,
# and a draw of cells is no property of them.
_OF_CELLS = ("values", "min_genes", "min_counts", "target_sum")


@dataclass(frozen=True)
class FinishedRun:
    """What a run folder holds of the network and its cells."""

    folder: Path
    edges: Path
    settings: dict[str, Any]
    """Its config.yaml."""
    cells: "AnnData"
    """The preprocessed cells, without `X` where they were left on disk."""
    kind: str | None
    """What the values were: counts, linear or log; None where it is not recorded."""

    @property
    def own_cells(self) -> "AnnData | None":
        """The cells with their expression; None where it stayed on disk."""
        return None if self.cells.X is None else self.cells

    @property
    def by_group(self) -> Path:
        """The edges of each group.

        Raises
        ------
        InputError
            The run found one network for all cells.
        """
        path = self.folder / EDGES_BY_GROUP
        if not path.is_file():
            msg = (
                f"{self.folder} has no {EDGES_BY_GROUP}: its network is one for all cells. Run "
                "grn with groups, or leave --groupby out."
            )
            raise InputError(msg)
        return path


def open_run(folder: str | Path) -> FinishedRun:
    """Open the folder of a finished run.

    Raises
    ------
    InputError
        It is none: a file is missing or cannot be read.
    """
    import anndata

    folder = Path(folder)
    missing = [name for name in (EDGES, CONFIG, NETWORK) if not (folder / name).is_file()]
    if missing:
        msg = (
            f"{folder} is no folder of a finished run: it lacks {', '.join(missing)}. Give the "
            "folder that grn infer or grn train wrote, or the file of an edge list."
        )
        raise InputError(msg)
    try:
        settings: Any = OmegaConf.to_container(OmegaConf.load(folder / CONFIG))
        cells = anndata.read_h5ad(folder / NETWORK)
    except (OSError, KeyError, ValueError, OmegaConfBaseException, YAMLError) as error:
        msg = f"{folder}: {CONFIG} or {NETWORK} cannot be read ({error}). Run grn again."
        raise InputError(msg) from error
    recorded = cells.uns.get("grn", {}).get("preprocessing", {})
    return FinishedRun(folder, folder / EDGES, settings, cells, recorded.get("input"))


def read_held_out(
    path: str | Path, run: FinishedRun | None = None, tfs: Collection[str] | None = None
) -> "AnnData":
    """Read cells and preprocess them, of a run as its own cells were.

    Of the run come the layer, the column of gene names, what the values are if that was set, the
    total per cell before the logarithm, the least genes and counts of a cell, and the states of
    cells that were kept. Genes are not filtered anew: those of the run count.

    Parameters
    ----------
    path
        Any format of `grn.read_cells`.
    run
        Whose preprocessing it is; None: that of `grn.preprocess` by default.
    tfs
        Names of regulators, by which a table's orientation is told.

    Raises
    ------
    InputError
        The cells cannot be used, or lack the layer or column.
    """
    if run is None:
        return preprocess(read_cells(path, tfs=tfs))
    data, steps = run.settings.get("data") or {}, run.settings.get("preprocess") or {}
    read = {key: data.get(key) for key in ("layer", "gene_column")}
    chosen: dict[str, Any] = {key: steps[key] for key in _OF_CELLS if steps.get(key) is not None}
    if steps.get("states") is not None:
        chosen |= {key: steps[key] for key in ("state_key", "states")}
    adata = preprocess(read_cells(path, tfs=tfs, **read), min_cells=None, **chosen)
    kind = adata.uns["grn_preprocess"]["input"]
    if run.kind is not None and kind != run.kind:
        logger.warning(
            "the values of %s are %s, and those of the run were %s: make sure that both end on "
            "one scale (log1p of the same total per cell), or predictions are off by that",
            *(path, _NAMES[kind], _NAMES[run.kind]),
        )
    warn_of_seen(adata, run)
    return adata


_NAMES = {"counts": "counts", "linear": "linear values", "log": "logarithms"}


def warn_of_seen(adata: "AnnData", run: FinishedRun) -> None:
    """Warn of cells that have the names of cells that the network was found on."""
    n_seen = int(adata.obs_names.isin(run.cells.obs_names).sum())
    if n_seen:
        logger.warning(
            "%d of %d held-out cells have names of cells that the network was found on. If they "
            "are the same cells, they are not held out: predictions of them are too good",
            *(n_seen, adata.n_obs),
        )
