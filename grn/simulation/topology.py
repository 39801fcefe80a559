"""Draws the edges of several families of random signed networks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Edges = np.ndarray[Any, np.dtype[np.bool_]]
_Indices = np.ndarray[Any, np.dtype[np.int64]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]
_Law = Callable[[np.random.Generator, int], tuple[_Array, _Edges]]

_MOST_IN_DEGREE = 12  # of a geometric law's long tail; chosen by hand


def draw_topology(
    rng: np.random.Generator, n_genes: int, most_regulators: int = _MOST_IN_DEGREE
) -> _Signs:
    """Draw a signed network of one of five families.

    The families are: regulators at random; few to all genes regulate, with out-degrees that fall
    off with the rank, as in E. coli; modules that regulate mostly themselves; layers, each
    regulating only later ones; and chains or rings with chords. In-degrees have a law of their
    own, drawn per network: fixed, Poisson, or falling off geometrically. Some networks return
    edges (feedback), some close feed-forward loops.

    Parameters
    ----------
    rng
        Source of all randomness.
    n_genes
        Number of genes, at least 3.
    most_regulators
        Of one gene; edges beyond are left out at random.

    Returns
    -------
    Sign of every edge, shape (n_genes, n_genes): row regulates column, 0 where there is no edge,
    as on the diagonal. Genes may have no regulator.
    """
    weights, edges = _LAWS[rng.integers(len(_LAWS))](rng, n_genes)
    np.fill_diagonal(weights, 0.0)
    has_backbone = edges.any()
    in_degree = _draw_in_degrees(rng, n_genes, 0.4 if has_backbone else 1.0)
    for gene, degree in enumerate(in_degree):
        weight = np.where(edges[:, gene], 0.0, weights[:, gene])
        degree = min(degree, np.count_nonzero(weight))
        if degree:
            chosen = rng.choice(n_genes, degree, replace=False, p=weight / weight.sum())
            edges[chosen, gene] = True
    if rng.random() < 0.5:
        edges |= edges.T & (rng.random(edges.shape) < rng.uniform(0.0, 0.35))
    if rng.random() < 0.4:
        two_steps = edges.astype(np.int64) @ edges > 0
        edges |= two_steps & (rng.random(edges.shape) < rng.uniform(0.0, 0.25))
    np.fill_diagonal(edges, False)
    for gene in range(n_genes):
        regulators = np.flatnonzero(edges[:, gene])
        if regulators.size > most_regulators:
            edges[rng.permutation(regulators)[most_regulators:], gene] = False
    return draw_signs(rng, edges)


def draw_signs(rng: np.random.Generator, edges: _Edges) -> _Signs:
    """Draw the repressing edges; in half of the networks most regulators have a single sign.

    Parameters
    ----------
    edges
        Shape (n_genes, n_genes), row regulates column.
    """
    share = rng.beta(2.0, 2.5)
    represses = np.full((len(edges), 1), share)
    if rng.random() < 0.5:
        represses = rng.beta(0.7 * share + 0.02, 0.7 * (1.0 - share) + 0.02, (len(edges), 1))
    signs = np.where(rng.random(edges.shape) < represses, -1, 1) * edges
    return signs.astype(np.int8)


def edges_into(target: _Indices, n_genes: int) -> sp.csr_array:
    """Return a matrix (n_genes, n_edges) that is 1 where an edge leads into a gene.

    It is sparse, so that sums over the edges of a gene do not depend on the number of threads.
    """
    n_edges = target.size
    return sp.csr_array((np.ones(n_edges), (target, np.arange(n_edges))), shape=(n_genes, n_edges))


def _draw_in_degrees(rng: np.random.Generator, n_genes: int, scale: float) -> _Indices:
    """Draw how many regulators each gene has, shape (n_genes,)."""
    mean = scale * rng.uniform(0.8, 3.2)
    law = rng.integers(3)
    if law == 0:
        return np.full(n_genes, max(round(mean), int(scale == 1.0)))
    if law == 1:
        return rng.poisson(mean, n_genes)
    # Geometric numbers begin at 1.
    return np.minimum(rng.geometric(1.0 / (1.0 + mean), n_genes) - 1, _MOST_IN_DEGREE)


def _popularity(rng: np.random.Generator, n_genes: int) -> _Array:
    """Return weights of regulators that fall off with a random rank, shape (n_genes, 1)."""
    ranks = rng.permutation(n_genes)[:, None] + 1.0
    weights: _Array = np.power(ranks, -rng.uniform(0.3, 1.2))
    return weights


def _at_random(rng: np.random.Generator, n_genes: int) -> tuple[_Array, _Edges]:
    return np.ones((n_genes, n_genes)), np.zeros((n_genes, n_genes), dtype=bool)


def _scale_free(rng: np.random.Generator, n_genes: int) -> tuple[_Array, _Edges]:
    """Let few to all genes regulate, with out-degrees that fall off as a power of the rank."""
    share = np.exp(rng.uniform(np.log(0.08), 0.0))
    n_regulators = max(3, int(n_genes * share))
    regulates = rng.permutation(n_genes)[:, None] < n_regulators
    weights = np.repeat(_popularity(rng, n_genes) * regulates, n_genes, axis=1)
    return weights, np.zeros((n_genes, n_genes), dtype=bool)


def _modular(rng: np.random.Generator, n_genes: int) -> tuple[_Array, _Edges]:
    """Let the genes of a module regulate each other, and those of others seldom."""
    module = rng.integers(rng.integers(2, max(3, n_genes // 6) + 1), size=n_genes)
    weights, edges = _scale_free(rng, n_genes) if rng.random() < 0.5 else _at_random(rng, n_genes)
    same = module[:, None] == module
    return weights * np.where(same, 1.0, rng.uniform(0.01, 0.3)), edges


def _layered(rng: np.random.Generator, n_genes: int) -> tuple[_Array, _Edges]:
    """Let genes regulate only those of later layers, close ones most."""
    layer = rng.permutation(n_genes) % rng.integers(2, max(4, n_genes // 5) + 1)
    gap = layer[None, :] - layer[:, None]
    reach = rng.uniform(0.5, 5.0)
    weights = np.where(gap > 0, np.exp(-gap / reach), 0.0) * _popularity(rng, n_genes)
    return weights, np.zeros((n_genes, n_genes), dtype=bool)


def _chains(rng: np.random.Generator, n_genes: int) -> tuple[_Array, _Edges]:
    """Put genes into chains or rings, which may branch off from each other."""
    order = rng.permutation(n_genes)
    n_chains = int(rng.integers(1, max(2, min(4, n_genes // 4)) + 1))
    edges = np.zeros((n_genes, n_genes), dtype=bool)
    first = None
    for chain in np.array_split(order, n_chains):
        edges[chain[:-1], chain[1:]] = True
        if rng.random() < 0.5:
            edges[chain[-1], chain[0]] = True
        if first is not None and rng.random() < 0.6:
            edges[rng.choice(first), chain[0]] = True
        first = chain if first is None else first
    return np.ones((n_genes, n_genes)), edges


_LAWS: tuple[_Law, ...] = (_at_random, _scale_free, _scale_free, _modular, _layered, _chains)
