"""Draw steady states of random networks whose genes' rates are all changed a little at once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from grn.simulation.random_network import edges_into

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Indices = np.ndarray[Any, np.dtype[np.int64]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]

# Amounts are in units of what a gene makes at its full, unchanged rate; time in mean lifetimes.
_LEAK = 0.15  # share of the full rate that is left when an activator is absent
_LEAST_RATE, _MOST_RATE = 0.02, 1.2  # of a gene whose regulators add up
_REPRESSOR_SHARE = 0.4
_FEWEST_REGULATORS = 5
_LEAST_FACTOR = 0.05
_START, _TIME_STEP, _N_STEPS = 0.5, 0.2, 120  # 24 lifetimes: nothing is left of the start
_LEAST_AMOUNT = 1e-3
_NOISE = 0.02  # most, of one step


@dataclass(frozen=True)
class _Network:
    """Signed edges and kinetic constants; arrays over edges unless said."""

    regulator: _Indices
    target: _Indices
    sign: _Indices
    threshold: _Array  # amount at half effect
    cooperativity: _Array  # Hill coefficient
    strength: _Array  # largest effect, as a share of the full rate
    basal: _Array  # rate without regulators where effects add up, shape (n_genes,)
    multiplies: bool  # whether effects on one gene multiply or add up

    def rate(self, amounts: _Array) -> _Array:
        """Return transcription as a share of the full rate, shape (n_samples, n_genes).

        Every edge acts through h = xⁿ / (xⁿ + Kⁿ) of its regulator's amount x. Where effects
        multiply, an activator gives leak + (1 − leak) h and a repressor 1 − m h; where they add
        up, each adds ± m h to the basal rate.

        Parameters
        ----------
        amounts
            Above 0, shape (n_samples, n_genes).
        """
        relative = np.log(amounts)[:, self.regulator] - np.log(self.threshold)
        bound = 1.0 / (1.0 + np.exp(-self.cooperativity * relative))
        if self.multiplies:
            activation = _LEAK + (1.0 - _LEAK) * bound
            effect = np.log(np.where(self.sign > 0, activation, 1.0 - self.strength * bound))
            multiplied: _Array = np.exp((self._into @ effect.T).T)
            return multiplied
        added: _Array = (self._into @ (self.sign * self.strength * bound).T).T
        return np.clip(self.basal + added, _LEAST_RATE, _MOST_RATE)

    @cached_property
    def _into(self) -> sp.csr_array:
        return edges_into(self.target, self.basal.size)


def draw_steady_states(rng: np.random.Generator) -> tuple[_Array, _Signs]:
    """Draw a random network and its steady states under changes of all rates at once.

    This is what DREAM4 calls multifactorial perturbations (Schaffter 2011): in every sample, the
    rate of each gene is multiplied by a factor of its own, and only the amounts that follow from
    it are seen. Here dx/dt = a f(x) − x, with factors a and `_Network.rate` as f, relaxes with
    a little noise for 24 lifetimes; then it is measured with more.

    Parameters
    ----------
    rng
        Source of all randomness.

    Returns
    -------
    Amounts of 60–300 samples, shape (n_samples, n_genes); and the sign of every edge, shape
    (n_genes, n_genes): row regulates column, 0 where there is no edge.
    """
    signs = _draw_signs(rng, int(rng.integers(30, 110)))
    network = _draw_constants(rng, signs)
    n_samples = int(np.exp(rng.uniform(np.log(60.0), np.log(300.0))))
    amounts = _relax(rng, network, _draw_factors(rng, n_samples, len(signs)))
    amounts *= np.exp(rng.normal(0.0, rng.uniform(0.0, 0.15), amounts.shape))
    amounts += rng.normal(0.0, rng.uniform(0.0, 0.05), amounts.shape)
    return np.maximum(amounts, 0.0), signs


def _draw_signs(rng: np.random.Generator, n_genes: int) -> _Signs:
    """Draw the edges; few to all of the genes regulate, out-degrees fall off with the rank."""
    n_regulators = max(_FEWEST_REGULATORS, int(n_genes * rng.uniform(0.15, 1.0)))
    regulators = rng.permutation(n_genes)[:n_regulators]
    popularity = np.arange(1, n_regulators + 1) ** -rng.uniform(0.3, 1.0)
    mean_in_degree = rng.uniform(1.0, 3.0)
    signs = np.zeros((n_genes, n_genes), dtype=np.int8)
    for gene in range(n_genes):
        weights = np.where(regulators == gene, 0.0, popularity)
        in_degree = min(rng.poisson(mean_in_degree), n_regulators - 1)
        chosen = rng.choice(regulators, in_degree, replace=False, p=weights / weights.sum())
        signs[chosen, gene] = np.where(rng.random(in_degree) < _REPRESSOR_SHARE, -1, 1)
    return signs


def _draw_constants(rng: np.random.Generator, signs: _Signs) -> _Network:
    """Draw the kinetic constants of the edges."""
    regulator, target = np.nonzero(signs)
    n_edges = regulator.size
    return _Network(
        regulator=regulator,
        target=target,
        sign=signs[regulator, target].astype(np.int64),
        threshold=rng.uniform(0.3, 1.0, n_edges),
        cooperativity=rng.integers(1, 5, n_edges).astype(float),
        strength=rng.uniform(0.3, 1.0, n_edges),
        basal=rng.uniform(0.1, 0.6, len(signs)),
        multiplies=bool(rng.random() < 0.5),
    )


def _draw_factors(rng: np.random.Generator, n_samples: int, n_genes: int) -> _Array:
    """Draw what multiplies the rate of each gene in each sample, lognormal or normal around 1."""
    change = rng.normal(0.0, rng.uniform(0.2, 0.6), (n_samples, n_genes))
    if rng.random() < 0.5:
        return np.exp(change)
    return np.maximum(1.0 + change, _LEAST_FACTOR)


def _relax(rng: np.random.Generator, network: _Network, factor: _Array) -> _Array:
    """Return the amounts once production and decay balance, shape (n_samples, n_genes)."""
    amounts = np.full_like(factor, _START)
    for _ in range(_N_STEPS):
        noise = rng.normal(0.0, _NOISE * rng.uniform(), amounts.shape) * np.sqrt(amounts)
        amounts += _TIME_STEP * (factor * network.rate(amounts) - amounts) + noise
        amounts = np.maximum(amounts, _LEAST_AMOUNT)
    return amounts
