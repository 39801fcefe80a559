"""Spherical attention of targets over regulators: the only door from the model into flashsign."""

import flashsign
import torch
from flashsign import SphericalAttentionMap
from jaxtyping import Float, Int
from torch import Tensor, nn

from grn.model.embeddings import GeneProfiles

# Score of a pair that surely is an edge, where q·k has a root mean square of 1.
_SURE = 4.0


class SphericalAttention(nn.Module):
    r"""Every gene, as a target, attends to the regulators; one head, one map for all cells.

    .. math:: s_{ij} = q_i \cdot k_j + a_{ij} + b_{ij}, \quad
        w_{ij} = s_{ij} / \lVert s_i \rVert, \quad o_i = \textstyle\sum_j w_{ij} v_j

    (Abbott et al. 2025, arXiv 2505.09326). Token $u_i$ is the gene's profile
    (`GeneProfiles.tokens`), $k_j = u_j$ and $q_i = c\, u_i$ with a constant c, so q·k is symmetric
    and positive for genes with like profiles. a is fixed: 0, or what simulated networks have
    taught (`start_from`). The pair bias b is learned on the cells and starts at 0: what one pair
    has of its own, and in one direction. No gene attends to itself.

    Parameters
    ----------
    profiles
        Of every gene.
    tf_index
        The regulators among the genes.
    scale
        c; None: such that q·k has a root mean square of 1.
    """

    tokens: Tensor
    scale: Tensor
    start: Tensor | None
    tf_index: Tensor
    own_key: Tensor

    def __init__(
        self,
        profiles: GeneProfiles,
        tf_index: Int[Tensor, " n_tfs"],
        scale: Float[Tensor, ""] | None = None,
    ) -> None:
        super().__init__()
        n_genes = len(profiles.loadings)
        self.register_buffer("tokens", profiles.tokens)
        self.register_buffer("tf_index", tf_index)
        self.register_buffer("own_key", _own_key(n_genes, tf_index))
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("start", None)
        self.bias = nn.Parameter(torch.zeros(1, n_genes, len(tf_index)))
        # The bias competes with q·k, so one learning rate fits every data set only if the root
        # mean square of the scores is 1 at the start.
        with torch.no_grad():
            if scale is None:
                scale = 1 / scores_of(self.map()).square().mean().sqrt().clamp_min(1e-12)
            self.scale.copy_(scale)

    def start_from(self, log_odds: Float[Tensor, "n_tfs n_genes"], share: float) -> None:
        r"""Let scores start at a mixture of q·k and known probabilities of edges.

        .. math:: s_{ij} = (1 - \alpha)\, q_i \cdot k_j
            + 4 \alpha\, p_{ij} \operatorname{sgn}(q_i \cdot k_j)

        with p the logistic function of the log-odds, which say nothing of the sign.

        Parameters
        ----------
        log_odds
            That j regulates i.
        share
            α, from 0 to 1.
        """
        with torch.no_grad():
            products = self._products()
            probability = log_odds.T.to(products).sigmoid()
            start = share * (_SURE * probability * products.sign() - products)
        self.start = start[None]

    def forward(
        self, values: Float[Tensor, "cells 1 n_tfs channels"]
    ) -> Float[Tensor, "cells 1 n_genes channels"]:
        """Return what each gene receives from its regulators."""
        return flashsign.spherical_attention(
            self.queries(),
            self.keys(self.tf_index),
            values,
            bias=self._bias(),
            exclude_self=self.own_key,
        )

    def map(self) -> SphericalAttentionMap:
        """Return the attention map, (1, n_genes, n_tfs), and its row norms, (1, n_genes).

        Queries and keys do not depend on the cell, so the mean over all cells is this one map.
        """
        return flashsign.spherical_attention_map(
            self.queries(), self.keys(self.tf_index), bias=self._bias(), exclude_self=self.own_key
        )

    def scores(self) -> Float[Tensor, "n_genes n_tfs"]:
        """Return the scores of all pairs before they are normalised, self-pairs among them."""
        return self._products() + self._bias()[0]

    def profile_map(self, genes: Int[Tensor, " n_keys"]) -> SphericalAttentionMap:
        """Return the map of every gene over any genes' keys: q·k alone."""
        return flashsign.spherical_attention_map(
            self.queries(), self.keys(genes), exclude_self=_own_key(len(self.tokens), genes)
        )

    def _products(self) -> Float[Tensor, "n_genes n_tfs"]:
        products: Tensor = self.queries() @ self.keys(self.tf_index).transpose(-2, -1)
        return products[0, 0]

    def _bias(self) -> Float[Tensor, "1 n_genes n_tfs"]:
        return self.bias if self.start is None else self.start + self.bias

    def queries(self) -> Float[Tensor, "1 1 n_genes n_axes"]:
        """Return the queries of all genes."""
        return (self.tokens * self.scale)[None, None]

    def keys(self, genes: Int[Tensor, " n_keys"]) -> Float[Tensor, "1 1 n_keys n_axes"]:
        """Return the keys of some genes."""
        return self.tokens[genes][None, None]


def scores_of(attended: SphericalAttentionMap) -> Float[Tensor, "1 n_genes n_keys"]:
    """Return the scores behind a map: w times its row norm."""
    return attended.weight_mean * attended.row_norm_mean.unsqueeze(-1)


def _own_key(n_genes: int, keys: Int[Tensor, " n_keys"]) -> Int[Tensor, " n_genes"]:
    """Return for each gene the key that is itself, −1 where none is."""
    own_key = torch.full((n_genes,), -1, device=keys.device)
    own_key[keys] = torch.arange(len(keys), device=keys.device)
    return own_key
