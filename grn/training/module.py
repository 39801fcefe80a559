"""Lightning modules: the loss of a minibatch, and the validation of the predictor."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import lightning as L
import torch
from jaxtyping import Float
from torch import Tensor

from grn.data.datamodule import Minibatch
from grn.errors import InputError
from grn.training.distributed import own_share
from grn.training.protocols import ExpressionModel, Objective
from grn.training.schedules import Schedule, half_cosine

OptimizerFactory = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]

# The same noise in every validation, whatever the seed of the run: losses can be compared.
_VALIDATION_SEED = 0
_GENERATOR = "generator"


class TrainedModule(L.LightningModule):
    """A module with its optimiser and the further contents of its checkpoints.

    Parameters
    ----------
    optimizer
        Function that returns the optimiser for some parameters.
    origin
        Contents of every checkpoint (`grn.training.checkpoint.describe_origin`).
    schedule
        Schedule of the learning rate; None keeps it constant.
    """

    def __init__(
        self,
        optimizer: OptimizerFactory,
        origin: dict[str, Any],
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__()
        self.origin = origin
        self._optimizer, self._schedule = optimizer, schedule
        self._generator_state: Tensor | None = None

    def configure_optimizers(self) -> Any:
        """Build the configured optimiser for all parameters, and the schedule of its rate."""
        optimizer = self._optimizer(self.parameters())
        return [optimizer], [] if self._schedule is None else [self._schedule(optimizer)]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Store, with the parameters, their origin and the state of the random numbers."""
        checkpoint.update(self.origin)
        checkpoint[_GENERATOR] = torch.get_rng_state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Remember the state of the random numbers, to resume as if never interrupted."""
        self._generator_state = checkpoint.get(_GENERATOR)

    def on_train_batch_start(self, *_: Any) -> None:
        """Restore the random numbers of the checkpoint, after the loaders have drawn some."""
        if self._generator_state is not None:
            torch.set_rng_state(self._generator_state.cpu())
            self._generator_state = None

    def on_before_backward(self, loss: Tensor) -> None:
        """Stop if training has diverged, instead of continuing with useless parameters."""
        self.check_finite(loss, "train/loss")

    def check_finite(self, value: Tensor | float, what: str) -> None:
        """Make sure that training has not diverged.

        Raises
        ------
        InputError
            The value is NaN or infinite.
        """
        number = float(torch.as_tensor(value).detach())
        if not math.isfinite(number):
            rate = getattr(self.optimizers(), "defaults", {}).get("lr", "unknown")
            msg = (
                f"training diverged: {what} is {number} at step {self.global_step}, expected a "
                f"finite number. Lower optimizer.lr (it is {rate})."
            )
            raise InputError(msg)


class PredictionModule(TrainedModule):
    r"""Trains the predictor of expression to remove noise.

    Unless another schedule is given, the learning rate falls along a half cosine to 0, so that the
    last steps average over the noise of the minibatches. Predictions are evaluated without added
    noise, by

    .. math:: R^2 = 1 - \frac{\sum (x - \hat x)^2}{\sum (x - \bar x)^2}

    over all genes and held-out cells, with x̄ the mean of the training cells. The loss leaves out
    a gene in the cells in which it is perturbed, where its regulators do not decide it.

    Parameters
    ----------
    predictor
        The model that is trained.
    objective
        Adds noise, and computes the loss.
    training_mean
        x̄ of every gene.
    max_steps
        Number of optimisation steps, over which the learning rate falls.
    optimizer, origin, schedule
        As in `TrainedModule`.
    """

    training_mean: Tensor
    _squares: Tensor

    def __init__(
        self,
        predictor: ExpressionModel,
        objective: Objective,
        training_mean: Float[Tensor, " n_genes"],
        max_steps: int,
        optimizer: OptimizerFactory,
        origin: dict[str, Any],
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__(optimizer, origin, schedule or half_cosine(max_steps))
        self.predictor = predictor
        self.objective = objective
        self.register_buffer("training_mean", training_mean, persistent=False)
        self.register_buffer("_squares", torch.zeros(2), persistent=False)

    def training_step(self, minibatch: Minibatch, _: int) -> Float[Tensor, ""]:
        """Return the loss of a minibatch; noise comes from the seeded global generator."""
        loss = self._loss(minibatch, among=self._trainer)
        self.log("train/loss", loss, sync_dist=True)
        return loss

    def on_validation_epoch_start(self) -> None:
        """Reset the sums of squares."""
        self._squares.zero_()

    def validation_step(self, minibatch: Minibatch, index: int) -> None:
        """Log the loss, with the same noise at every validation, and sum squares without noise."""
        generator = torch.Generator().manual_seed(_VALIDATION_SEED + index)
        loss = self._loss(minibatch, generator)
        self.log("val/loss", loss, batch_size=len(minibatch.cells), sync_dist=True)
        self._squares += self.squares(minibatch.cells)

    def on_validation_epoch_end(self) -> None:
        """Log R² over all held-out cells."""
        error, total = self.trainer.strategy.reduce(self._squares.clone(), reduce_op="sum")
        self.check_finite(error, "the squared error of validation")
        self.log("val/r2", 1 - error / total)

    def squares(self, cells: Float[Tensor, "cells n_genes"]) -> Float[Tensor, "2"]:
        """Return the sums of squares of the error and about the training mean."""
        predicted = self.predictor(*self.objective.without_noise(cells))
        error, total = cells - predicted, cells - self.training_mean
        return torch.stack([error.square().sum(), total.square().sum()])

    def _loss(
        self,
        minibatch: Minibatch,
        generator: torch.Generator | None = None,
        among: L.Trainer | None = None,
    ) -> Float[Tensor, ""]:
        cells, perturbed = minibatch
        noisy, level = self.objective.corrupt(cells, generator)
        noisy, level, cells = own_share(among, noisy, level, cells)
        predicted = self.predictor(noisy, level)
        if perturbed is not None:
            (perturbed,) = own_share(among, perturbed)
            predicted = torch.where(perturbed, cells, predicted)  # no error and no gradient
        loss: Tensor = self.objective(predicted, cells)
        return loss
