"""Predicts the expression of every gene from that of the regulators, through the gene network."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from grn.errors import InputError
from grn.model.cell_attention import CellAttention
from grn.model.profiles import GeneProfiles

# Shapes are clipped here, in standard deviations: a few extreme genes would dominate otherwise.
# The bound was chosen by hand and not measured.
_FARTHEST = 3.0


class ExpressionPredictor(nn.Module):
    r"""One block of spherical attention between regulators and the prediction of every gene.

    The value of regulator j consists of its expression $x_j$ and of channels that a multilayer
    perceptron (MLP) computes from $x_j$, the shape of the gene's distribution and the noise level.
    Attention sums values over regulators, and

    .. math:: \hat x_i = \gamma_i\, o_i^{(0)} + f(o_i, \text{shape}_i, \text{noise level}),
        \qquad \gamma_i > 0,

    where $o^{(0)}$ is the channel of $x_j$ itself and f starts at 0. Since that channel is not
    learned and its gain is positive, a positive weight always means that more of the regulator
    predicts more of the target. No target sees its own expression.

    Parameters
    ----------
    z
        Standardised expression of a sample of cells, from which the shapes are computed.
    profiles
        Profiles of all genes in the same cells.
    scores
        Scores of the gene network; rows are targets and columns are regulators. Not trained.
    tf_index
        Position of each regulator among the genes.
    n_channels
        Number of values per regulator, including its expression.
    hidden_size
        Width of the hidden layers of the MLPs.
    n_axes
        Length of a gene's profile.

    Raises
    ------
    InputError
        `n_channels` below 2, or `hidden_size` or `n_axes` below 1.
    """

    shapes: Tensor

    def __init__(
        self,
        z: Float[Tensor, "n_cells n_genes"],
        profiles: GeneProfiles,
        scores: Float[Tensor, "n_genes n_tfs"],
        tf_index: Int[Tensor, " n_tfs"],
        *,
        n_channels: int,
        hidden_size: int,
        n_axes: int,
    ) -> None:
        super().__init__()
        if n_channels < 2 or min(hidden_size, n_axes) < 1:
            msg = (
                f"got n_channels={n_channels}, hidden_size={hidden_size}, n_axes={n_axes}; "
                "expected at least 2 (expression and one learned channel), 1 and 1."
            )
            raise InputError(msg)
        self.attention = CellAttention(profiles.tokens(n_axes), scores, tf_index)
        shapes = _distribution_shapes(z)
        self.register_buffer("shapes", shapes, persistent=False)
        n_shapes = shapes.shape[1]
        self.value_network = _mlp(n_shapes + 2, hidden_size, n_channels - 1)
        self.output_network = _zero_at_start(_mlp(n_channels + n_shapes + 1, hidden_size, 1))
        # softplus(−2) ≈ 0.13: first predictions are small for any data. Chosen by hand.
        self.gain = nn.Parameter(torch.full((len(scores),), -2.0))
        self.gain_by_noise = _zero_at_start(_mlp(1, hidden_size, 1))

    def forward(
        self,
        noisy: Float[Tensor, "cells n_genes"],
        level: Float[Tensor, " cells"],
    ) -> Float[Tensor, "cells n_genes"]:
        """Predict standardised expression.

        Parameters
        ----------
        noisy
            Standardised expression with noise added, scaled to unit variance.
        level
            Noise level of each cell, from 0 (least) to 1.
        """
        x = noisy[:, self.attention.tf_index].unsqueeze(-1)
        seen = _concatenated(self.shapes[self.attention.tf_index], x, level)
        values = torch.cat([x, self.value_network(seen)], dim=-1)
        received = self.attention(values)
        gain = nn.functional.softplus(self.gain) * self.gain_by_noise(level[:, None]).exp()
        corrections = self.output_network(_concatenated(self.shapes, received, level))
        predicted: Tensor = gain * received[..., 0] + corrections.squeeze(-1)
        return predicted

    def attention_map(self) -> Float[Tensor, "n_genes n_tfs"]:
        """Return the weights by which a gene receives from the regulators."""
        return self.attention.weights()


def _distribution_shapes(z: Float[Tensor, "n_cells n_genes"]) -> Float[Tensor, "n_genes 3"]:
    """Return share of cells above the mean, skewness and kurtosis, standardised over the genes."""
    columns = torch.stack([(z > 0).float().mean(0), (z**3).mean(0), (z**4).mean(0)], dim=1)
    spread = columns.std(dim=0, correction=0).clamp_min(1e-6)
    return ((columns - columns.mean(dim=0)) / spread).clamp(-_FARTHEST, _FARTHEST)


def _concatenated(
    per_gene: Float[Tensor, "genes features"],
    per_token: Float[Tensor, "cells genes channels"],
    level: Float[Tensor, " cells"],
) -> Float[Tensor, "cells genes all"]:
    """Concatenate the features of the gene, the token and the cell."""
    n_cells, n_genes, _ = per_token.shape
    of_cell = level[:, None, None].expand(n_cells, n_genes, 1)
    return torch.cat([per_token, per_gene.expand(n_cells, -1, -1), of_cell], dim=-1)


def _mlp(n_inputs: int, hidden_size: int, n_outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_inputs, hidden_size), nn.GELU(), nn.Linear(hidden_size, n_outputs)
    )


def _zero_at_start(mlp: nn.Sequential) -> nn.Sequential:
    """Set the last layer to 0, so that at the start only attention predicts and learns first."""
    for parameter in mlp[-1].parameters():
        nn.init.zeros_(parameter)
    return mlp
