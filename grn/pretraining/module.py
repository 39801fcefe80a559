"""The Lightning module of pretraining: the loss of a batch of known networks."""

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import lightning as L
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from grn.evaluation.metrics import auprc
from grn.model.transformer import Found, SphericalTransformer
from grn.pretraining.batches import Batch

logger = logging.getLogger(__name__)

# Added under the root of the norm of scores, whose size is about 1.
_LEAST = 1e-6


class PretrainingModule(L.LightningModule):
    """Trains a transformer to distinguish edges from other candidate pairs, and their signs.

    Parameters
    ----------
    transformer
        The model that is trained.
    max_steps
        Number of steps over which the learning rate falls to 0, along a cosine.
    learning_rate, weight_decay
        Parameters of AdamW.
    warm_up_steps
        Number of steps over which the learning rate rises.
    sign_weight
        Weight of the loss of signed rows; that of existence has 1.
    """

    def __init__(
        self,
        transformer: SphericalTransformer,
        *,
        max_steps: int,
        learning_rate: float,
        weight_decay: float,
        warm_up_steps: int,
        sign_weight: float,
    ) -> None:
        super().__init__()
        self.transformer = transformer
        self._max_steps, self._warm_up_steps = max_steps, warm_up_steps
        self._rate, self._decay, self._sign_weight = learning_rate, weight_decay, sign_weight
        self._seen: dict[str, list[tuple[float, float]]] = {}

    def configure_optimizers(self) -> Any:
        """Return AdamW with a linear warm-up and a cosine down to 0."""
        # fused: one call for all parameters, which are many and small.
        optimizer = torch.optim.AdamW(
            self.parameters(), lr=self._rate, weight_decay=self._decay, fused=True
        )

        def rate(step: int) -> float:
            cosine = (1 + math.cos(math.pi * min(1.0, step / self._max_steps))) / 2
            return min(1.0, (step + 1) / self._warm_up_steps) * cosine

        schedule = {"scheduler": LambdaLR(optimizer, rate), "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def training_step(self, batch: Batch, _: int) -> Float[Tensor, ""]:
        """Return the loss of a batch of training networks."""
        found = self.transformer(batch.inputs)
        existence, rows = edge_loss(found, batch), row_loss(found, batch)
        loss = existence + self._sign_weight * rows
        self.log_dict(
            {"train/loss": loss, "train/existence": existence, "train/signed_rows": rows},
            batch_size=len(batch.sign),
        )
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Log the losses of a batch of held-out networks."""
        found = self.transformer(batch.inputs)
        size = len(batch.sign)
        self.log("val/loss", edge_loss(found, batch), batch_size=size)
        self.log("val/signed_rows", row_loss(found, batch), batch_size=size)
        self._seen.setdefault(batch.kind, []).extend(judge(found, batch))

    def on_validation_epoch_end(self) -> None:
        """Log the AUPRC ratio and the share of right signs."""
        reached = mean_over_networks(self._seen)
        self._seen = {}
        self.log_dict({f"val/{name}": value for name, value in reached.items()})
        logger.info("step %d: %s", self.global_step, in_words(reached))


def edge_loss(found: Found, batch: Batch) -> Float[Tensor, ""]:
    """Return the mean over networks of the mean cross-entropy of their candidate pairs (nats)."""
    per_pair = nn.functional.binary_cross_entropy_with_logits(
        found.log_odds, (batch.sign != 0).float(), reduction="none"
    )
    counted = (per_pair * batch.is_candidate).sum(dim=(1, 2))
    loss: Tensor = (counted / batch.is_candidate.sum(dim=(1, 2))).mean()
    return loss


def row_loss(found: Found, batch: Batch) -> Float[Tensor, ""]:
    """Return 1 − cosine of the rows of the map with those of the truth, both on the unit sphere.

    It is the mean over targets with a regulator, and 0 if there are none.
    """
    truth = (batch.sign * batch.is_candidate).float()
    regulated = truth.square().sum(dim=-1) > 0
    scores = found.scores * batch.is_candidate
    norms = (scores.square().sum(-1) + _LEAST).sqrt() * truth.square().sum(-1).clamp_min(1).sqrt()
    cosine = (scores * truth).sum(dim=-1) / norms
    loss: Tensor = ((1 - cosine) * regulated).sum() / regulated.sum().clamp_min(1)
    return loss


def judge(found: Found, batch: Batch) -> list[tuple[float, float]]:
    """Return for every network with an edge log(AUPRC / density), and the share of right signs."""
    judged = []
    for log_odds, sign, truth, candidate in zip(
        found.log_odds, found.sign, batch.sign, batch.is_candidate, strict=True
    ):
        of_edges = truth[candidate]
        labels = (of_edges != 0).numpy()
        if labels.any():
            right = (sign[candidate] * of_edges)[of_edges != 0] > 0
            reached = auprc(log_odds[candidate].numpy(), labels)
            judged.append((math.log(reached / labels.mean()), float(right.float().mean())))
    return judged


def mean_over_networks(seen: Mapping[str, Sequence[tuple[float, float]]]) -> dict[str, float]:
    """Return by kind the geometric mean of AUPRC over density, and the mean share of signs."""
    reached = {}
    for kind, judged in sorted(seen.items()):
        ratios, signs = zip(*judged, strict=True)
        reached[f"auprc_ratio/{kind}"] = float(np.exp(np.mean(ratios)))
        reached[f"sign_accuracy/{kind}"] = float(np.mean(signs))
    return reached


def in_words(reached: Mapping[str, float]) -> str:
    """Return the numbers by name, in one line."""
    return ", ".join(f"{name} {value:.3f}" for name, value in reached.items())
