"""The LightningModule of a pair encoder: how a batch of simulated networks becomes a loss."""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from grn.evaluation.metrics import auprc
from grn.model.pair_encoder import PairEncoder, mean_log_odds
from grn.training.pretraining_data import PairBatch, one_thread

logger = logging.getLogger(__name__)

_LEARNING_RATE, _WEIGHT_DECAY = 3e-3, 1e-2
_WARM_UP_STEPS = 100


class PairEncoderModule(L.LightningModule):
    """Trains an encoder to tell the edges from the other candidate pairs.

    Parameters
    ----------
    encoder
        What is trained.
    max_steps
        Over which the learning rate falls to 0, along a cosine.
    name
        How it is called in messages.
    """

    def __init__(self, encoder: PairEncoder, max_steps: int, name: str) -> None:
        super().__init__()
        self.encoder = encoder
        self._max_steps, self._name = max_steps, name
        self._log_ratios: dict[str, list[float]] = {}

    def configure_optimizers(self) -> Any:
        """Return AdamW with a linear warm-up and a cosine down to 0."""
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY
        )

        def rate(step: int) -> float:
            cosine = (1 + math.cos(math.pi * step / self._max_steps)) / 2
            return min(1.0, (step + 1) / _WARM_UP_STEPS) * cosine

        schedule = {"scheduler": LambdaLR(optimizer, rate), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def training_step(self, batch: PairBatch, _: int) -> Float[Tensor, ""]:
        """Compare with the truth."""
        loss = edge_loss(_log_odds([self.encoder], batch), batch)
        self.log("train/loss", loss, batch_size=len(batch.is_tf))
        return loss

    def validation_step(self, batch: PairBatch, _: int) -> None:
        """Compare on networks that were held out."""
        log_odds = _log_odds([self.encoder], batch)
        loss = edge_loss(log_odds, batch)
        self.log("val/loss", loss, batch_size=len(batch.is_tf))
        self._log_ratios.setdefault(batch.kind, []).extend(log_auprc_ratios(log_odds, batch))

    def on_validation_epoch_end(self) -> None:
        """Log how well the edges are ranked."""
        ratios = _geometric_means(self._log_ratios)
        self._log_ratios = {}
        self.log_dict({f"val/auprc_ratio/{kind}": ratio for kind, ratio in ratios.items()})
        logger.info("%s, step %d: %s", self._name, self.global_step, said(ratios))


def edge_loss(
    log_odds: Float[Tensor, "batch n_tfs n_genes"], batch: PairBatch
) -> Float[Tensor, ""]:
    """Return the mean over networks of the mean cross-entropy of their candidate pairs (nats)."""
    per_pair = nn.functional.binary_cross_entropy_with_logits(
        log_odds, batch.regulated.float(), reduction="none"
    )
    counted = per_pair * batch.is_candidate
    loss: Tensor = (counted.sum(dim=(1, 2)) / batch.is_candidate.sum(dim=(1, 2))).mean()
    return loss


def log_auprc_ratios(
    log_odds: Float[Tensor, "batch n_tfs n_genes"], batch: PairBatch
) -> list[float]:
    """Return the log of AUPRC over density for every network that has an edge."""
    ratios = []
    for found, regulated, candidate in zip(
        log_odds, batch.regulated, batch.is_candidate, strict=True
    ):
        labels = regulated[candidate].numpy()
        if labels.any():
            reached = auprc(found[candidate].numpy(), labels)
            ratios.append(math.log(reached / labels.mean()))
    return ratios


def held_out_ratios(
    encoders: Sequence[PairEncoder], batches: Iterable[PairBatch]
) -> dict[str, float]:
    """Return, by kind, the geometric mean of AUPRC over density of the mean log-odds."""
    found: dict[str, list[float]] = {}
    with torch.no_grad(), one_thread():
        for batch in batches:
            ratios = log_auprc_ratios(_log_odds(encoders, batch), batch)
            found.setdefault(batch.kind, []).extend(ratios)
    return _geometric_means(found)


def _log_odds(
    encoders: Sequence[PairEncoder], batch: PairBatch
) -> Float[Tensor, "batch n_tfs n_genes"]:
    return mean_log_odds(encoders, batch.statistics, batch.is_tf, batch.is_gene)


def _geometric_means(logs: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {kind: float(np.exp(np.mean(values))) for kind, values in logs.items() if values}


def said(ratios: Mapping[str, float]) -> str:
    """Return the ratios in words."""
    return ", ".join(f"{kind} {ratio:.3f}" for kind, ratio in ratios.items())
