"""Applies a transformer to the statistics of some cells, a group of targets at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from grn.model.interventional_statistics import InterventionalStatistics
from grn.model.pair_statistics import PairStatistics
from grn.model.pairs import PairMLP
from grn.model.transformer import Found, Inputs, SphericalTransformer
from grn.progress import ticking

N_AXES = 48
"""Number of leading axes of a gene's profile that the transformer uses; no other was tried."""

# Of memory alone: with 64 hidden values of a pair a block takes 4 MiB. Not chosen by time.
_PAIRS_PER_BLOCK = 1 << 14


def run_transformer(
    transformer: SphericalTransformer,
    tf_index: Int[Tensor, " n_tfs"],
    statistics: PairStatistics,
    *changes: InterventionalStatistics,
) -> Found:
    """Return the output of a transformer for every pair (n_genes, n_tfs).

    Parameters
    ----------
    transformer
        Transformer in evaluation mode.
    tf_index
        Column of each regulator.
    statistics, changes
        Statistics of the cells, and of interventions where the transformer takes them.
    """
    sources: list[PairStatistics | InterventionalStatistics] = [statistics, *changes]
    n_genes, n_tfs = statistics.n_genes, len(tf_index)
    others = torch.ones(n_genes, dtype=torch.bool)
    others[tf_index] = False
    order = torch.cat([tf_index, others.nonzero().squeeze(1)])
    groups = torch.split(order, max(1, _PAIRS_PER_BLOCK // n_tfs))
    with torch.no_grad(), _progress(transformer, len(groups)):
        found = transformer(
            Inputs(
                # Made one by one: of all pairs at once, they would take half of the memory.
                (torch.cat([source.block(group) for source in sources])[None] for group in groups),
                torch.cat([source.of_genes for source in sources], dim=1)[order][None],
                torch.cat([source.of_cells for source in sources])[None],
                statistics.profiles.tokens(N_AXES)[order][None],
                torch.ones(1, n_genes, dtype=torch.bool),
                torch.ones(1, n_tfs, dtype=torch.bool),
                [len(group) for group in groups],
            )
        )
    log_odds, sign = torch.empty(n_genes, n_tfs), torch.empty(n_genes, n_tfs)
    log_odds[order], sign[order] = found.log_odds[0], found.sign[0]
    return Found(log_odds, sign)


@contextmanager
def _progress(transformer: SphericalTransformer, n_groups: int) -> Iterator[None]:
    """Show how far the transformer is, by the calls of its MLPs over pairs: one a group each."""
    steps = [module for module in transformer.modules() if isinstance(module, PairMLP)]
    with ticking("transformer", len(steps) * n_groups) as tick:
        hooks = [step.register_forward_hook(_counted(tick)) for step in steps]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _counted(tick: Callable[[], Any]) -> Callable[..., None]:
    def count(*_: Any) -> None:
        tick()

    return count
