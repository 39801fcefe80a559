"""Samples of small networks that are cheap to draw and easy to tell."""

import numpy as np

from grn.simulation.curriculum import Sample


def draw_toy_samples(kind: str, n: int, seed: int, n_jobs: int, *, first: int = 0) -> list[Sample]:
    """Draw trees in which every gene follows one regulator; as `draw_samples` is called."""
    del n_jobs
    numbers = range(first, first + n)
    return [_draw(kind, np.random.default_rng([seed, len(kind), number])) for number in numbers]


def _draw(kind: str, rng: np.random.Generator) -> Sample:
    n_genes, n_cells = int(rng.integers(5, 13)), int(rng.integers(150, 300))
    n_tfs = n_genes - 2 if kind == "single_cell" else n_genes
    regulates = np.zeros((n_tfs, n_genes), dtype=np.int8)
    logs = rng.normal(size=(n_cells, n_genes))
    for gene in range(1, n_genes):
        regulator, sign = int(rng.integers(min(gene, n_tfs))), int(rng.choice([-1, 1]))
        regulates[regulator, gene] = sign
        logs[:, gene] = 0.8 * sign * logs[:, regulator] + 0.6 * logs[:, gene]
    return Sample(kind, np.exp(logs / 2).astype(np.float32), regulates)
