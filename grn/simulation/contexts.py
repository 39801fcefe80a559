"""Simulate groups of cells, such as cell types, that share a part of their signed network."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from grn.errors import InputError
from grn.simulation.measurement import capture
from grn.simulation.models import CONTEXTS
from grn.simulation.random_network import (
    DEPTH,
    Network,
    Variation,
    as_adata,
    check_settings,
    draw_network,
    trajectories,
    typical_protein,
)

if TYPE_CHECKING:
    from anndata import AnnData

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Edges = np.ndarray[Any, np.dtype[np.bool_]]
_Indices = np.ndarray[Any, np.dtype[np.int64]]

SIZES = (300, 150, 60)
"""Cells of each group."""
_REPRESSOR_SHARE = 0.4
_LEVEL_SD = 0.8  # of the log rate of a TF over the groups
_CITATION = "grn.simulation.contexts, kinetics as in BoolODE (Pratapa et al. 2020)"


@dataclass(frozen=True)
class _Contexts(Network):
    """A network of which every cell has the edges of its group."""

    present: _Edges
    """Shape (n_cells, n_edges)."""

    def log_effects(self, protein: _Array) -> _Array:
        """Return the log effect of each edge, which is constant where the cell lacks the edge.

        An edge that is absent has the effect of its regulator's typical amount, whatever the
        amount is: the mean of a target therefore does not tell which edges it has.
        """
        typical = typical_protein(self.typical_mrna[None, : self.cooperativity.size])
        constant = super().log_effects(typical)
        return np.where(self.present, super().log_effects(protein), constant)


def simulate_contexts(
    *,
    sizes: Sequence[int] = SIZES,
    n_tfs: int = 20,
    n_targets: int = 60,
    differing: float = 1 / 3,
    seed: int = 0,
    depth: float = DEPTH,
    dropout: float = 0.15,
) -> "AnnData":
    """Simulate counts of several groups of cells, whose networks differ in a part of the edges.

    One random signed network with its kinetics is drawn as for the model `random`
    (`grn.simulation.random_network`). Some of its edges are present in a part of the groups only:
    in 1 to all but one of them, each number as likely. Where an edge is absent, its target is
    transcribed as if the regulator had its typical amount. The rates of TFs differ between groups
    by a lognormal factor (log-sd 0.8). Everything else is shared: signs and constants of edges,
    lineages, the programme of many genes, and the measurement.

    Parameters
    ----------
    sizes
        Cells of each group, at least two groups.
    n_tfs, n_targets
        Numbers of genes: the TFs come first, then the targets.
    differing
        Share of all edges that are absent from at least one group.
    seed
        The same seed gives the same cells and networks.
    depth
        Typical share of the mRNA molecules that is captured.
    dropout
        Probability that a gene of typical amount is lost in a cell; up to twice that for less.

    Returns
    -------
    AnnData of float32 counts, cells × genes. `obs`: `group` (categorical: `group_1`, …), `time`
    in mean lifetimes of an mRNA, and `branch` (from 1), which groups share. `var["is_tf"]`.
    `uns`: `truth` (`group`, `source`, `target`, `sign`), `model`, `citation`, `parameters` and
    `organism` ("simulated").

    Raises
    ------
    InputError
        Fewer than two groups, a group without cells, fewer than 3 TFs or 1 target; a share, depth
        or dropout outside its range.

    Examples
    --------
    >>> from grn.simulation.contexts import simulate_contexts
    >>> adata = simulate_contexts(sizes=(40, 20), n_tfs=5, n_targets=10)
    >>> adata.obs["group"].value_counts().to_dict()
    {'group_1': 40, 'group_2': 20}
    """
    _check(sizes, differing, seed)
    check_settings(n_tfs, n_targets, sum(sizes), _REPRESSOR_SHARE, depth, dropout)
    network_rng, group_rng, cell_rng, count_rng = np.random.default_rng(seed).spawn(4)
    network = draw_network(network_rng, n_tfs, n_targets, _REPRESSOR_SHARE)
    present = _draw_present(group_rng, len(sizes), network.sign.size, differing)
    rates = np.ones((len(sizes), n_tfs + n_targets))
    rates[:, :n_tfs] = group_rng.lognormal(0.0, _LEVEL_SD, (len(sizes), n_tfs))
    group = np.repeat(np.arange(len(sizes)), sizes)
    shared = {field.name: getattr(network, field.name) for field in fields(network)}
    contexts = _Contexts(**shared, present=present[group])
    mrna, time, lineage = trajectories(cell_rng, contexts, rates[group], Variation())
    adata = as_adata(network, capture(count_rng, mrna, depth, dropout), time, lineage)
    names = [f"group_{number}" for number in range(1, len(sizes) + 1)]
    truth = adata.uns["truth"]
    adata.X = adata.X.toarray()
    adata.obs = pd.DataFrame(
        {
            "group": pd.Categorical.from_codes(group, names),
            "time": time,
            "branch": lineage + 1,
        },
        index=adata.obs_names,
    )
    adata.uns = {
        "truth": pd.concat(
            [
                truth[here].assign(group=name)[["group", *truth.columns]]
                for name, here in zip(names, present, strict=True)
            ],
            ignore_index=True,
        ),
        "model": CONTEXTS,
        "citation": _CITATION,
        "organism": "simulated",
        "parameters": {
            "sizes": list(map(int, sizes)),
            "n_tfs": n_tfs,
            "n_targets": n_targets,
            "differing": float(differing),
            "seed": seed,
            "depth": depth,
            "dropout": dropout,
        },
    }
    return adata


def _draw_present(
    rng: np.random.Generator, n_groups: int, n_edges: int, differing: float
) -> _Edges:
    """Draw in which groups each edge is present, shape (n_groups, n_edges)."""
    present = np.ones((n_groups, n_edges), dtype=bool)
    for edge in rng.choice(n_edges, round(differing * n_edges), replace=False):
        n_without = rng.integers(1, n_groups)
        present[rng.choice(n_groups, n_without, replace=False), edge] = False
    return present


def _check(sizes: Sequence[int], differing: float, seed: int) -> None:
    """Raise on groups that cannot be simulated."""
    if len(sizes) < 2 or min(sizes) < 1 or seed < 0:
        msg = (
            f"got sizes={list(sizes)} and seed={seed}; expected the numbers of cells of at least "
            "two groups, each of at least 1 cell, such as 300 150 60, and a seed of at least 0."
        )
        raise InputError(msg)
    if not 0.0 <= differing <= 1.0:
        msg = f"differing={differing} is no share of the edges; choose one from 0 to 1."
        raise InputError(msg)
