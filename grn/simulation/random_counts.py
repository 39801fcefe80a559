"""Draws counts of random networks of TFs and targets, with settings drawn for each network."""

from typing import Any

import numpy as np

from grn.simulation.cell_states import draw_states, draw_variation
from grn.simulation.random_network import simulate

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]

# The demo, the benchmark and the tests draw networks of `random_network` from small seeds, and
# judge by them; seeds from here on are never theirs.
_FIRST_SEED, _LAST_SEED = 2**32, 2**63


def draw_counts(
    rng: np.random.Generator, n_tfs: int, n_targets: int, factor: _Array
) -> tuple[_Array, _Signs]:
    """Draw a random network, and simulate and count its cells (`random_network.simulate`).

    Parameters
    ----------
    rng
        Source of all randomness.
    n_tfs, n_targets
        Sizes of the network; the TFs are the first genes.
    factor
        On the rate of every gene in every cell, shape (n_cells, n_genes), beside the states that
        are drawn.

    Returns
    -------
    Counts, shape (n_cells, n_genes); and the sign of every edge, shape (n_tfs, n_genes).
    """
    n_cells, n_genes = factor.shape
    adata = simulate(
        n_tfs=n_tfs,
        n_targets=n_targets,
        n_cells=n_cells,
        seed=int(rng.integers(_FIRST_SEED, _LAST_SEED)),
        repressor_share=float(rng.uniform(0.1, 0.6)),
        depth=draw_log_uniform(rng, 0.01, 0.5),
        dropout=float(rng.uniform(0.0, 0.35)),
        transcription=factor * draw_states(rng, n_cells, n_tfs, n_targets),
        variation=draw_variation(rng),
    )
    truth = adata.uns["truth"]
    source, target = (adata.var_names.get_indexer(truth[end]) for end in ("source", "target"))
    regulates = np.zeros((n_tfs, n_genes), dtype=np.int8)
    regulates[source, target] = truth["sign"]
    return adata.X.toarray().astype(float), regulates


def draw_log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
