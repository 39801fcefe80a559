"""Sums of expression over cells that were perturbed alike, added up block by block."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor


class GroupMoments(NamedTuple):
    """Numbers of cells, and sums of their roots and squares, for groups of cells.

    The last row is that of cells of no group (`grn.interventions.NO_GROUP`).
    """

    size: Float[Tensor, " rows"]
    total: Float[Tensor, "rows n_genes"]
    square: Float[Tensor, "rows n_genes"]

    @classmethod
    def of(
        cls,
        blocks: Iterable[tuple[Float[Tensor, "cells n_genes"], Int[Tensor, " cells"]]],
        n_groups: int,
    ) -> "GroupMoments":
        """Add up blocks of cells: √ of their expression, and their groups."""
        size = torch.zeros(n_groups + 1, dtype=torch.float64)
        sums: tuple[Tensor, Tensor] | None = None
        for roots, group in blocks:
            x = roots.double()
            row = torch.where(group < 0, n_groups, group)
            size += torch.bincount(row, minlength=n_groups + 1)
            if sums is None:
                empty = torch.zeros(n_groups + 1, x.shape[1], dtype=torch.float64)
                sums = empty, empty.clone()
            sums[0].index_add_(0, row, x)
            sums[1].index_add_(0, row, x.square())
        if sums is None:
            msg = "there are no blocks of cells to add up; expected at least one."
            raise ValueError(msg)
        return cls(size, *sums)

    @property
    def mean(self) -> Float[Tensor, "n_groups n_genes"]:
        """Mean of every group; 0 where it has no cells."""
        return self.total[:-1] / self.size[:-1, None].clamp_min(1)

    @property
    def within(self) -> Float[Tensor, " n_genes"]:
        """Sum of the squared distances of all cells from the means of their groups."""
        of_means = self.size[:-1, None] * self.mean.square()
        return (self.square[:-1] - of_means).sum(dim=0).clamp_min(0)

    def spread(self, left_out: Float[Tensor, "n_groups n_genes"]) -> Float[Tensor, " n_genes"]:
        """Return standard deviations over all cells, without some groups of every gene."""
        kept = torch.cat([1 - left_out.double(), torch.ones_like(self.total[-1:])])
        n = (kept * self.size[:, None]).sum(dim=0).clamp_min(1)
        mean = (kept * self.total).sum(dim=0) / n
        return ((kept * self.square).sum(dim=0) / n - mean.square()).clamp_min(0).sqrt()
