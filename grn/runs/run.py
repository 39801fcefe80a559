"""One run: cells in, run folder out. Check everything, find the network, judge, write."""

import json
import logging
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig

from grn.errors import InputError
from grn.evaluation import evaluate_json
from grn.export import (
    check_writable,
    write_adjacencies,
    write_edges,
    write_graphml,
    write_network,
    write_regulons,
)
from grn.expression import fingerprint, is_on_disk
from grn.files import replacing
from grn.inference.confidence import check_confidence, check_in_memory
from grn.runs.folder import (
    EDGES,
    Resumed,
    check_folder,
    check_no_result,
    check_space,
    create_folder,
    locked,
    open_folder,
    saying_when_full,
)
from grn.runs.inputs import Found, Inputs, read_inputs
from grn.runs.supervised import Supervised
from grn.runs.tracking import log_result
from grn.runs.unsupervised import Unsupervised
from grn.supervised.result import make_split
from grn.training.checkpoint import read_checkpoint
from grn.training.fit import step_of
from grn.training.settings import check_settings
from grn.version import VERSION

logger = logging.getLogger(__name__)

_LEAST_SIZE = 300_000  # bytes, of what does not grow with the network


@dataclass(frozen=True)
class Result:
    """What a run found."""

    edges: pd.DataFrame
    """The complete edge table, best first."""
    metrics: pd.DataFrame | None
    """As `grn.evaluate` returns it, with the untrained model; None without a truth."""
    folder: Path


def run(config: DictConfig, checkpoint: str | Path | None = None, *, train: bool = True) -> Result:
    """Infer a network as configured and write the run folder.

    Everything the user can get wrong is checked before the folder is created or training begins.
    The truth, where there is one, judges the result and never changes it; but in a supervised run
    (`objective=supervised`) it trains the scores, and the test part of the split judges.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    checkpoint
        Start from this one, with its settings of the model. For the cells that it was made of,
        its network is taken as it is.
    train
        Whether a predictor of expression is trained beside the network, whose edges do not
        depend on it. A supervised run always trains.

    Raises
    ------
    InputError
        Something about the cells, names, settings or folder that the user can fix.
    """
    started = time.perf_counter()
    folder = Path(config.paths.run)
    check_folder(folder, config.overwrite)
    check_settings(config)
    if config.top is not None and config.top < 1:
        msg = f"top={config.top}; expected at least 1, or null for every edge."
        raise InputError(msg)
    stored = None if checkpoint is None else read_checkpoint(checkpoint)
    if stored is not None:
        if config.prior is not None or config.split is not None:
            msg = (
                "got a checkpoint together with a prior or a split. Its network is complete: "
                "leave the checkpoint out, or the other one."
            )
            raise InputError(msg)
        config.merge_with(stored["settings"])
    check_confidence(config)
    inputs = read_inputs(config)
    check_writable(inputs.adata)
    check_in_memory(config, inputs.adata)
    cells = fingerprint(inputs.adata)
    split = make_split(config, inputs.truth, inputs.tfs, inputs.cells.genes)
    plan: Supervised | Unsupervised
    if split is None:
        plan = Unsupervised(config, inputs, cells, stored, train=train)
    else:
        plan = Supervised(config, inputs, cells, split)
    trains = train or split is not None
    size = _size(inputs, config, trained=trains)
    check_space(folder, size)
    # Nothing the user can get wrong comes after this line, and nothing is written before it.
    create_folder(folder)
    with saying_when_full(folder), locked(folder):
        check_no_result(folder, config.overwrite)  # of a run that was faster
        resumed = open_folder(folder, config, cells, config.overwrite)
        resumed = resumed if trains else None
        went_on = _describe(resumed)
        found = plan.finish(folder, None if resumed is None else resumed.checkpoint)
        found.record["resumed"] = went_on
        found.record["checkpoint"] = None if checkpoint is None else str(checkpoint)
        found.record["seconds"] = round(time.perf_counter() - started, 1)
        check_space(folder, size)  # others may have filled the disk meanwhile
        _write(folder, config, inputs, found)
    if plan.run_logger:
        log_result(plan.run_logger, found.edges, found.metrics, folder, found.record)
    return Result(found.edges, found.metrics, folder)


def _size(inputs: Inputs, config: DictConfig, *, trained: bool) -> int:
    """Return about how many bytes the result takes: tables, matrices, cells and checkpoints."""
    further = (config.confidence.bootstraps > 0) + 2 * (config.confidence.permutations > 0)
    per_pair = 75 + 25 * further + 30 * trained
    expression = inputs.adata.X
    stored = 0 if is_on_disk(expression) else getattr(expression, "nnz", expression.size) * 8
    n_pairs = len(inputs.tfs) * inputs.adata.n_vars
    return int(n_pairs * per_pair + stored + _LEAST_SIZE)


def _describe(resumed: Resumed | None) -> dict[str, Any] | None:
    """Say what metrics.json says of a run that was interrupted, and warn where it matters."""
    if resumed is None:
        return None
    step = step_of(resumed.checkpoint)
    if resumed.changed:
        logger.warning(
            "the run went on from step %d with other settings (%s): it is not what an "
            "uninterrupted run with these gives",
            *(step, ", ".join(resumed.changed)),
        )
    return {"from_step": step, "changed": resumed.changed}


def _write(folder: Path, config: DictConfig, inputs: Inputs, found: Found) -> None:
    """Write the result, edges.tsv last: its presence says that the folder is complete."""
    edges, metrics = found.edges, found.metrics
    provenance: dict[str, Any] = {
        "data": inputs.name,
        "n_tfs": len(inputs.tfs),
        "tf_names": inputs.name_report,
        "preprocessing": inputs.adata.uns["grn_preprocess"],
        "seed": int(config.seed),
        **found.provenance,
        "versions": {
            "grn": VERSION,
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    }
    write_network(edges, inputs.adata, folder / "network.h5ad", provenance)
    write_adjacencies(edges, folder / "adjacencies.tsv", config.top)
    write_regulons(edges, folder / "regulons.gmt")
    write_graphml(edges, folder / "network.graphml")
    judged = {"evaluation": None if metrics is None else evaluate_json(metrics)}
    with replacing(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps({**judged, **found.record, **provenance}, indent=2) + "\n")
    write_edges(edges, folder / EDGES, config.top)
    n_written = len(edges) if config.top is None else min(config.top, len(edges))
    logger.info("wrote %d of %d edges to %s", n_written, len(edges), folder)
