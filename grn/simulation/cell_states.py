"""Draws differences between cells that are not due to the network: clusters and programmes."""

from typing import Any

import numpy as np

from grn.simulation.random_network import Variation

_Array = np.ndarray[Any, np.dtype[np.float64]]


def draw_variation(rng: np.random.Generator) -> Variation:
    """Draw how TFs regulate each other, and how far lineages and activities spread."""
    in_degree = rng.dirichlet([3.0, 3.0, 2.0, 1.0]) if rng.random() < 0.6 else [0.5, 0.35, 0.15]
    return Variation(
        tf_in_degree=tuple(map(float, in_degree)),
        rank_exponent=float(rng.uniform(0.2, 1.1)),
        activity_sd=float(rng.uniform(0.3, 1.0)),
        program_sd=float(rng.uniform(0.0, 0.8)),
        lineage_sd=float(rng.uniform(0.2, 2.0)),
        n_lineages=int(rng.integers(1, 6)),
    )


def draw_states(rng: np.random.Generator, n_cells: int, n_tfs: int, n_targets: int) -> _Array:
    """Draw factors on the rates of genes in cells of different clusters and programmes.

    In half of the networks cells fall into 2–8 clusters, in which the rates of TFs differ, and
    those of targets a little. In half, 1–4 programmes drive a part of all genes, each to a degree
    of the cell's own: their genes co-vary without regulating each other.

    Returns
    -------
    Shape (n_cells, n_genes), above 0; the TFs are the first genes.
    """
    n_genes = n_tfs + n_targets
    log_rate = np.zeros((n_cells, n_genes))
    if rng.random() < 0.5:
        n_clusters = int(rng.integers(2, 9))
        cluster = rng.choice(n_clusters, n_cells, p=rng.dirichlet(np.full(n_clusters, 2.0)))
        sd = np.full(n_genes, rng.uniform(0.0, 0.4))
        sd[:n_tfs] = rng.uniform(0.3, 1.5)
        log_rate += rng.normal(0.0, sd, (n_clusters, n_genes))[cluster]
    if rng.random() < 0.5:
        n_programs = int(rng.integers(1, 5))
        loading = rng.normal(0.0, rng.uniform(0.1, 0.6), (n_programs, n_genes))
        loading *= rng.random(loading.shape) < rng.uniform(0.1, 0.6)
        log_rate += rng.normal(size=(n_cells, n_programs)) @ loading
    return np.exp(log_rate)
