"""Spherical attention over the genes of a cell, through which expression is predicted."""

import flashsign
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

# Keeps the gradient of a row without any score finite.
_LEAST_SCALE = 1e-12


class CellAttention(nn.Module):
    r"""Every gene, as a target, attends to the regulators; one head, one map for all cells.

    .. math:: s'_{ij} = c\, u_i \cdot u_j + a\, s_{ij} + b_{ij}, \quad
        w_{ij} = s'_{ij} / \lVert s'_i \rVert, \quad o_i = \textstyle\sum_j w_{ij} v_j

    (Abbott et al. 2025, arXiv 2505.09326), where u are the profiles of the genes and s the scores
    of the gene network. Both are fixed. The scalars c and a and the pair bias b are learned on the
    cells: b starts at 0, and c and a start such that each of the first two terms has unit root
    mean square. Training does not change s, and the edges are read from s alone. No gene attends
    to itself.

    Parameters
    ----------
    tokens
        u, one row of unit length per gene (`GeneProfiles.tokens`).
    scores
        s of the gene network; rows are targets and columns are regulators.
    tf_index
        Position of each regulator among the genes.
    """

    tokens: Tensor
    scores: Tensor
    tf_index: Tensor
    own_key: Tensor

    def __init__(
        self,
        tokens: Float[Tensor, "n_genes n_axes"],
        scores: Float[Tensor, "n_genes n_tfs"],
        tf_index: Int[Tensor, " n_tfs"],
    ) -> None:
        super().__init__()
        own_key = own_keys(len(tokens), tf_index)
        products = tokens @ tokens[tf_index].T
        products[own_key >= 0, own_key[own_key >= 0]] = 0
        # These belong to one data set and are recomputed for another, so they are no state.
        self.register_buffer("tokens", tokens, persistent=False)
        self.register_buffer("scores", scores, persistent=False)
        self.register_buffer("tf_index", tf_index, persistent=False)
        self.register_buffer("own_key", own_key, persistent=False)
        self.log_profile_scale = nn.Parameter(-_rms(products).log())
        self.log_network_scale = nn.Parameter(-_rms(scores).log())
        self.bias = nn.Parameter(torch.zeros(scores.shape))

    def forward(
        self, values: Float[Tensor, "cells n_tfs channels"]
    ) -> Float[Tensor, "cells n_genes channels"]:
        """Return what each gene receives from its regulators."""
        received: Tensor = flashsign.spherical_attention(
            (self.log_profile_scale.exp() * self.tokens)[None, None],
            self.tokens[self.tf_index][None, None],
            values.unsqueeze(1),
            bias=(self.log_network_scale.exp() * self.scores + self.bias)[None],
            exclude_self=self.own_key,
        )
        return received.squeeze(1)

    def weights(self) -> Float[Tensor, "n_genes n_tfs"]:
        """Return w, the row of every gene on the unit sphere; 0 for a gene and itself."""
        queries = self.log_profile_scale.exp() * self.tokens
        own = self.own_key >= 0
        scores = queries @ self.tokens[self.tf_index].T
        scores = scores + self.log_network_scale.exp() * self.scores + self.bias
        removed = torch.zeros_like(scores, dtype=torch.bool)
        removed[own, self.own_key[own]] = True
        return nn.functional.normalize(scores.masked_fill(removed, 0.0), dim=1)


def own_keys(n_genes: int, tf_index: Int[Tensor, " n_tfs"]) -> Int[Tensor, " n_genes"]:
    """Return the index of each gene among the regulators, −1 if it is none."""
    own_key = torch.full((n_genes,), -1)
    own_key[tf_index] = torch.arange(len(tf_index))
    return own_key


def _rms(values: Tensor) -> Tensor:
    return values.square().mean().sqrt().clamp_min(_LEAST_SCALE)
