"""Summaries of an attention map for each gene, the input of the update of its token."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grn.model.layout import Layout
from grn.model.pairs import LEAST


class MapSummary:
    """Collects what the update of the tokens needs from a map, one group of targets at a time.

    Parameters
    ----------
    layout
        Layout of the batch.
    sent
        Values v' that every target sends to its regulators.
    """

    def __init__(self, layout: Layout, sent: Float[Tensor, "batch heads genes features"]) -> None:
        self._layout, self._sent = layout, sent
        self._received: list[Tensor] = []
        self._of_rows: list[Tensor] = []
        self._incoming: Tensor | float = 0.0
        self._sums: Tensor | float = 0.0

    def add(self, weights: Tensor, row_norm: Tensor, received: Tensor, rows: Tensor) -> None:
        """Add the map of one group of targets."""
        mean_square = row_norm.square() / self._layout.regulators_per_network()
        largest = weights.abs().amax(dim=-1)
        self._of_rows.append(torch.stack([_log_root(mean_square), largest], dim=-1))
        self._received.append(received)
        self._incoming = self._incoming + weights.mT @ self._sent[:, :, rows]
        self._sums = self._sums + torch.stack([weights.sum(2), weights.square().sum(2)])

    def gather(self, n_values: int) -> tuple[Tensor, Tensor]:
        """Return the received profiles, and all other inputs of the token update, concatenated.

        Parameters
        ----------
        n_values
            Number of received features that are values; the others are profiles.
        """
        layout = self._layout
        n_genes = layout.genes_per_network()
        n_regulators = layout.regulators_per_network()
        received = torch.cat(self._received, dim=2)
        total, square = self._sums  # type: ignore[misc]
        of_columns = torch.stack(
            [total * n_regulators.sqrt() / n_genes, _log_root(square * n_regulators / n_genes)],
            dim=-1,
        )
        # Only regulators have a column; the other genes get zeros.
        absent = (0, 0, 0, layout.is_gene.shape[1] - layout.n_regulators)
        around = [
            received[..., :n_values],
            nn.functional.pad(self._incoming / n_genes[..., None].sqrt(), absent),
            torch.cat(self._of_rows, dim=2),
            nn.functional.pad(of_columns, absent),
        ]
        side_by_side = torch.cat([part.transpose(1, 2).flatten(2) for part in around], dim=-1)
        return received[..., n_values:], side_by_side


def _log_root(square: Tensor) -> Tensor:
    return (square + LEAST).log() / 2
