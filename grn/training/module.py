"""The LightningModule: how one minibatch becomes a loss."""

from collections.abc import Callable, Iterable
from typing import Any

import lightning as L
import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.transformer import SphericalTransformer
from grn.training.objectives import Denoising

OptimizerFactory = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]

_VALIDATION_SEED = 0
_BIAS_RATE = 0.1


class NetworkModule(L.LightningModule):
    """The network with its optimiser, and what its checkpoints hold.

    Parameters
    ----------
    network
        What is trained.
    optimizer
        Given the parameters, returns the optimiser.
    names
        `genes` and `tfs` of the network, in order; kept in every checkpoint, so that one can be
        applied to other cells.
    settings
        `model` and `seed` as configured: what it takes to build the network again.
    """

    def __init__(
        self,
        network: SphericalTransformer,
        optimizer: OptimizerFactory,
        names: dict[str, list[str]],
        settings: dict[str, Any],
    ) -> None:
        super().__init__()
        self.network = network
        self.names = names
        self.settings = settings
        self._optimizer = optimizer

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Hand all parameters to the configured optimiser."""
        return self._optimizer(self.parameters())

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep with the parameters what they belong to."""
        checkpoint.update(self.origin())

    def origin(self) -> dict[str, Any]:
        """Return names and settings, as every checkpoint holds them."""
        return {"grn": self.names, "settings": self.settings}


class DenoisingModule(NetworkModule):
    """Trains the network to denoise.

    Parameters
    ----------
    network, optimizer, names, settings
        As `NetworkModule` takes them.
    objective
        Adds noise and compares.
    """

    def __init__(
        self,
        network: SphericalTransformer,
        objective: Denoising,
        optimizer: OptimizerFactory,
        names: dict[str, list[str]],
        settings: dict[str, Any],
    ) -> None:
        super().__init__(network, optimizer, names, settings)
        self.objective = objective

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Hand all parameters to the configured optimiser, the pair bias at a tenth of the rate.

        The scores start from knowledge: the rest of the network adapts to them first.
        """
        bias = self.network.attention.bias
        optimizer = self._optimizer([p for p in self.parameters() if p is not bias])
        rate = _BIAS_RATE * optimizer.defaults["lr"]
        optimizer.add_param_group({"params": [bias], "lr": rate})
        return optimizer

    def training_step(self, cells: Float[Tensor, "cells n_genes"], _: int) -> Float[Tensor, ""]:
        """Corrupt, predict, compare; the noise comes from the seeded global generator."""
        loss = self._loss(cells)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, cells: Float[Tensor, "cells n_genes"], index: int) -> None:
        """Compare on the same noise every time, so that steps can be compared."""
        generator = torch.Generator().manual_seed(_VALIDATION_SEED + index)
        self.log("val/loss", self._loss(cells, generator), batch_size=len(cells), sync_dist=True)

    def _loss(
        self, cells: Float[Tensor, "cells n_genes"], generator: torch.Generator | None = None
    ) -> Float[Tensor, ""]:
        noisy, level = self.objective.corrupt(cells, generator)
        loss: Tensor = self.objective(self.network(noisy, level), cells)
        return loss
