"""Small networks over pairs of genes, whose channels stand before the pairs."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

LEAST = 1e-6
"""Under a root or a logarithm, in squared units of scores of about 1."""


class PairNetwork(nn.Module):
    """A small network over every pair, which also sees the tokens of the two genes.

    Parameters
    ----------
    n_inputs, hidden_size, n_outputs
        Channels of a pair.
    width
        Length of a token.
    """

    def __init__(self, n_inputs: int, hidden_size: int, n_outputs: int, width: int) -> None:
        super().__init__()
        self.first = nn.Linear(n_inputs, hidden_size)
        self.of_target = nn.Linear(width, hidden_size, bias=False)
        self.of_regulator = nn.Linear(width, hidden_size, bias=False)
        self.last = nn.Linear(hidden_size, n_outputs)

    def forward(
        self,
        features: Sequence[Float[Tensor, "batch _ targets regulators"]],
        targets: Float[Tensor, "batch targets width"],
        regulators: Float[Tensor, "batch regulators width"],
    ) -> Float[Tensor, "batch outputs targets regulators"]:
        """Return the outputs for every pair; the features are given in parts."""
        hidden = over_channels(self.first, torch.cat(list(features), dim=1))
        hidden = hidden + self.of_target(targets).mT[..., None]
        hidden = hidden + self.of_regulator(regulators).mT[:, :, None]
        return over_channels(self.last, nn.functional.gelu(hidden))


def unit_mean_square(
    scores: Float[Tensor, "batch heads targets regulators"],
    n_regulators: Float[Tensor, "batch 1 1"],
) -> Float[Tensor, "batch heads targets regulators"]:
    """Return √M w with M regulators, padding not among them: rows at unit mean square."""
    mean = scores.square().sum(dim=-1, keepdim=True) / n_regulators[..., None]
    return scores * (mean + LEAST).rsqrt()


def over_heads(
    scores: Float[Tensor, "batch heads targets regulators"],
) -> Float[Tensor, "batch heads targets regulators"]:
    """Return the scores of every pair at unit mean square over the heads."""
    return scores * (scores.square().mean(dim=1, keepdim=True) + LEAST).rsqrt()


def over_channels(
    layer: nn.Linear, x: Float[Tensor, "batch inputs targets regulators"]
) -> Float[Tensor, "batch outputs targets regulators"]:
    """Apply a linear layer to the channels of every pair, which stand before the pairs."""
    found = layer.weight @ x.flatten(2) + layer.bias[:, None]
    return found.reshape(*found.shape[:2], *x.shape[2:])
