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
    write_adjacencies,
    write_edges,
    write_graphml,
    write_network,
    write_regulons,
)
from grn.expression import fingerprint
from grn.files import replacing
from grn.inference.confidence import check_confidence, check_in_memory
from grn.runs.folder import EDGES, check_folder, open_folder
from grn.runs.inputs import Found, Inputs, read_inputs
from grn.runs.supervised import Supervised
from grn.runs.tracking import log_result
from grn.runs.unsupervised import Unsupervised
from grn.supervised.result import make_split
from grn.training.checkpoint import read_checkpoint
from grn.version import VERSION

logger = logging.getLogger(__name__)


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
    check_in_memory(config, inputs.adata)
    cells = fingerprint(inputs.adata)
    split = make_split(config, inputs.truth, inputs.tfs, inputs.cells.genes)
    plan: Supervised | Unsupervised
    if split is None:
        plan = Unsupervised(config, inputs, cells, stored, train=train)
    else:
        plan = Supervised(config, inputs, cells, split)
    # Nothing the user can get wrong comes after this line, and nothing is written before it.
    resume_from = open_folder(folder, config, cells, config.overwrite)
    found = plan.finish(folder, resume_from)
    found.record["checkpoint"] = None if checkpoint is None else str(checkpoint)
    found.record["seconds"] = round(time.perf_counter() - started, 1)
    _write(folder, config, inputs, found)
    if plan.run_logger:
        log_result(plan.run_logger, found.edges, found.metrics, folder, found.record)
    return Result(found.edges, found.metrics, folder)


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
    write_adjacencies(edges, folder / "adjacencies.tsv")
    write_regulons(edges, folder / "regulons.gmt")
    write_graphml(edges, folder / "network.graphml")
    judged = {"evaluation": None if metrics is None else evaluate_json(metrics)}
    with replacing(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps({**judged, **found.record, **provenance}, indent=2) + "\n")
    write_edges(edges, folder / EDGES)
    logger.info("wrote %d edges to %s", len(edges), folder)
