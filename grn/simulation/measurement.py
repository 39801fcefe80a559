"""Simulates measurements of mRNA: dropout, counts, and noise of microarrays."""

from typing import Any

import numpy as np

_Array = np.ndarray[Any, np.dtype[np.float64]]
_LIBRARY_SD = 0.35  # of the log of a cell's depth; chosen by hand


def drop_out(rng: np.random.Generator, amounts: _Array, share: float) -> _Array:
    """Lose low amounts by BEELINE's rule (Pratapa 2020).

    An amount below the `share` quantile of its gene becomes 0 with probability `share`.

    Parameters
    ----------
    rng
        Source of randomness.
    amounts
        Shape (n_cells, n_genes).
    share
        q, from 0 to 1: about q² of all amounts are lost.
    """
    low = amounts < np.quantile(amounts, share, axis=0)
    return np.where(low & (rng.random(amounts.shape) < share), 0.0, amounts)


def count(rng: np.random.Generator, amounts: _Array, depth: float) -> _Array:
    """Count molecules: Poisson, with a depth per cell that is lognormal around `depth`.

    Parameters
    ----------
    rng
        Source of randomness.
    amounts
        Shape (n_cells, n_genes).
    depth
        Median over the cells of the counts expected of an amount of 1.
    """
    library = depth * rng.lognormal(0.0, _LIBRARY_SD, (len(amounts), 1))
    return rng.poisson(amounts * library).astype(float)


def capture(rng: np.random.Generator, mrna: _Array, depth: float, dropout: float) -> _Array:
    """Sample counts of molecules: capture per cell and gene, Poisson counts, dropout.

    Parameters
    ----------
    rng
        Source of randomness.
    mrna
        Molecules, shape (n_cells, n_genes).
    depth
        Typical share of the molecules that is captured.
    dropout
        Probability that a gene of typical amount is lost in a cell; up to twice that for less.
    """
    n_cells, n_genes = mrna.shape
    library = depth * rng.lognormal(0.0, _LIBRARY_SD, (n_cells, 1))
    expected = mrna * (library * rng.lognormal(0.0, 0.3, n_genes))
    counts = rng.poisson(expected).astype(float)
    typical = np.median(expected)
    lost = 2.0 * dropout / (1.0 + expected / max(typical, 1e-12))
    return np.where(rng.random(counts.shape) < np.minimum(lost, 1.0), 0.0, counts)


def add_noise(rng: np.random.Generator, amounts: _Array) -> _Array:
    """Measure amounts as a microarray does, with noise that is drawn once for all of them.

    A lognormal factor (0–25 %), a normal addend (0–8 % of a typical amount), both, or, seldom,
    none, as in DREAM4 (Stolovitzky 2005). In half of the cases amounts are divided by the
    largest of all.

    Parameters
    ----------
    rng
        Source of randomness.
    amounts
        Shape (n_samples, n_genes).
    """
    multiplies, adds = [(True, True), (True, False), (False, True), (False, False)][
        rng.choice(4, p=[0.5, 0.2, 0.2, 0.1])
    ]
    if multiplies:
        amounts = amounts * np.exp(rng.normal(0.0, rng.uniform(0.01, 0.25), amounts.shape))
    if adds:
        typical = np.median(amounts)
        amounts = amounts + rng.normal(0.0, typical * rng.uniform(0.005, 0.08), amounts.shape)
    amounts = np.maximum(amounts, 0.0)
    return amounts / amounts.max() if rng.random() < 0.5 else amounts
