"""What a run calls on a model of expression and on an objective, so that others can be used.

Both are named by `_target_` (docs/plugins.md), and both are modules of torch.
"""

from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class ExpressionModel(Protocol):
    """Predicts the expression of every gene from noisy expression of the regulators.

    It is built as `Target(z, profiles, scores, tf_index, **settings)`, from the training cells
    alone: their standardised expression (cells × genes, a sample), the profiles of the genes
    (`grn.model.profiles.GeneProfiles`), the scores of the network (genes × regulators) and the
    positions of the regulators among the genes. `grn.model.predictor.ExpressionPredictor` is one.

    A model that has a method `attention_map()`, genes × regulators, has its picture recorded while
    it trains.
    """

    def forward(
        self, noisy: Float[Tensor, "cells n_genes"], level: Float[Tensor, " cells"]
    ) -> Float[Tensor, "cells n_genes"]:
        """Predict standardised expression; `level` is the noise of each cell, from 0 to 1."""

    def __call__(self, *inputs: Any) -> Any:
        """Call `forward`, as every module does."""


@runtime_checkable
class Objective(Protocol):
    """Makes the input of the model from cells, and compares its output with them.

    It is built as `Target(sampling_variance, **settings)`, with the variance that sampling alone
    adds to the regulators. `grn.training.objectives.Denoising` is one.
    """

    def corrupt(
        self, cells: Float[Tensor, "cells n_genes"], generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "cells n_genes"], Float[Tensor, " cells"]]:
        """Return the input of a training step, and its noise level of each cell.

        In validation random numbers come from the generator, so that losses can be compared.
        """

    def without_noise(
        self, cells: Float[Tensor, "cells n_genes"]
    ) -> tuple[Float[Tensor, "cells n_genes"], Float[Tensor, " cells"]]:
        """Return the input of a prediction that is judged by R² on held-out cells."""

    def forward(
        self, predicted: Float[Tensor, "cells n_genes"], cells: Float[Tensor, "cells n_genes"]
    ) -> Float[Tensor, ""]:
        """Return the loss."""

    def __call__(self, *inputs: Any) -> Any:
        """Call `forward`, as every module does."""


OF_A_MODEL = ("forward", "parameters", "state_dict")
OF_AN_OBJECTIVE = ("forward", "corrupt", "without_noise")
"""Methods by which a component that does not fit is refused before any work."""
