"""What happens beside training: the network is judged where a truth is known."""

from collections.abc import Mapping

import lightning as L
import numpy as np

from grn.evaluation import TruthScorer
from grn.readout import read_attention, score_pairs
from grn.training.module import DenoisingModule

# Logged during training; the whole table stands in metrics.json at the end.
_LOGGED = ("auprc", "auprc_ratio", "auroc", "early_precision_ratio", "per_tf_auroc")
# Viewers sort charts by name: few lines, and after train/ and val/, so that losses come first.
_WITH_LINES = ("auprc_ratio", "early_precision_ratio")


class JudgeNetwork(L.Callback):
    """Logs the metrics of the edges at every validation, beside the controls as constant lines.

    It only looks: nothing that training or checkpointing decides depends on it.

    Parameters
    ----------
    scorer
        Judges matrices whose rows and columns are the module's regulators and genes.
    controls
        Metrics of each control, by its name.
    """

    def __init__(self, scorer: TruthScorer, controls: Mapping[str, Mapping[str, float]]) -> None:
        self._scorer = scorer
        self._lines = {
            f"val_controls/{metric}/{name}": float(row[metric])
            for name, row in controls.items()
            for metric in _WITH_LINES
            if np.isfinite(row[metric])
        }

    def on_validation_epoch_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Read the edges off and log how good they are."""
        if trainer.sanity_checking or not isinstance(module, DenoisingModule):
            return
        tf_index = module.network.attention.tf_index.cpu().numpy()
        metrics = self._scorer.score(*score_pairs(read_attention(module.network), tf_index))
        values = {f"val/{name}": metrics[name] for name in _LOGGED if np.isfinite(metrics[name])}
        module.log_dict(values | self._lines, rank_zero_only=True)
