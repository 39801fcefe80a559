"""A supervised run: a part of the known edges trains, and another part evaluates."""

import json
from pathlib import Path

from omegaconf import DictConfig

from grn.evaluation.candidates import TruthScorer
from grn.inference.infer import describe_transformer, infer_network, log_belief
from grn.journal import note, stage
from grn.readout import with_cells
from grn.runs.inputs import Found, Inputs
from grn.runs.tracking import attention_pictures, build_logger, log_references, log_start
from grn.supervised.module import StepNumbers, build_supervised
from grn.supervised.result import beside_controls, split_truth, supervised_edges
from grn.training.checkpoint import describe_origin
from grn.training.fit import build_trainer, fit, training_record


class Supervised:
    """A supervised run. Its parts are built, and so checked, at construction; then it trains.

    Parameters
    ----------
    config
        As composed from conf/train.yaml with `objective=supervised` and a `split`.
    inputs
        From `read_inputs`.
    cells
        Fingerprint of the cells.

    Raises
    ------
    InputError
        A setting is out of its range, there are no known edges, they are too few to be split, or
        no training or validation edge is among the genes.
    """

    def __init__(self, config: DictConfig, inputs: Inputs, cells: str) -> None:
        self._config, self._inputs = config, inputs
        self._split = split_truth(config, inputs.truth, inputs.tfs, inputs.cells.genes)
        self._cells, self.run_logger = cells, build_logger(config)
        self._trainer = build_trainer(config, attention_pictures(inputs), self.run_logger)
        self._network = infer_network(config, inputs.cells, inputs.tfs)
        log_belief(self._network)
        transformer = describe_transformer(config, self._network)
        origin = describe_origin(config, inputs.names, self._network, transformer, cells)
        note("network", transformer=transformer, **self._network.belief)
        self._provenance = {
            "belief": self._network.belief,
            "transformer": transformer,
            "confidence": None,
        }
        self._module = build_supervised(
            config, inputs.cells, inputs.tfs, self._split, self._network, origin
        )
        self._module.configure_optimizers()

    def finish(self, folder: Path, resume_from: Path | None) -> Found:
        """Train on the training part of the split and evaluate on its test part."""
        config, module, split = self._config, self._module, self._split
        log_start(self.run_logger, config, self._inputs, self._cells, folder, "supervised")
        # A random ranking has the share of true edges among the validation pairs as its AUPRC.
        validation = split.validation
        chance = {"val/auprc_random": float(validation.labels[validation.pairs].mean())}
        log_references(self.run_logger, chance, step=0)
        untrained = self._judge()
        loader = StepNumbers(config.trainer.max_steps)
        with stage("train on known edges"):
            fit(module, self._trainer, loader, seed=config.seed, resume_from=resume_from)
        log_references(self.run_logger, chance, step=self._trainer.global_step)
        edges = supervised_edges(module, self._network, self._inputs.names, split)
        edges = with_cells(edges, self._inputs.adata.var)
        metrics = beside_controls({"edges": self._judge(), "untrained": untrained}, split)
        summary = json.loads(split.summary().to_json(orient="index"))
        record = {"regime": "supervised", "split": summary, **training_record(self._trainer)}
        return Found(edges, metrics, record, provenance=self._provenance)

    def _judge(self) -> dict[str, float]:
        """Evaluate the module in its present state on the test part."""
        inputs = self._inputs
        scorer = TruthScorer(self._split.test, inputs.tfs, inputs.cells.genes)
        return scorer.score(None, self._module.log_odds())
