"""One run, from cells to a run folder: check everything, find the network, evaluate, write."""

import json
import logging
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.utils import get_object
from omegaconf import DictConfig

from grn.data.preprocessing.perturbed_obs import PERTURBATION, describe_perturbations
from grn.errors import InputError
from grn.evaluation import evaluate_json
from grn.export import (
    check_writable,
    write_adjacencies,
    write_edges,
    write_edges_by_group,
    write_graphml,
    write_network,
    write_regulons,
    write_result_page,
)
from grn.expression import fingerprint, is_on_disk
from grn.files import replacing
from grn.inference.confidence import check_confidence, check_permutations
from grn.journal import note, open_journal, recorded, stage
from grn.launched import launched
from grn.report import check_report, write_report
from grn.runs.folder import (
    EDGES,
    EDGES_BY_GROUP,
    Resumed,
    check_folder,
    check_no_result,
    check_space,
    create_folder,
    locked,
    open_folder,
    saying_when_full,
)
from grn.runs.helper import help_to_train
from grn.runs.inputs import Found, Inputs, read_inputs
from grn.runs.supervised import Supervised
from grn.runs.tracking import log_result
from grn.runs.unsupervised import Unsupervised
from grn.training.checkpoint import read_checkpoint, settings_of
from grn.training.fit import step_of
from grn.training.settings import check_settings
from grn.training.whole_checkpoints import is_whole
from grn.version import VERSION

logger = logging.getLogger(__name__)

# Bytes of what does not grow with the network: small files, and a report.
_LEAST_SIZE, _REPORT_SIZE = 300_000, 3_000_000


@dataclass(frozen=True)
class Result:
    """Result of a run."""

    edges: pd.DataFrame
    """The complete edge table, best first."""
    metrics: pd.DataFrame | None
    """As `grn.evaluate` returns it, with the untrained model; None without a truth."""
    folder: Path

    def __repr__(self) -> str:
        """Say how much there is and where, as the table would fill the screen."""
        n_rows = 0 if self.metrics is None else len(self.metrics)
        return f"Result({len(self.edges)} edges, {n_rows} rows of metrics, in {self.folder})"


@recorded("run")
def run(config: DictConfig, checkpoint: str | Path | None = None, *, train: bool = True) -> Result:
    """Infer a network as configured and write the run folder.

    Everything that the user can get wrong is checked before the folder is created or training
    begins. A truth is used for evaluation and never changes the result, except in a supervised run
    (`objective=supervised`): there its training part trains, and its test part evaluates.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    checkpoint
        Checkpoint to start from, with its settings of the model. If the cells are those it was
        made from, its network is used unchanged.
    train
        Whether a predictor of expression is trained beside the network, whose edges do not
        depend on it. A supervised run always trains.

    Raises
    ------
    InputError
        Cells, names, settings or folder have a problem that the user can fix.
    """
    if not launched().is_first:
        help_to_train(config, checkpoint, train=train)
    started = time.perf_counter()
    folder = Path(config.paths.run)
    check_folder(folder, config.overwrite)
    check_settings(config)
    if config.report:
        check_report()
    _check_regime(config)
    if config.top is not None and config.top < 1:
        msg = f"top={config.top}; expected at least 1, or null for every edge."
        raise InputError(msg)
    stored = None if checkpoint is None else read_checkpoint(checkpoint)
    if stored is not None:
        config = _with_settings(config, stored)
    check_confidence(config)
    with stage("read and preprocess the cells"):
        inputs = read_inputs(config)
    check_writable(inputs.adata)
    check_permutations(config, inputs.adata)
    cells = fingerprint(inputs.adata, inputs.adata.obs.get(PERTURBATION))
    n_cells, n_genes = inputs.adata.shape
    sizes = {"n_cells": n_cells, "n_genes": n_genes, "n_tfs": len(inputs.tfs)}
    note("inputs", data=inputs.name, **sizes, train=train, seed=config.seed)
    plan: Supervised | Unsupervised
    with stage("find the network"):
        if config.split is None:
            plan = Unsupervised(config, inputs, cells, stored, train=train)
        else:
            plan = Supervised(config, inputs, cells)
    trains = train or config.split is not None
    size = _size(inputs, config, trained=trains)
    check_space(folder, size)
    # Nothing the user can get wrong comes after this line, and nothing is written before it.
    create_folder(folder)
    with saying_when_full(folder), locked(folder):
        check_no_result(folder, config.overwrite)  # another run may have finished meanwhile
        resumed = open_folder(folder, config, cells, config.overwrite)
        open_journal(folder, anew=config.overwrite)
        resumed = _usable(resumed, cells) if trains else None
        went_on = _describe(resumed)
        found = plan.finish(folder, None if resumed is None else resumed.checkpoint)
        found.record["resumed"] = went_on
        found.record["checkpoint"] = None if checkpoint is None else str(checkpoint)
        found.record["seconds"] = round(time.perf_counter() - started, 1)
        check_space(folder, size)  # others may have filled the disk meanwhile
        with stage("write the result"):
            _write(folder, config, inputs, found)
    if plan.run_logger:
        with stage("write to the logger"):
            log_result(plan.run_logger, found, inputs, folder)
    return Result(found.edges, found.metrics, folder)


def _check_regime(config: DictConfig) -> None:
    """Make sure that known edges have one use, and that objective and split fit together."""
    split = None if config.split is None else config.split._target_
    if config.prior is not None and split is not None:
        msg = "got a prior and a split. A prior guides an unsupervised run: leave one of them out."
        raise InputError(msg)
    if split is not None and config.data.groupby is not None:
        msg = (
            f"got split={split} and groupby={config.data.groupby}. Known edges decide what a "
            "supervised run finds, not the cells of a group: leave one of them out."
        )
        raise InputError(msg)
    # The objective declares what it trains on, so objectives of users work too.
    needs_split = getattr(get_object(config.objective._target_), "needs_split", False)
    if needs_split != (split is not None):
        msg = (
            f"got objective={config.objective._target_} and split={split or 'null'}; expected "
            "objective=supervised together with split=genelink, both_seen, unseen_tf, "
            "unseen_target or both_unseen, or neither."
        )
        raise InputError(msg)


def _with_settings(config: DictConfig, checkpoint: dict[str, Any]) -> DictConfig:
    """Return the settings, with those of the model replaced by those of a checkpoint."""
    if config.prior is not None or config.split is not None:
        msg = (
            "got a checkpoint together with a prior or a split. Its network is complete: "
            "leave the checkpoint out, or the other one."
        )
        raise InputError(msg)
    return settings_of(config, checkpoint)


def _size(inputs: Inputs, config: DictConfig, *, trained: bool) -> int:
    """Estimate the size of the result in bytes: tables, matrices, cells and checkpoints."""
    further = (config.confidence.bootstraps > 0) + 2 * (config.confidence.permutations > 0)
    per_pair = 75 + 25 * further + 30 * trained
    expression = inputs.adata.X
    stored = 0 if is_on_disk(expression) else getattr(expression, "nnz", expression.size) * 8
    per_pair += 0 if inputs.groups is None else 60 * len(inputs.groups.names)
    n_pairs = len(inputs.tfs) * inputs.adata.n_vars
    fixed = _LEAST_SIZE + _REPORT_SIZE * config.report
    return int(n_pairs * per_pair + stored + fixed)


def _usable(resumed: Resumed | None, cells: str) -> Resumed | None:
    """Return what to go on from, or None where its checkpoint cannot be used."""
    if resumed is None or is_whole(resumed.checkpoint, cells):
        return resumed
    logger.warning(
        "%s cannot be read, or is of other cells: training starts anew", resumed.checkpoint
    )
    return None


def _describe(resumed: Resumed | None) -> dict[str, Any] | None:
    """Return what metrics.json records about resuming, and warn if settings changed."""
    if resumed is None:
        return None
    step = step_of(resumed.checkpoint)
    if resumed.changed:
        logger.warning(
            "the run was resumed at step %d with other settings (%s): its result differs from "
            "that of an uninterrupted run with these settings",
            *(step, ", ".join(resumed.changed)),
        )
    return {"from_step": step, "changed": resumed.changed}


def _write(folder: Path, config: DictConfig, inputs: Inputs, found: Found) -> None:
    """Write the result, with edges.tsv last, so that its presence marks a complete folder."""
    edges, metrics = found.edges, found.metrics
    provenance: dict[str, Any] = {
        "data": inputs.name,
        "n_tfs": len(inputs.tfs),
        "tf_names": inputs.name_report,
        "preprocessing": inputs.adata.uns["grn_preprocess"],
        "perturbations": describe_perturbations(inputs.adata),
        "seed": int(config.seed),
        **found.provenance,
        "versions": {
            "grn": VERSION,
            "torch": version("torch"),
            "python": platform.python_version(),
        },
    }
    write_network(edges, inputs.adata, folder / "network.h5ad", provenance, found.by_group)
    if found.by_group is not None:
        write_edges_by_group(found.by_group, folder / EDGES_BY_GROUP, config.top)
    write_adjacencies(edges, folder / "adjacencies.tsv", config.top)
    write_regulons(edges, folder / "regulons.gmt")
    write_graphml(edges, folder / "network.graphml")
    judged = {"evaluation": None if metrics is None else evaluate_json(metrics)}
    with replacing(folder / "metrics.json") as temporary:
        temporary.write_text(json.dumps({**judged, **found.record, **provenance}, indent=2) + "\n")
    write_result_page(
        folder, edges, top=config.top, regime=found.record["regime"], report=config.report
    )
    _write_edges_last(folder, edges, config)
    n_written = len(edges) if config.top is None else min(config.top, len(edges))
    logger.info("wrote %d of %d edges to %s", n_written, len(edges), folder)


def _write_edges_last(folder: Path, edges: pd.DataFrame, config: DictConfig) -> None:
    """Write edges.tsv, and the report before it has its name: who is killed begins again."""
    problem = None
    with replacing(folder / EDGES) as temporary:
        write_edges(edges, temporary, config.top)
        if config.report:
            try:
                write_report(folder, temporary)
            except Exception as error:  # noqa: BLE001 - the edges are complete without it
                problem = error
    if problem is not None:
        raise problem
