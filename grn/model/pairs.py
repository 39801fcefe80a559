"""Multilayer perceptrons over pairs of genes; the channel axis comes before the pair axes."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

LEAST = 1e-6
"""Added under roots and logarithms of mean squares that are about 1; not measured."""


class PairMLP(nn.Module):
    """A multilayer perceptron (MLP) over the channels of a pair and the tokens of its two genes.

    Parameters
    ----------
    n_inputs, hidden_size, n_outputs
        Numbers of channels of a pair.
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
        """Return the outputs for every pair; `features` are concatenated along the channels."""
        # The bias joins the small term of the targets: a pass over all pairs less.
        of_targets = self.of_target(targets) + self.first.bias
        hidden = weigh(self.first.weight, torch.cat(list(features), dim=1))
        hidden = hidden + of_targets.mT[..., None]
        hidden = hidden.add_(self.of_regulator(regulators).mT[:, :, None])
        return over_channels(self.last, nn.functional.gelu(hidden))


def unit_mean_square(
    scores: Float[Tensor, "batch heads targets regulators"],
    n_regulators: Float[Tensor, "batch 1 1"],
) -> Float[Tensor, "batch heads targets regulators"]:
    """Return √M w for M regulators without padding, so that rows have unit mean square."""
    mean = scores.square().sum(dim=-1, keepdim=True) / n_regulators[..., None]
    return scores * (mean + LEAST).rsqrt()


def over_heads(
    scores: Float[Tensor, "batch heads targets regulators"],
) -> Float[Tensor, "batch heads targets regulators"]:
    """Scale the scores of every pair to unit mean square over the heads."""
    return scores * (scores.square().mean(dim=1, keepdim=True) + LEAST).rsqrt()


def over_channels(
    layer: nn.Linear, x: Float[Tensor, "batch inputs targets regulators"]
) -> Float[Tensor, "batch outputs targets regulators"]:
    """Apply a linear layer along the channel axis of every pair."""
    return weigh(layer.weight, x) + layer.bias[:, None, None]


def weigh(
    weight: Float[Tensor, "outputs inputs"], x: Float[Tensor, "batch inputs targets regulators"]
) -> Float[Tensor, "batch outputs targets regulators"]:
    """Return the products of a matrix with the channels of every pair."""
    # `weight @ x` would copy both x and the result: it moves the channels to the last axis.
    found = torch.bmm(weight.expand(len(x), -1, -1), x.flatten(2))
    return found.reshape(len(x), -1, *x.shape[2:])
