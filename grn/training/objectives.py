"""What the network is trained for: expression back from noise."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grn.errors import InputError


class Denoising(nn.Module):
    r"""Predict each gene's expression from the noisy expression of its regulators.

    .. math:: \tilde x = (x + \sigma \epsilon) / \sqrt{1 + \sigma^2}, \quad
        \log \sigma^2 \sim U(\log a \nu, \log b \nu)

    with ε standard normal, one σ per cell, and the loss the mean squared error of x. This is the
    forward process of a diffusion model (Ho et al. 2020) in its variance-preserving form, drawn
    uniformly in log-variance. Noise of variance σ² acts as a ridge of σ² on the regulators'
    covariance, so it has to be measured against ν, what sampling alone adds to it: with too little
    noise, hundreds of regulators in a few hundred cells fit every gene by chance.

    Parameters
    ----------
    sampling_variance
        ν, by how much the strongest axis of as many independent regulators in as many cells
        exceeds 1 (`grn.model.profiles.noise_edge`, less 1).
    least_noise, most_noise
        a and b, in units of ν.

    Raises
    ------
    InputError
        Not 0 < least_noise < most_noise.
    """

    def __init__(self, sampling_variance: float, *, least_noise: float, most_noise: float) -> None:
        super().__init__()
        if not 0 < least_noise < most_noise < math.inf:
            msg = (
                f"got least_noise={least_noise}, most_noise={most_noise}; expected "
                "0 < least_noise < most_noise."
            )
            raise InputError(msg)
        self._low = math.log(least_noise * sampling_variance)
        self._high = math.log(most_noise * sampling_variance)

    def corrupt(
        self, cells: Float[Tensor, "cells n_genes"], generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "cells n_genes"], Float[Tensor, " cells"]]:
        """Add noise.

        Returns
        -------
        The noisy cells at unit variance, and their noise level in 0 … 1. With a generator the
        noise is its own; drawn on the CPU, it is the same on every device.
        """
        level = torch.rand(len(cells), generator=generator)
        noise = torch.randn(cells.shape, generator=generator).to(cells.device)
        variance = (self._low + (self._high - self._low) * level).exp().to(cells.device)[:, None]
        return (cells + variance.sqrt() * noise) / (1 + variance).sqrt(), level.to(cells.device)

    def without_noise(
        self, cells: Float[Tensor, "cells n_genes"]
    ) -> tuple[Float[Tensor, "cells n_genes"], Float[Tensor, " cells"]]:
        r"""Return what is predicted from when nothing is added: the signal of the least noise.

        $x / \sqrt{1 + \sigma^2}$ with the least σ, for which the predictor has learned how much
        to shrink, and its level, 0.
        """
        return cells / math.sqrt(1 + math.exp(self._low)), cells.new_zeros(len(cells))

    def forward(
        self, predicted: Float[Tensor, "cells n_genes"], cells: Float[Tensor, "cells n_genes"]
    ) -> Float[Tensor, ""]:
        """Mean squared error, in units of a gene's variance."""
        return nn.functional.mse_loss(predicted, cells)
