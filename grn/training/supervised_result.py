"""A supervised run: its split, its edge table, and what the test part says of it."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from grn.errors import InputError
from grn.evaluation.candidates import Candidates, TruthScorer, score_candidates
from grn.evaluation.genelink_split import apply_split
from grn.evaluation.network_bias import CONTROLS
from grn.evaluation.splits import Split
from grn.model.pretrained import GeneNetwork
from grn.network import edge_table, locate
from grn.readout import read_map
from grn.training.checkpoint import describe_origin
from grn.training.fit import build_trainer, fit, training_record
from grn.training.infer import describe_transformer, infer_network, log_belief
from grn.training.inputs import Found, Inputs
from grn.training.lessons import place
from grn.training.supervised import Lessons, SupervisedModule, build_supervised

logger = logging.getLogger(__name__)

_SUPERVISED = "grn.training.supervised.KnownEdges"


def make_split(
    config: DictConfig, truth: pd.DataFrame | None, tfs: Sequence[str], genes: Sequence[str]
) -> Split | None:
    """Split the truth as configured; None where the run is not supervised.

    Raises
    ------
    InputError
        `objective=supervised` without a split or a truth, a split with another objective, or a
        network too small to be split.
    """
    supervised = config.objective._target_ == _SUPERVISED
    if supervised != (config.split is not None):
        msg = (
            f"got objective={config.objective._target_} and split="
            f"{'null' if config.split is None else config.split._target_}; expected "
            "objective=supervised together with split=genelink, both_seen, unseen_tf, "
            "unseen_target or both_unseen, or neither."
        )
        raise InputError(msg)
    if not supervised:
        return None
    if truth is None:
        msg = (
            "objective=supervised trains on known edges, and these data have none: set data.truth."
        )
        raise InputError(msg)
    logger.warning(
        "SUPERVISED: known edges train this network. Only the test part of the split judges it, "
        "and the edge table says which pairs were known."
    )
    return apply_split(instantiate(config.split), truth, tfs, genes)


def beside_controls(judged: Mapping[str, dict[str, float]], split: Split) -> pd.DataFrame:
    """Put the controls that see no expression below what was judged.

    Returns
    -------
    As `grn.evaluate`: the rows given, then `degree` and `walk` (`grn.evaluation.network_bias`).
    """
    controls = {
        name: score_candidates(split.test, *control(split)) for name, control in CONTROLS.items()
    }
    rows = {**judged, **controls}
    return pd.DataFrame.from_dict(rows, orient="index").astype({"n_candidates": int})


def supervised_edges(
    module: SupervisedModule, network: GeneNetwork, names: Mapping[str, list[str]], split: Split
) -> pd.DataFrame:
    """Build the complete edge table of a supervised module.

    Returns
    -------
    Columns `source, target, weight, importance, row_norm, part, known`: the log odds of an edge
    (negative is no repression, but a pair that is likely none), the same above the least, the
    target's ‖s_i‖ before known edges were told, the part of the split that the pair is in
    (`training`, `validation`, `test` or `none`), and whether it was given as a true edge in
    training (1).
    """
    tfs, genes = names["tfs"], names["genes"]
    log_odds = module.log_odds().astype(np.float64)
    part = np.full(log_odds.shape, "none", dtype=object)
    for name in ("training", "validation", "test"):
        judged: Candidates = getattr(split, name)
        part[place(judged, judged.pairs, tfs, genes)] = name
    extra = {
        "row_norm": read_map(network.scores, locate(tfs, genes)).row_norm,
        "part": part,
        "known": place(split.training, split.training.labels, tfs, genes).astype(int),
    }
    return edge_table(log_odds, log_odds - log_odds.min(), tfs, genes, **extra)


class Supervised:
    """A run in which known edges train: built, and so checked, when it is made; then trained.

    Parameters
    ----------
    config
        As composed from conf/train.yaml with `objective=supervised`.
    inputs
        From `read_inputs`.
    cells
        Fingerprint of the cells.
    split
        From `make_split`.

    Raises
    ------
    InputError
        A setting is out of its range, or no training or validation edge is among the genes.
    """

    def __init__(self, config: DictConfig, inputs: Inputs, cells: str, split: Split) -> None:
        self._config, self._inputs, self._split = config, inputs, split
        self.run_logger: Any = instantiate(config.logger)
        self._trainer = build_trainer(config, run_logger=self.run_logger)
        self._network = infer_network(config, inputs.cells, inputs.tfs)
        log_belief(self._network)
        transformer = describe_transformer(config)
        origin = describe_origin(config, inputs.names, self._network, transformer, cells)
        self._provenance = {
            "belief": self._network.belief,
            "transformer": transformer,
            "confidence": None,
        }
        self._module = build_supervised(
            config, inputs.cells, inputs.tfs, split, self._network, origin
        )
        self._module.configure_optimizers()

    def finish(self, _: Path, resume_from: Path | None) -> Found:
        """Train on the training part of the split and judge by its test part."""
        config, module, split = self._config, self._module, self._split
        if self.run_logger:
            self.run_logger.log_hyperparams(OmegaConf.to_container(config, resolve=True))
        untrained = self._judge()
        loader = Lessons(config.trainer.max_steps)
        fit(module, self._trainer, loader, seed=config.seed, resume_from=resume_from)
        edges = supervised_edges(module, self._network, self._inputs.names, split)
        metrics = beside_controls({"edges": self._judge(), "untrained": untrained}, split)
        summary = json.loads(split.summary().to_json(orient="index"))
        record = {"regime": "supervised", "split": summary, **training_record(self._trainer)}
        return Found(edges, metrics, record, self._provenance)

    def _judge(self) -> dict[str, float]:
        """Judge the module, as it is now, by the test part."""
        inputs = self._inputs
        scorer = TruthScorer(self._split.test, inputs.tfs, inputs.cells.genes)
        return scorer.score(None, self._module.log_odds())
