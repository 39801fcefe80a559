"""A run without known edges, or with a prior: the network is found, a predictor may be trained."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from grn.evaluation import evaluate
from grn.files import replacing
from grn.inference.confidence import assess
from grn.inference.infer import (
    describe_transformer,
    infer_network,
    log_belief,
    untrained_network,
)
from grn.model.pretrained import GeneNetwork
from grn.readout import read_edges_off, with_cells
from grn.runs.inputs import Found, Inputs
from grn.training.checkpoint import describe_origin, load_predictor, stored_network
from grn.training.fit import build_loader, build_predictor, build_trainer, fit, training_record
from grn.training.prediction import judge_start, r_squared

logger = logging.getLogger(__name__)

NETWORK_CHECKPOINT = "checkpoints/network.ckpt"


class Unsupervised:
    """Finds the network when it is made, so that whatever the user can fix shows; then the rest.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    inputs
        From `read_inputs`.
    cells
        Fingerprint of the cells.
    checkpoint
        From `read_checkpoint`; None: nothing is applied.
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
        transformer = describe_transformer(config)
        stored = None if checkpoint is None else stored_network(checkpoint, inputs.names, cells)
        if stored is None:
            if checkpoint is not None:
                logger.info("the checkpoint is of other cells: their network is found anew")
            self._network = infer_network(config, inputs.cells, inputs.tfs, prior=inputs.prior)
        else:
            self._network, transformer = stored, checkpoint["network"]["transformer"]  # type: ignore[index]
        log_belief(self._network)
        self._origin = describe_origin(config, inputs.names, self._network, transformer, cells)
        # Already here: a truth that has no gene of the cells must show before anything is written.
        self._metrics = self._judge()
        self.run_logger: Any = False
        if train:
            self.run_logger = instantiate(config.logger)
            self._trainer = build_trainer(config, run_logger=self.run_logger)
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
        """Train where asked for, assess how far to trust the edges, and read them off.

        Parameters
        ----------
        folder
            Of the run, open.
        resume_from
            Checkpoint of an interrupted training.
        """
        inputs = self._inputs
        record: dict[str, Any] = {
            "regime": "unsupervised" if inputs.prior is None else "prior-guided"
        }
        record |= self._predict(resume_from) if self._train else {"prediction": None}
        if not self._train:
            file = folder / NETWORK_CHECKPOINT
            file.parent.mkdir(exist_ok=True)
            with replacing(file) as temporary:
                torch.save(self._origin, temporary)
        confidence = assess(self._config, inputs.adata, inputs.tfs, self._network, inputs.prior)
        provenance = {
            "confidence": confidence.summary or None,
            "belief": self._network.belief,
            "transformer": self._origin["network"]["transformer"],
        }
        edges = self._edges(self._network, **confidence.columns)
        edges = with_cells(edges, inputs.adata.var)
        return Found(edges, self._metrics, record, provenance)

    def _predict(self, resume_from: Path | None) -> dict[str, Any]:
        """Train the predictor and put its R² beside those of simple baselines."""
        config, loader = self._config, self._loader
        prediction = judge_start(self._module, loader, self._inputs.tfs, config.seed)
        if self.run_logger:
            baselines = {f"prediction/{name}": value for name, value in prediction.items()}
            resolved: Any = OmegaConf.to_container(config, resolve=True)
            self.run_logger.log_hyperparams({**resolved, **baselines})
        fit(self._module, self._trainer, loader, seed=config.seed, resume_from=resume_from)
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
        """Judge the edges beside controls: those of `evaluate`, an untrained model, the prior."""
        inputs = self._inputs
        if inputs.truth is None:
            return None
        untrained = untrained_network(self._config, inputs.cells, inputs.tfs)
        extra = {"untrained": self._edges(untrained)}
        if inputs.prior is not None:
            extra["prior"] = inputs.prior.assign(weight=1, importance=1)
        return evaluate(self._edges(self._network), inputs.truth, inputs.adata, extra=extra)
