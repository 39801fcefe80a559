"""Draws changes of the rates of all genes, sample by sample."""

from typing import Any

import numpy as np

_Array = np.ndarray[Any, np.dtype[np.float64]]

_LEAST_FACTOR = 0.05  # of a gene's rate: no change turns a gene off. Chosen by hand, as below
_KNOCKED_DOWN = (0.0, 0.1, 0.5)  # of the unchanged rate


def draw_changes(rng: np.random.Generator, n_samples: int, n_genes: int) -> _Array:
    """Draw standardised changes of the genes' rates, independent or shared by many genes.

    In half of the networks every gene is changed by itself. In the others 1–5 factors, each
    acting on a part of the genes, make up some of the variance: changes are then correlated.

    Returns
    -------
    Shape (n_samples, n_genes), mean 0, standard deviation around 1.
    """
    change: _Array = rng.normal(size=(n_samples, n_genes))
    if rng.random() < 0.5:
        return change
    n_factors = int(rng.integers(1, 6))
    loading = rng.normal(size=(n_factors, n_genes))
    loading *= rng.random(loading.shape) < rng.uniform(0.2, 1.0)
    shared = rng.normal(size=(n_samples, n_factors)) @ loading / np.sqrt(n_factors)
    share = rng.uniform(0.1, 0.6)
    change = np.sqrt(1.0 - share) * change + np.sqrt(share) * shared
    return change


def draw_factors(rng: np.random.Generator, n_samples: int, n_genes: int) -> _Array:
    """Draw factors on the rate of each gene in each sample, lognormal or normal around 1."""
    change = rng.uniform(0.1, 0.7) * draw_changes(rng, n_samples, n_genes)
    if rng.random() < 0.5:
        return np.exp(change)
    return np.maximum(1.0 + change, _LEAST_FACTOR)


def draw_knockdowns(rng: np.random.Generator, n_samples: int, n_genes: int) -> _Array:
    """Draw samples in which one gene is knocked out or down; in most networks there are none.

    Returns
    -------
    Factor on the rate of each gene, shape (n_samples, n_genes); 1 without a perturbation.
    """
    factor = np.ones((n_samples, n_genes))
    if rng.random() < 0.75:
        return factor
    samples = np.flatnonzero(rng.random(n_samples) < rng.uniform(0.1, 0.6))
    genes = rng.integers(0, n_genes, samples.size)
    factor[samples, genes] = rng.choice(_KNOCKED_DOWN)
    return factor
