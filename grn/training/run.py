"""One run: cells in, run folder out. Check everything, fit, read out, judge, write."""

import copy
import json
import logging
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from grn.data.dataset import CellDataset
from grn.data.library.datasets import Dataset
from grn.data.preprocessing.prepare import prepare
from grn.errors import InputError
from grn.evaluation import TruthScorer, candidates, evaluate, evaluate_json
from grn.evaluation.splits import Split
from grn.export import (
    write_adjacencies,
    write_edges,
    write_graphml,
    write_network,
    write_regulons,
)
from grn.export.atomic import replacing
from grn.gene_names import match_names
from grn.network import read_truth
from grn.readout import read_attention, read_edges_off
from grn.training.callbacks import JudgeNetwork
from grn.training.confidence import assess, check_confidence, check_in_memory
from grn.training.fit import build_loader, build_module, build_trainer, fit
from grn.training.prior import start_from_prior
from grn.training.run_folder import EDGES, check_folder, open_folder
from grn.training.supervised import Lessons, build_supervised
from grn.training.supervised_result import (
    beside_controls,
    judge_module,
    make_split,
    supervised_edges,
)
from grn.training.tracking import log_result
from grn.training.transfer import load_parameters, read_checkpoint

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import DenoisingModule

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Result:
    """What a run found."""

    edges: pd.DataFrame
    """The complete edge table, best first."""
    metrics: pd.DataFrame | None
    """As `grn.evaluate` returns it, with the untrained model; None without a truth."""
    folder: Path


@dataclass(frozen=True)
class _Inputs:
    """What a run starts from, all of it checked."""

    name: str
    adata: "AnnData"
    tfs: list[str]
    truth: pd.DataFrame | None
    prior: pd.DataFrame | None
    names: dict[str, Any] | None
    """How the names of the regulators met those of the genes; None: every gene regulates."""


def run(config: DictConfig, checkpoint: str | Path | None = None) -> Result:
    """Infer a network as configured and write the run folder.

    Everything the user can get wrong is checked before the folder is created or training begins.
    The truth, where there is one, judges the result and never changes it; but of a supervised run
    (`objective=supervised`) it trains the network, and the test part of the split judges.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    checkpoint
        Read the edges off this trained model, with its own settings, instead of training one.

    Raises
    ------
    InputError
        Something about the cells, names, settings or folder that the user can fix.
    """
    folder = Path(config.paths.run)
    check_folder(folder, config.overwrite)
    trained = None if checkpoint is None else read_checkpoint(checkpoint)
    if trained is not None and config.prior is not None:
        msg = "got a prior and a checkpoint. A prior is where training starts: leave one out."
        raise InputError(msg)
    check_confidence(config, applied=trained is not None)
    started = time.perf_counter()
    if trained is not None:
        config.update(trained["settings"])
    inputs = _check(config)
    check_in_memory(config, inputs.adata)
    cells = CellDataset(inputs.adata)
    if trained is None and (split := make_split(config, inputs.truth, inputs.tfs, cells.genes)):
        return _run_supervised(config, inputs, cells, split, started)
    module = build_module(config, cells, inputs.tfs)
    if inputs.prior is not None:
        start_from_prior(module, inputs.prior)
    controls = _controls(config, cells, module, inputs)
    run_logger: Any = False
    if trained is None:
        run_logger = instantiate(config.logger)
        trainer = build_trainer(config, _judges(inputs, controls), run_logger)
        loader = build_loader(config, cells)
        module.configure_optimizers()
    else:
        load_parameters(module, trained)
    # Nothing the user can get wrong comes after this line, and nothing is written before it.
    resume_from = open_folder(folder, config, inputs.adata, config.overwrite)
    record: dict[str, Any] = {
        "regime": "unsupervised" if inputs.prior is None else "prior-guided",
        "checkpoint": None if checkpoint is None else str(checkpoint),
    }
    if trained is None:
        if run_logger:
            run_logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
        fit(module, trainer, loader, seed=config.seed, resume_from=resume_from)
        record |= _training_record(trainer)
    confidence = assess(config, inputs.adata, module, inputs.prior)
    record["confidence"] = confidence.summary or None
    edges = _edges(module, inputs, **confidence.columns)
    metrics = None
    if inputs.truth is not None and controls is not None:
        metrics = pd.concat([evaluate(edges, inputs.truth, n_random=1).loc[["edges"]], controls])
    record["seconds"] = round(time.perf_counter() - started, 1)
    _write(folder, config, inputs, edges, metrics, record)
    if run_logger:
        log_result(run_logger, edges, metrics, folder)
    return Result(edges, metrics, folder)


def _run_supervised(
    config: DictConfig, inputs: _Inputs, cells: CellDataset, split: Split, started: float
) -> Result:
    """Train on the training part of the split, judge by its test part, write the run folder."""
    folder = Path(config.paths.run)
    module = build_supervised(config, cells, inputs.tfs, split)
    untrained = judge_module(module, split)
    run_logger = instantiate(config.logger)
    trainer = build_trainer(config, run_logger=run_logger)
    module.configure_optimizers()
    # As in `run`: nothing the user can get wrong comes after this line.
    resume_from = open_folder(folder, config, inputs.adata, config.overwrite)
    if run_logger:
        run_logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
    loader = Lessons(config.trainer.max_steps)
    fit(module, trainer, loader, seed=config.seed, resume_from=resume_from)
    module.tell_everything()
    edges = supervised_edges(module, split)
    judged = {"edges": judge_module(module, split), "untrained": untrained}
    metrics = beside_controls(judged, split)
    record: dict[str, Any] = {"regime": "supervised", "split": _plain(split.summary())}
    record |= _training_record(trainer)
    record["seconds"] = round(time.perf_counter() - started, 1)
    _write(folder, config, inputs, edges, metrics, record)
    if run_logger:
        log_result(run_logger, edges, metrics, folder)
    return Result(edges, metrics, folder)


def _plain(summary: pd.DataFrame) -> dict[str, Any]:
    """Turn a table into JSON values, null for NaN."""
    plain: dict[str, Any] = json.loads(summary.to_json(orient="index"))
    return plain


def _check(config: DictConfig) -> _Inputs:
    """Read and preprocess the cells and match the names of regulators and truth to them."""
    if config.prior is not None and config.split is not None:
        msg = "got a prior and a split. A prior guides an unsupervised run: leave one of them out."
        raise InputError(msg)
    dataset: Dataset = instantiate(config.data.source)
    truth = None if dataset.truth is None else read_truth(dataset.truth)
    preprocess = instantiate(config.preprocess)
    adata, tfs = prepare(dataset.adata, dataset.tfs, preprocess, aliases=dataset.aliases)
    names = None
    if dataset.tfs is not None:
        names = match_names(dataset.tfs, dataset.adata.var_names, dataset.aliases).report()
    prior = None if config.prior is None else read_truth(config.prior)
    return _Inputs(dataset.name, adata, tfs, truth, prior, names)


def _edges(module: "DenoisingModule", inputs: _Inputs, **columns: np.ndarray) -> pd.DataFrame:
    attended = read_attention(module.network)
    return read_edges_off(attended, inputs.tfs, inputs.adata.var_names, **columns)


def _controls(
    config: DictConfig, cells: CellDataset, module: "DenoisingModule", inputs: _Inputs
) -> pd.DataFrame | None:
    """Judge the controls, as `evaluate` does; None without a truth.

    Beside those of `evaluate`: `prior`, the known edges by themselves; `untrained`, the network
    before any training, on simulated networks or on these cells; and `pretrained`, the module as
    it is, where simulated networks have taught it anything.
    """
    if inputs.truth is None:
        return None
    extra = {} if inputs.prior is None else {"prior": inputs.prior.assign(weight=1, importance=1)}
    start = _edges(module, inputs)
    extra["untrained"] = start
    if module.network.attention.start is not None:
        untaught = copy.deepcopy(config)
        untaught.model.pretrained = False
        extra["untrained"] = _edges(build_module(untaught, cells, inputs.tfs), inputs)
        extra["pretrained"] = start
    return evaluate(start, inputs.truth, inputs.adata, extra=extra).drop(index="edges")


def _judges(inputs: _Inputs, controls: pd.DataFrame | None) -> list[L.Callback]:
    if inputs.truth is None or controls is None:
        return []
    scorer = TruthScorer(candidates(inputs.truth), inputs.tfs, inputs.adata.var_names)
    return [JudgeNetwork(scorer, controls.to_dict(orient="index"))]


def _training_record(trainer: L.Trainer) -> dict[str, Any]:
    best = trainer.checkpoint_callback
    return {
        "steps": int(trainer.global_step),
        "best_validation_loss": float(best.best_model_score),  # type: ignore[union-attr]
    }


def _write(
    folder: Path,
    config: DictConfig,
    inputs: _Inputs,
    edges: pd.DataFrame,
    metrics: pd.DataFrame | None,
    record: dict[str, Any],
) -> None:
    """Write the result, edges.tsv last: its presence says that the folder is complete."""
    provenance = {
        "data": inputs.name,
        "n_tfs": len(inputs.tfs),
        "tf_names": inputs.names,
        "preprocessing": inputs.adata.uns["grn_preprocess"],
        "seed": int(config.seed),
        "confidence": record.get("confidence"),
        "versions": {
            "grn": version("spherical-grn"),
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
        temporary.write_text(json.dumps({**judged, **record, **provenance}, indent=2) + "\n")
    write_edges(edges, folder / EDGES)
    logger.info("wrote %d edges to %s", len(edges), folder)
