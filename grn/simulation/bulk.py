"""Draws steady states of random networks under small changes of the rates of all genes."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from grn.simulation import thermodynamic
from grn.simulation.measurement import add_noise
from grn.simulation.multifactorial import draw_changes, draw_factors, draw_knockdowns
from grn.simulation.topology import draw_topology, edges_into

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Indices = np.ndarray[Any, np.dtype[np.int64]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]

# Amounts are in units of what a gene makes at its full, unchanged rate; time in mean lifetimes.
# Chosen by hand: real ranges are not known, so what is drawn is drawn widely (docs/simulation.md).
_LEAK = 0.15  # share of the full rate without the activator
_LEAST_RATE, _MOST_RATE = 0.02, 1.2  # of a gene whose regulators add up
_FEWEST_GENES, _MOST_GENES = 20, 150
_FEWEST_SAMPLES, _MOST_SAMPLES = 50, 400
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
    rate of each gene is changed, and only the amounts that follow from it are seen. In two of
    three networks the kinetics are those of GeneNetWeaver (`thermodynamic`), where the change is
    a factor on the rate or a shift of the basal transcription. In the others dx/dt = a f(x) − x,
    with factors a and `_Network.rate` as f, relaxes with a little noise for 24 lifetimes. Then
    amounts are measured with more noise.

    Parameters
    ----------
    rng
        Source of all randomness.

    Returns
    -------
    Amounts of 50–400 samples, shape (n_samples, n_genes); and the sign of every edge, shape
    (n_genes, n_genes): row regulates column, 0 where there is no edge.
    """
    signs = draw_topology(rng, int(rng.integers(_FEWEST_GENES, _MOST_GENES + 1)))
    n_samples = int(np.exp(rng.uniform(np.log(_FEWEST_SAMPLES), np.log(_MOST_SAMPLES + 1))))
    if rng.random() < 2 / 3:
        amounts = _draw_thermodynamic(rng, signs, n_samples)
    else:
        factor = draw_factors(rng, n_samples, len(signs))
        factor *= draw_knockdowns(rng, n_samples, len(signs))
        amounts = relax(rng, draw_constants(rng, signs), factor)
    return add_noise(rng, amounts), signs


def _draw_thermodynamic(rng: np.random.Generator, signs: _Signs, n_samples: int) -> _Array:
    """Draw steady states with kinetics as in GeneNetWeaver, shape (n_samples, n_genes)."""
    kinetics = thermodynamic.draw_thermodynamic(rng, signs)
    shift = np.zeros((n_samples, len(signs)))
    factor = draw_knockdowns(rng, n_samples, len(signs))
    if rng.random() < 0.6:
        shift = rng.uniform(0.05, 0.35) * draw_changes(rng, n_samples, len(signs))
    else:
        factor *= draw_factors(rng, n_samples, len(signs))
    return thermodynamic.relax(rng, kinetics, shift, factor)


def draw_constants(rng: np.random.Generator, signs: _Signs) -> _Network:
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


def relax(rng: np.random.Generator, network: _Network, factor: _Array) -> _Array:
    """Return the amounts once production and decay balance, shape (n_samples, n_genes)."""
    amounts = np.full_like(factor, _START)
    for _ in range(_N_STEPS):
        noise = rng.normal(0.0, _NOISE * rng.uniform(), amounts.shape) * np.sqrt(amounts)
        amounts += _TIME_STEP * (factor * network.rate(amounts) - amounts) + noise
        amounts = np.maximum(amounts, _LEAST_AMOUNT)
    return amounts
