"""One block of the transformer: spherical attention, then an update of genes and pairs."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from grn.model.attention import Normaliser, attend
from grn.model.pairs import LEAST, PairNetwork, over_heads, unit_mean_square


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
    head_dim: int
    n_channels: int
    """Number of channels computed from the statistics of a pair."""
    hidden_size: int
    """Width of the hidden layer of the networks over pairs."""


class SphericalBlock(nn.Module):
    r"""Spherical attention from targets to regulators, then an update of tokens and scores.

    .. math::
        S &\leftarrow S + q_i \cdot k_j + \gamma\, \hat r_i \cdot u_j, \qquad
            W_{ij} = S_{ij} / \lVert S_i \rVert \\
        h_i &\leftarrow h_i + f\bigl(\textstyle\sum_j W_{ij} v_j,\ \sum_k W_{ki} v'_k,\
            \text{norms of row and column } i\bigr), \qquad
        r_i \leftarrow r_i - \beta \textstyle\sum_j W_{ij} u_j \\
        S &\leftarrow S + g\bigl(S, W, W^T, W W, W W^T, \phi, h_i, h_j\bigr)

    for every head; S is carried from block to block as in RealFormer (He et al. 2021). $W W$ sums
    over paths through a third gene (indirect edges), $W W^T$ compares the regulators of two genes,
    and $W^T$ is the reverse pair. The profile $u_j$ that a regulator explains is subtracted from
    the target's, so that later blocks see the unexplained rest, as a partial correlation does.

    Parameters
    ----------
    sizes
        Sizes of the transformer.
    normaliser
        ``"l2"`` is spherical attention; the others serve comparisons (docs/experiments.md).
    """

    def __init__(self, sizes: Sizes, normaliser: Normaliser) -> None:
        super().__init__()
        self._n_heads, self._normaliser = sizes.n_heads, normaliser
        all_heads = sizes.n_heads * sizes.head_dim
        self.norm = nn.LayerNorm(sizes.width)
        self.query = nn.Linear(sizes.width, all_heads, bias=False)
        self.key = nn.Linear(sizes.width, all_heads, bias=False)
        self.value = nn.Linear(sizes.width, all_heads, bias=False)
        self.value_of_target = nn.Linear(sizes.width, all_heads, bias=False)
        self.merge = nn.Linear(2 * all_heads + 4 * sizes.n_heads, sizes.width)
        self.mlp = nn.Sequential(
            nn.LayerNorm(sizes.width),
            nn.Linear(sizes.width, 2 * sizes.width),
            nn.GELU(),
            nn.Linear(2 * sizes.width, sizes.width),
        )
        self.profile_weight = nn.Parameter(0.1 * torch.randn(sizes.n_heads))
        self.explained = nn.Parameter(torch.full((sizes.n_heads,), 0.1))
        n_inputs = 5 * sizes.n_heads + sizes.n_channels
        self.update = PairNetwork(n_inputs, sizes.hidden_size, sizes.n_heads, sizes.width)

    def forward(
        self,
        state: State,
        channels: Sequence[Float[Tensor, "batch channels _ regulators"]],
        profiles: Float[Tensor, "batch genes axes"],
        layout: Layout,
    ) -> State:
        """Return the state after this block.

        Parameters
        ----------
        state
            State before this block.
        channels
            φ, computed from the statistics of every pair.
        profiles
            u of every gene, at unit length.
        layout
            Layout of the batch.
        """
        tokens, residual, scores = self._attend(state, profiles, layout)
        return State(tokens, residual, self._update(scores, channels, tokens, layout))

    def _attend(
        self, state: State, profiles: Float[Tensor, "batch genes axes"], layout: Layout
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the tokens, the residual profiles and the scores of the map."""
        n_regulators = layout.n_regulators
        x = self.norm(state.tokens)
        known = layout.is_regulator[:, None, :, None]
        queries, sent = self._heads(self.query(x)), self._heads(self.value_of_target(x))
        keys = self._heads(self.key(x[:, :n_regulators])) * known
        values = self._heads(self.value(x[:, :n_regulators])) * known
        of_regulators = (profiles[:, None, :n_regulators] * known).expand_as(
            state.residual[:, :, :n_regulators]
        )
        both = torch.cat([values, of_regulators], dim=-1)
        unit = nn.functional.normalize(state.residual, dim=-1)
        weight = self.profile_weight[:, None, None]
        summary = _Summary(layout, sent)
        scores = []
        for of_pairs, rows, is_pair in zip(state.scores, layout.rows, layout.pairs(), strict=True):
            bias = of_pairs + weight * (unit[:, :, rows] @ of_regulators.mT)
            own_key = torch.where(rows < n_regulators, rows, -1)
            attended = attend(
                queries[:, :, rows],
                keys,
                both,
                bias,
                own_key,
                is_pair,
                normaliser=self._normaliser,
            )
            scores.append(attended.scores)
            summary.add(attended.weights, attended.row_norm, attended.received, rows)
        received, around = summary.gather(values.shape[-1])
        tokens = state.tokens + self.merge(around)
        tokens = (tokens + self.mlp(tokens)) * layout.is_gene[..., None]
        residual = state.residual - self.explained[:, None, None] * received
        return tokens, residual, scores

    def _update(
        self,
        scores: Sequence[Float[Tensor, "batch heads _ regulators"]],
        channels: Sequence[Float[Tensor, "batch channels _ regulators"]],
        tokens: Float[Tensor, "batch genes width"],
        layout: Layout,
    ) -> list[Float[Tensor, "batch heads _ regulators"]]:
        """Return the scores after the update by reverse pairs and paths, eq. (9) of method.md."""
        n_regulators, of_networks = layout.n_regulators, layout.regulators_per_network()
        # The regulators' own rows of the map are the second step of every path.
        between = torch.cat(
            [
                unit_mean_square(s, of_networks)[:, :, rows < n_regulators]
                for s, rows in zip(scores, layout.rows, strict=True)
            ],
            dim=2,
        )
        second = between / of_networks[..., None].sqrt()
        common = second.mT
        updated = []
        for s, phi, rows, is_pair in zip(
            scores, channels, layout.rows, layout.pairs(), strict=True
        ):
            weights = unit_mean_square(s, of_networks)
            inside = rows[rows < n_regulators]
            reverse = nn.functional.pad(
                between[..., inside].mT, (0, 0, 0, len(rows) - len(inside))
            )
            seen = [over_heads(s), weights, reverse, weights @ second, weights @ common, phi]
            found = self.update(seen, tokens[:, rows], tokens[:, :n_regulators])
            updated.append(s + found * is_pair)
        return updated

    def _heads(self, x: Float[Tensor, "batch genes all"]) -> Float[Tensor, "batch heads genes d"]:
        return x.reshape(*x.shape[:-1], self._n_heads, -1).transpose(1, 2)


class _Summary:
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
