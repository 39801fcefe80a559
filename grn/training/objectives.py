"""The training objective of the predictor: expression, from noisy regulators."""

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
    uniformly in log-variance. Noise of variance σ² acts as a ridge of σ² on the covariance of the
    regulators, so its unit is ν, the variance that sampling alone adds. With too little noise,
    hundreds of regulators fit every gene of a few hundred cells by chance.

    Parameters
    ----------
    sampling_variance
        ν: how far the largest eigenvalue of as many independent regulators in as many cells
        exceeds 1 (`grn.model.profiles.noise_edge` − 1).
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
        The noisy cells at unit variance, and their noise level from 0 to 1. The noise comes from
        `generator` if there is one. It is drawn on the CPU, so it is the same on every device.
        """
        level = torch.rand(len(cells), generator=generator)
        noise = torch.randn(cells.shape, generator=generator).to(cells.device)
        variance = (self._low + (self._high - self._low) * level).exp().to(cells.device)[:, None]
        return (cells + variance.sqrt() * noise) / (1 + variance).sqrt(), level.to(cells.device)

    def without_noise(
        self, cells: Float[Tensor, "cells n_genes"]
    ) -> tuple[Float[Tensor, "cells n_genes"], Float[Tensor, " cells"]]:
        r"""Return the input of a prediction without added noise: the signal at the least noise.

        $x / \sqrt{1 + \sigma^2}$ with the least σ, for which the predictor has learned how much
        to shrink, and its level, 0.
        """
        return cells / math.sqrt(1 + math.exp(self._low)), cells.new_zeros(len(cells))

    def forward(
        self, predicted: Float[Tensor, "cells n_genes"], cells: Float[Tensor, "cells n_genes"]
    ) -> Float[Tensor, ""]:
        """Return the mean squared error, in units of the variance of a gene."""
        return nn.functional.mse_loss(predicted, cells)
