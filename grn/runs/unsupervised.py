"""A run without known edges, or with a prior: finds the network, and may train a predictor."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import DictConfig

from grn.evaluation import evaluate, warn_of_overlap
from grn.inference.confidence import assess
from grn.inference.cost import log_cost
from grn.inference.groups import describe_groups, edges_by_group, infer_groups
from grn.inference.infer import (
    describe_transformer,
    infer_network,
    log_belief,
    log_labels,
    untrained_network,
)
from grn.inference.prior import prior_edges
from grn.journal import note, stage
from grn.model.pretrained import GeneNetwork
from grn.readout import read_edges_off, with_cells
from grn.runs.inputs import Found, Inputs
from grn.runs.tracking import attention_pictures, build_logger, log_references, log_start
from grn.training.checkpoint import describe_origin, load_predictor, stored_network
from grn.training.fit import build_loader, build_predictor, build_trainer, fit, training_record
from grn.training.prediction import judge_start, r_squared
from grn.training.serialise import write_tensors

logger = logging.getLogger(__name__)

NETWORK_CHECKPOINT = "checkpoints/network.ckpt"


class Unsupervised:
    """An unsupervised run. The network is found at construction, so that errors show early.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    inputs
        From `read_inputs`.
    cells
        Fingerprint of the cells.
    checkpoint
        Contents of a checkpoint (`read_checkpoint`), or None.
    train
        Whether the predictor of expression is trained. The edges do not depend on it.

    Raises
    ------
    InputError
        A setting is out of its range, or no edge of the prior is among the genes.
    """

    def __init__(
        self,
        config: DictConfig,
        inputs: Inputs,
        cells: str,
        checkpoint: dict[str, Any] | None,
        *,
        train: bool,
    ) -> None:
        self._config, self._inputs, self._train = config, inputs, train
        stored = None if checkpoint is None else stored_network(checkpoint, inputs.names, cells)
        if stored is None:
            if checkpoint is not None:
                logger.info("the checkpoint belongs to other cells: their network is computed")
            log_labels(config, inputs.cells)
            n_cells, n_genes = inputs.adata.shape
            log_cost(config, n_cells, n_genes, len(inputs.tfs), inputs.groups)
            self._network = infer_network(config, inputs.cells, inputs.tfs, prior=inputs.prior)
            transformer = describe_transformer(config, self._network)
        else:
            self._network, transformer = stored, checkpoint["network"]["transformer"]  # type: ignore[index]
        log_belief(self._network)
        note("network", transformer=transformer, **self._network.belief)
        self._origin = describe_origin(config, inputs.names, self._network, transformer, cells)
        # Evaluated here, since a truth without any gene of the cells must raise before writing.
        self._metrics = self._judge()
        self._cells, self.run_logger = cells, build_logger(config)
        if train:
            self._trainer = build_trainer(config, attention_pictures(inputs), self.run_logger)
            self._loader = build_loader(config, inputs.cells)
            self._module = build_predictor(
                config, inputs.cells, inputs.tfs, self._loader, self._origin, inputs.prior
            )
            self._module.configure_optimizers()
            if checkpoint is not None:
                load_predictor(self._module, checkpoint, same_cells=stored is not None)
        else:
            logger.info(
                "no predictor of expression is trained: the edges do not depend on it "
                "(--train trains one)"
            )

    def finish(self, folder: Path, resume_from: Path | None) -> Found:
        """Train if configured, compute the confidence of the edges, and return the edges.

        Parameters
        ----------
        folder
            Run folder, which is open.
        resume_from
            Checkpoint of an interrupted training.
        """
        inputs = self._inputs
        job = "train" if self._train else "infer"
        log_start(self.run_logger, self._config, inputs, self._cells, folder, job)
        record: dict[str, Any] = {
            "regime": "unsupervised" if inputs.prior is None else "prior-guided"
        }
        if self._train:
            with stage("train the predictor of expression"):
                record |= self._predict(resume_from)
        else:
            record["prediction"] = None
            file = folder / NETWORK_CHECKPOINT
            file.parent.mkdir(exist_ok=True)
            write_tensors(self._origin, file)
        with stage("confidence of the edges"):
            confidence = assess(
                self._config, inputs.adata, inputs.tfs, self._network, inputs.prior
            )
        provenance = {
            "confidence": confidence.summary or None,
            "belief": self._network.belief,
            "transformer": self._origin["network"]["transformer"],
        }
        edges = self._edges(self._network, **confidence.columns)
        edges = with_cells(edges, inputs.adata.var)
        by_group = None
        if inputs.groups is not None:
            with stage("networks of the groups"):
                groups = infer_groups(
                    self._config, inputs.cells, inputs.tfs, inputs.groups, self._network,
                    prior=inputs.prior,
                )  # fmt: skip
            by_group = edges_by_group(groups, inputs.tfs, inputs.cells.genes)
            provenance |= {"groupby": inputs.groups.key, "groups": describe_groups(groups)}
        return Found(edges, self._metrics, record, by_group, provenance)

    def help_to_train(self, resume_from: Path | None) -> None:
        """Train together with the process that conducts the run; that one has the result."""
        seed = self._config.seed
        fit(self._module, self._trainer, self._loader, seed=seed, resume_from=resume_from)

    def _predict(self, resume_from: Path | None) -> dict[str, Any]:
        """Train the predictor and put its R² beside those of simple baselines."""
        config, loader = self._config, self._loader
        prediction = judge_start(self._module, loader, self._inputs.tfs, config.seed)
        lines = {f"val/r2_{name}": value for name, value in prediction.items()}
        log_references(self.run_logger, lines, step=0)
        fit(self._module, self._trainer, loader, seed=config.seed, resume_from=resume_from)
        log_references(self.run_logger, lines, step=self._trainer.global_step)
        prediction = {"r2": r_squared(self._module, loader), **prediction}
        said = ", ".join(
            f"{name} {'–' if value is None else format(value, '.3f')}"
            for name, value in prediction.items()
        )
        logger.info("expression of held-out cells, share of variance predicted: %s", said)
        return {"prediction": prediction, **training_record(self._trainer)}

    def _edges(self, network: GeneNetwork, **columns: np.ndarray) -> pd.DataFrame:
        return read_edges_off(
            network.scores, self._inputs.tfs, self._inputs.cells.genes, **columns
        )

    def _judge(self) -> pd.DataFrame | None:
        """Evaluate the edges beside the controls of `evaluate`, an untrained model, the prior."""
        inputs = self._inputs
        if inputs.truth is None:
            return None
        untrained = untrained_network(self._config, inputs.cells, inputs.tfs)
        extra = {"untrained": self._edges(untrained)}
        if inputs.prior is not None:
            warn_of_overlap(inputs.prior, inputs.truth, inputs.cells.genes)
            extra["prior"] = prior_edges(inputs.prior, inputs.tfs, inputs.cells.genes)
        return evaluate(self._edges(self._network), inputs.truth, inputs.adata, extra=extra)
