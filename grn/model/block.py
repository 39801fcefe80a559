"""One block of the transformer: spherical attention, then an update of genes and pairs."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from grn.model.attention import Normaliser, attend
from grn.model.layout import Layout, Sizes, State
from grn.model.map_summary import MapSummary
from grn.model.pairs import PairMLP, over_heads, unit_mean_square
from grn.model.shelf import Shelf


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
        self.update = PairMLP(n_inputs, sizes.hidden_size, sizes.n_heads, sizes.width)

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
        summary = MapSummary(layout, sent)
        scores, shelf = [], Shelf(layout.n_pairs * self._n_heads)
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
            scores.append(shelf.keep(attended.scores))
            summary.add(attended.weights, attended.row_norm, attended.received, rows)
        received, around = summary.gather(values.shape[-1])
        tokens = state.tokens + self.merge(around)
        tokens = (tokens + self.mlp(tokens)) * layout.is_gene[..., None]
        residual = state.residual - self.explained[:, None, None] * received
        return tokens, residual, scores

    def _update(
        self,
        scores: list[Float[Tensor, "batch heads _ regulators"]],
        channels: Sequence[Float[Tensor, "batch channels _ regulators"]],
        tokens: Float[Tensor, "batch genes width"],
        layout: Layout,
    ) -> list[Float[Tensor, "batch heads _ regulators"]]:
        """Return the scores after the update by reverse pairs and paths, eq. (9) of method.md.

        They take the places of the old ones in the list, group by group: of many pairs, both
        would be too much.
        """
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
        groups = zip(channels, layout.rows, layout.pairs(), strict=True)
        shelf = Shelf(layout.n_pairs * self._n_heads)
        for number, (phi, rows, is_pair) in enumerate(groups):
            s = scores[number]
            weights = unit_mean_square(s, of_networks)
            inside = rows[rows < n_regulators]
            reverse = nn.functional.pad(
                between[..., inside].mT, (0, 0, 0, len(rows) - len(inside))
            )
            seen = [over_heads(s), weights, reverse, weights @ second, weights @ common, phi]
            found = self.update(seen, tokens[:, rows], tokens[:, :n_regulators])
            scores[number] = shelf.keep(s + found * is_pair)
        return scores

    def _heads(self, x: Float[Tensor, "batch genes all"]) -> Float[Tensor, "batch heads genes d"]:
        return x.reshape(*x.shape[:-1], self._n_heads, -1).transpose(1, 2)
