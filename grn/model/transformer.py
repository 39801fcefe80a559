"""The model: a spherical-attention transformer over genes, whose last map is the network."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from grn.model import interventional_statistics as changed
from grn.model import pair_statistics as observed
from grn.model.attention import Normaliser
from grn.model.block import SphericalBlock
from grn.model.layout import Layout, Sizes, State
from grn.model.pairs import PairMLP, over_channels, over_heads, unit_mean_square
from grn.model.shelf import Shelf

# Standardised statistics are clipped here, in standard deviations over the training networks, so
# that the transformer is never asked about values far outside of its training range.
# The bound was chosen by hand and not measured. It belongs to the trained weights and changes only
# with them.
_FARTHEST = 5.0


def count_statistics(*, interventional: bool) -> dict[str, int]:
    """Return the numbers of statistics by their names in `Inputs`; those of interventions last."""
    sources = (observed, changed) if interventional else (observed,)
    return {
        "of_pairs": sum(len(source.OF_PAIR) for source in sources),
        "of_genes": sum(len(source.OF_GENE) for source in sources),
        "of_cells": sum(len(source.OF_CELLS) for source in sources),
    }


class Inputs(NamedTuple):
    """Input of the transformer; it does not depend on names, order or choice of axes.

    The regulators are the first genes. Elements of a batch are padded to the same size.
    """

    of_pairs: Iterable[Float[Tensor, "batch of_pair _ regulators"]]
    """`PairStatistics.block` for consecutive groups of targets, which together are all genes; then
    `InterventionalStatistics.block`, where the transformer takes interventions. The next two are
    made likewise. It is iterated over once, so that groups may be made one by one."""
    of_genes: Float[Tensor, "batch genes of_gene"]
    of_cells: Float[Tensor, "batch of_cells"]
    profiles: Float[Tensor, "batch genes axes"]
    """`GeneProfiles.tokens`."""
    is_gene: Bool[Tensor, "batch genes"]
    """False where a smaller network was padded."""
    is_regulator: Bool[Tensor, "batch regulators"]
    """False where a smaller network was padded."""
    group_sizes: Sequence[int] | None = None
    """Number of targets of every group; None: `of_pairs` is one group of all genes."""

    def layout(self) -> Layout:
        """Return which pairs of the padded batch exist."""
        sizes = list(self.group_sizes or self.is_gene.shape[1:])
        rows = torch.split(torch.arange(sum(sizes), device=self.is_gene.device), sizes)
        return Layout(self.is_gene, self.is_regulator, rows)


class Found(NamedTuple):
    """Output of the transformer for every pair; self-pairs and padding hold arbitrary values."""

    log_odds: Float[Tensor, "*batch targets regulators"]
    """Log-odds that the regulator regulates the target."""
    sign: Float[Tensor, "*batch targets regulators"]
    """From −1 (surely represses) to 1 (surely activates)."""

    @property
    def scores(self) -> Float[Tensor, "*batch targets regulators"]:
        r"""Scores of the last map, $s_{ij} = \sigma(\text{log-odds}) \cdot \text{sign}$.

        Each row divided by its norm is the target's row of the network, on the unit sphere.
        """
        return self.log_odds.sigmoid() * self.sign


class SphericalTransformer(nn.Module):
    r"""A transformer over genes: every target attends to the regulators.

    No parameter belongs to a gene, so what was learned on some networks applies to any cells.
    Statistics of a gene and of the cells are mapped to its first token $h_i$; those of a pair
    are mapped to channels φ, and the channels to the first scores S of every head. Blocks of
    spherical attention (`SphericalBlock`) then refine S. The last map has one head; its scores are

    .. math:: s_{ij} = \sigma(e_{ij}) \tanh(t_{ij}), \qquad
        (e, t)_{ij} = f(S, W, \hat r_i \cdot u_j, \phi, h_i, h_j) + \text{linear in the statistics}

    where e is the log-odds that j regulates i, and tanh t is the sign of the edge. Whether an edge
    exists should not depend on its sign, so e also sees absolute values of the statistics; the
    symmetry is learned and not exact.

    Parameters
    ----------
    sizes
        `width`, `n_heads`, `head_dim`, `n_channels`, `hidden_size`, as in `Sizes`.
    n_blocks
        Number of blocks of spherical attention before the last map.
    normaliser
        Normaliser of every map, as flashsign takes it.
    interventional
        Whether statistics of interventions follow the others (`InterventionalStatistics`).
    """

    of_pairs_mean: Tensor
    of_pairs_spread: Tensor

    def __init__(
        self,
        *,
        n_blocks: int,
        normaliser: Normaliser = "l2",
        interventional: bool = False,
        **sizes: int,
    ) -> None:
        super().__init__()
        of = Sizes(**sizes)
        self.interventional = interventional
        self.arguments: dict[str, Any] = {"n_blocks": n_blocks, "normaliser": normaliser, **sizes}
        self.arguments |= {"interventional": True} if interventional else {}
        n_statistics = count_statistics(interventional=interventional)
        for name, size in n_statistics.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_spread", torch.ones(size))
        n_of_pair = n_statistics["of_pairs"]
        n_of_gene = n_statistics["of_genes"] + n_statistics["of_cells"]
        self.token = nn.Sequential(
            nn.Linear(n_of_gene, 2 * of.width), nn.GELU(), nn.Linear(2 * of.width, of.width)
        )
        self.embed = PairMLP(2 * n_of_pair, 2 * of.n_channels, of.n_channels, of.width)
        self.start = nn.Linear(of.n_channels, of.n_heads)
        self.blocks = nn.ModuleList(SphericalBlock(of, normaliser) for _ in range(n_blocks))
        n_read = 3 * of.n_heads + of.n_channels
        self.read = PairMLP(n_read, of.hidden_size, 2, of.width)
        self.strength = nn.Parameter(torch.zeros(n_of_pair))
        self.direction = nn.Parameter(torch.zeros(n_of_pair))
        self._n_heads = of.n_heads

    def forward(self, inputs: Inputs) -> Found:
        """Return log-odds and sign of every pair, from which the last map is made."""
        layout = inputs.layout()
        state, channels, linear = self._start(inputs, layout)
        for block in self.blocks:
            state = block(state, channels, inputs.profiles, layout)
        regulators = state.tokens[:, : layout.n_regulators]
        unexplained = nn.functional.normalize(state.residual, dim=-1)
        of_regulators = inputs.profiles[:, None, : layout.n_regulators].mT
        n_regulators = layout.regulators_per_network()
        log_odds, signs = [], []
        for scores, phi, rows, (of_odds, of_sign) in zip(
            state.scores, channels, layout.rows, linear, strict=True
        ):
            left = unexplained[:, :, rows] @ of_regulators
            seen = [over_heads(scores), unit_mean_square(scores, n_regulators), left, phi]
            odds, sign = self.read(seen, state.tokens[:, rows], regulators).unbind(dim=1)
            log_odds.append(odds + of_odds)
            signs.append(sign + of_sign)
        return Found(torch.cat(log_odds, dim=1), torch.cat(signs, dim=1).tanh())

    def _start(
        self, inputs: Inputs, layout: Layout
    ) -> tuple[State, list[Tensor], list[tuple[Tensor, Tensor]]]:
        """Return tokens and scores, and of every pair its channels and linear terms.

        The statistics of a pair, which are many, are not needed after this.
        """
        n_genes = inputs.of_genes.shape[1]
        of_cells = self.standardise("of_cells", inputs.of_cells)[:, None].expand(-1, n_genes, -1)
        of_genes = self.standardise("of_genes", inputs.of_genes)
        tokens = self.token(torch.cat([of_genes, of_cells], dim=-1))
        tokens = tokens * layout.is_gene[..., None]
        channels, scores, linear = [], [], []
        n_kept = self.start.in_features + self.start.out_features + 2
        shelf = Shelf(layout.n_pairs * n_kept)
        for of_pairs, rows, is_pair in zip(
            inputs.of_pairs, layout.rows, layout.pairs(), strict=True
        ):
            mean, spread = self.of_pairs_mean, self.of_pairs_spread
            standard = (of_pairs - mean[:, None, None]) / spread[:, None, None]
            # Absolute values too: most of the evidence for an edge does not depend on its sign.
            signed = (of_pairs / spread[:, None, None]).clamp(-_FARTHEST, _FARTHEST)
            seen = [standard.clamp(-_FARTHEST, _FARTHEST), signed.abs()]
            phi = self.embed(seen, tokens[:, rows], tokens[:, : layout.n_regulators]) * is_pair
            channels.append(shelf.keep(phi))
            scores.append(shelf.keep(over_channels(self.start, phi) * is_pair))
            of_odds = torch.einsum("p,bpij->bij", self.strength, signed.abs())
            of_sign = torch.einsum("p,bpij->bij", self.direction, signed)
            linear.append((shelf.keep(of_odds), shelf.keep(of_sign)))
        residual = inputs.profiles[:, None].expand(-1, self._n_heads, -1, -1)
        return State(tokens, residual, scores), channels, linear

    def standardise(self, name: str, x: Tensor) -> Tensor:
        """Return statistics of genes or cells in standard deviations over training networks."""
        mean, spread = self.get_buffer(f"{name}_mean"), self.get_buffer(f"{name}_spread")
        return ((x - mean) / spread).clamp(-_FARTHEST, _FARTHEST)
