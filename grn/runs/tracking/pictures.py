"""Records how the attention of a model changes while it trains, as pictures over steps."""

from collections.abc import Sequence
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from matplotlib.figure import Figure

from grn.plotting.heat import heat_map
from grn.runs.inputs import Inputs
from grn.runs.tracking.tracker import Tracker

NAME = "attention_over_training"
_N_PICTURES = 8  # each takes about half a second; more do not show more
_N_TFS, _N_GENES = 20, 40


def attention_pictures(inputs: Inputs) -> "list[AttentionPictures]":
    """Return the callback that records the attention of a run, for `build_trainer`."""
    return [AttentionPictures(inputs.tfs, inputs.cells.genes)]


class AttentionPictures(L.Callback):
    """Records the attention map of what is trained at some of the validations.

    That is `attention_map()` of the predictor, by which it predicts; the edges, which do not
    change, are not read from it. Of a supervised run it is the log odds of every edge. A
    predictor without such a method has no pictures. All of them show the regulators and targets
    that were the strongest in the first one.

    Parameters
    ----------
    tfs, genes
        Names of the regulators, and of all genes.
    """

    def __init__(self, tfs: Sequence[str], genes: Sequence[str]) -> None:
        self._tfs, self._genes = list(tfs), list(genes)
        self._shown: tuple[np.ndarray, np.ndarray] | None = None
        self._n_seen = 0

    def on_validation_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Draw the map, if this validation is one of those that are recorded."""
        n_validations = max(1, trainer.max_steps // int(trainer.val_check_interval))
        number, self._n_seen = self._n_seen, self._n_seen + 1
        tracker = trainer.logger
        if not (trainer.is_global_zero and isinstance(tracker, Tracker)):
            return
        if number % -(-n_validations // _N_PICTURES):
            return
        found = trained_map(pl_module)
        if found is not None:
            step = trainer.global_step
            tracker.attempt("the attention map", lambda: self._record(tracker, *found, step))

    def _record(
        self, tracker: Tracker, weights: Float[np.ndarray, "n_tfs n_genes"], what: str, step: int
    ) -> None:
        import wandb

        if self._shown is None:
            total = np.abs(weights)
            tfs = np.argsort(-total.sum(axis=1), kind="stable")[:_N_TFS]
            genes = np.argsort(-total[tfs].sum(axis=0), kind="stable")[:_N_GENES]
            self._shown = tfs, genes
        tfs, genes = self._shown
        shown = pd.DataFrame(
            weights[np.ix_(tfs, genes)],
            index=[self._tfs[i] for i in tfs],
            columns=[self._genes[j] for j in genes],
        )
        size = (2.6 + 0.145 * len(genes), max(3.6, 1.9 + 0.145 * len(tfs)))
        figure = Figure(figsize=size, layout="constrained", dpi=100)
        heat_map(shown, what, figure.subplots(), xlabel="target", ylabel="regulator")
        picture = wandb.Image(figure, caption=f"step {step}")
        tracker.experiment.log({NAME: picture, "trainer/global_step": step})


def trained_map(
    module: Any,
) -> tuple[Float[np.ndarray, "n_tfs n_genes"], str] | None:
    """Return the map that a module trains and what its values are; None if it has none."""
    if hasattr(module, "log_odds"):
        return module.log_odds(), "log odds of an edge"
    read = getattr(getattr(module, "predictor", None), "attention_map", None)
    if read is None:
        return None
    with torch.no_grad():
        return read().T.float().cpu().numpy(), "weight by which it predicts"
