"""The network: noisy expression of the regulators in, expected expression of every gene out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from grn.errors import InputError
from grn.model.attention import SphericalAttention
from grn.model.embeddings import GeneProfiles


class SphericalTransformer(nn.Module):
    r"""One block of spherical attention between a value token and a prediction per gene.

    The value of regulator j is its noisy expression $x_j$, beside channels that a small network
    makes of $x_j$, the gene's statistics and the noise level. Attention carries values to
    targets, and

    .. math:: \hat x_i = \gamma_i\, o_i^{(0)} + f(o_i, \text{statistics}_i, \text{noise level}),
        \qquad \gamma_i > 0,

    where $o^{(0)}$ is the channel of $x_j$ itself and f starts at 0. A target never sees its own
    expression.

    *Sign.* Flipping weights and values together would change no prediction, so weights alone have
    no sign. Here they have: the expression channel is not learned and its gain is positive, hence
    w > 0 says that more of the regulator means more of the target.

    Parameters
    ----------
    profiles
        Of every gene (`grn.model.embeddings.gene_profiles`).
    tf_index
        The regulators among the genes.
    n_channels
        Values per regulator, its expression included.
    hidden_size
        Width of the two small networks.
    like
        Network of other cells whose constants to share, so that scores can be compared: how q·k is
        scaled, and how far one programme dominates the cells; None: as the profiles say.

    Raises
    ------
    InputError
        `n_channels` below 2 or `hidden_size` below 1.
    """

    statistics: Tensor

    def __init__(
        self,
        profiles: GeneProfiles,
        tf_index: Int[Tensor, " n_tfs"],
        *,
        n_channels: int,
        hidden_size: int,
        like: "SphericalTransformer | None" = None,
    ) -> None:
        super().__init__()
        if n_channels < 2 or hidden_size < 1:
            msg = (
                f"got n_channels={n_channels}, hidden_size={hidden_size}; expected at least 2 "
                "(expression and one learned channel) and 1."
            )
            raise InputError(msg)
        scale = None if like is None else like.attention.scale
        self.attention: SphericalAttention = SphericalAttention(profiles, tf_index, scale)
        self.dominated: float = profiles.dominated if like is None else like.dominated
        self.register_buffer("statistics", profiles.statistics)
        n_statistics = profiles.statistics.shape[1]
        self.value_network = _small_network(n_statistics + 2, hidden_size, n_channels - 1)
        self.output_network = _zero_at_start(
            _small_network(n_channels + n_statistics + 1, hidden_size, 1)
        )
        # softplus(−2) ≈ 0.13: a modest first prediction, whatever the data.
        self.gain = nn.Parameter(torch.full((len(profiles.loadings),), -2.0))
        self.gain_by_noise = _zero_at_start(_small_network(1, hidden_size, 1))

    def forward(
        self,
        noisy: Float[Tensor, "cells n_genes"],
        level: Float[Tensor, " cells"],
    ) -> Float[Tensor, "cells n_genes"]:
        """Predict standardised expression.

        Parameters
        ----------
        noisy
            Standardised expression plus noise, scaled back to unit variance.
        level
            Noise level of each cell, 0 (least) to 1.
        """
        x = noisy[:, self.attention.tf_index].unsqueeze(-1)
        known = self._beside(self.statistics[self.attention.tf_index], x, level)
        values = torch.cat([x, self.value_network(known)], dim=-1)
        received = self.attention(values.unsqueeze(1)).squeeze(1)
        gain = nn.functional.softplus(self.gain) * self.gain_by_noise(level[:, None]).exp()
        corrections = self.output_network(self._beside(self.statistics, received, level))
        predicted: Tensor = gain * received[..., 0] + corrections.squeeze(-1)
        return predicted

    @staticmethod
    def _beside(
        per_gene: Float[Tensor, "genes features"],
        per_token: Float[Tensor, "cells genes channels"],
        level: Float[Tensor, " cells"],
    ) -> Float[Tensor, "cells genes all"]:
        """Put what is known of gene, token and cell side by side."""
        n_cells, n_genes, _ = per_token.shape
        return torch.cat(
            [
                per_token,
                per_gene.expand(n_cells, -1, -1),
                level[:, None, None].expand(n_cells, n_genes, 1),
            ],
            dim=-1,
        )


def _small_network(n_inputs: int, hidden_size: int, n_outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_inputs, hidden_size), nn.GELU(), nn.Linear(hidden_size, n_outputs)
    )


def _zero_at_start(network: nn.Sequential) -> nn.Sequential:
    """Zero the last layer: at the start only attention speaks, so that it is what learns first."""
    for parameter in network[-1].parameters():
        nn.init.zeros_(parameter)
    return network
