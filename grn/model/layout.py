"""What a block of the transformer takes and returns: layout of a batch, state, and sizes."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Layout(NamedTuple):
    """Which pairs of a padded batch exist, and how the targets are split into groups."""

    is_gene: Bool[Tensor, "batch genes"]
    is_regulator: Bool[Tensor, "batch regulators"]
    rows: Sequence[Int[Tensor, " targets"]]
    """Targets of every group, in order; the regulators are the first genes."""

    @property
    def n_regulators(self) -> int:
        """Number of columns, including padding."""
        return self.is_regulator.shape[1]

    @property
    def n_pairs(self) -> int:
        """Number of pairs of the batch, including padding."""
        return self.is_gene.numel() * self.n_regulators

    def pairs(self) -> Iterator[Bool[Tensor, "batch 1 targets regulators"]]:
        """Yield, for every group of targets, which pairs are neither padding nor self-pairs."""
        for rows in self.rows:
            itself = rows[:, None] == torch.arange(self.n_regulators, device=rows.device)
            is_pair = self.is_gene[:, rows, None] & self.is_regulator[:, None] & ~itself
            yield is_pair[:, None]

    def genes_per_network(self) -> Float[Tensor, "batch 1 1"]:
        """Return the number of genes of every network."""
        return self.is_gene.sum(dim=1)[:, None, None].float()

    def regulators_per_network(self) -> Float[Tensor, "batch 1 1"]:
        """Return the number of regulators of every network."""
        return self.is_regulator.sum(dim=1)[:, None, None].float()


class State(NamedTuple):
    """State that one block passes to the next."""

    tokens: Float[Tensor, "batch genes width"]
    """h: the representation of each gene."""
    residual: Float[Tensor, "batch heads genes axes"]
    """r: the part of a gene's profile that no regulator has explained yet."""
    scores: list[Float[Tensor, "batch heads _ regulators"]]
    """S: the scores of every pair, one tensor per group of targets."""


class Sizes(NamedTuple):
    """Sizes of a block."""

    width: int
    """Length of a token."""
    n_heads: int
    """Number of attention heads."""
    head_dim: int
    """Length of the queries and keys of a head."""
    n_channels: int
    """Number of channels computed from the statistics of a pair."""
    hidden_size: int
    """Width of the hidden layer of the multilayer perceptrons (MLPs) over pairs."""
