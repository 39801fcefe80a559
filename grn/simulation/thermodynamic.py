"""Kinetics as in GeneNetWeaver: regulators bind in modules whose states set the transcription."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from grn.progress import track
from grn.simulation.topology import edges_into

_Array = np.ndarray[Any, np.dtype[np.floating[Any]]]
_Edges = np.ndarray[Any, np.dtype[np.bool_]]
_Indices = np.ndarray[Any, np.dtype[np.int64]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]

# Amounts are shares of the most a gene can make; time is in mean lifetimes. The form of the model
# is GeneNetWeaver's (docs/simulation.md); the ranges were chosen by hand after it.
_MOST_MODULES = 4  # of a gene, whose states are as many as 2 to that power
_LEAST_AMOUNT = 1e-4
_START, _MOST_NOISE = 0.5, 0.08
_TIME_STEP, _N_STEPS = 0.3, 70  # 21 lifetimes: nothing is left of the start
_SLOWEST, _FASTEST = 0.7, 1.4  # decay of mRNA and protein
_LEAST_EFFECT, _MOST_EFFECT = 0.2, 1.0  # of an active module on α
_LARGE = 50.0  # log; its exponential is not yet infinite in single precision


@dataclass(frozen=True)
class Thermodynamic:
    """Modules of regulators and their constants; arrays over edges unless said."""

    regulator: _Indices
    module: _Indices
    """Number of the module among all: those of gene 0, of gene 1, …"""
    helps: _Edges
    """Whether the regulator makes its module active, or inactive."""
    dissociation: _Array
    """Amount at half binding."""
    cooperativity: _Array
    """Hill coefficient."""
    is_complex: _Edges
    """Whether the regulators of a module bind together only, shape (n_modules,)."""
    transcription: _Array
    """α of every state of the modules, from 0 to 1: shape (n_genes, 2, …), with one axis for each
    of the modules that a gene can have."""

    def module_activity(self, protein: _Array) -> _Array:
        """Return the probability that each module is active, shape (n_samples, n_modules).

        With χ = (y / K)ⁿ of every regulator, A their product over those that help and D over
        those that hinder, a module whose regulators bind independently is active with
        A / Π (1 + χ), and a complex with A / (1 + A + A D), without D where none hinders
        (Marbach 2010, Schaffter 2011).

        Parameters
        ----------
        protein
            Above 0, shape (n_samples, n_genes).
        """
        relative = np.log(protein)[:, self.regulator] - np.log(self.dissociation)
        log_chi = np.clip(self.cooperativity * relative, -_LARGE, _LARGE)
        helped = self._sum(np.where(self.helps, log_chi, 0.0))
        alone = helped - self._sum(np.log1p(np.exp(log_chi)))
        hindered = self._sum(np.where(self.helps, 0.0, log_chi))
        # A / (1 + A + A D) is 1 / (1 + 1/A + D), and D is 0 where no regulator hinders.
        hindrance = self._is_hindered * np.exp(np.clip(hindered, -_LARGE, _LARGE))
        together = -np.log1p(np.exp(np.clip(-helped, -_LARGE, _LARGE)) + hindrance)
        activity: _Array = np.exp(np.where(self.is_complex, together, alone))
        return activity

    def rate(self, protein: _Array, transcription: _Array) -> _Array:
        """Return transcription as a share of the largest, shape (n_samples, n_genes).

        f = Σ_S α_S Π_{m∈S} μ_m Π_{m∉S} (1 − μ_m) over the sets S of active modules.

        Parameters
        ----------
        protein
            Above 0, shape (n_samples, n_genes).
        transcription
            α, shape (n_samples or 1, n_genes, 2, …).
        """
        n_modules = transcription.ndim - 2
        active = self.module_activity(protein).reshape(len(protein), -1, n_modules)
        value = transcription
        for number in range(n_modules):
            mu = active[:, :, number].reshape(active.shape[:2] + (1,) * (value.ndim - 3))
            value = value[:, :, 0] + mu * (value[:, :, 1] - value[:, :, 0])
        return value

    def _sum(self, over_edges: _Array) -> _Array:
        summed: _Array = (self._into @ over_edges.T).T
        return summed

    @cached_property
    def _into(self) -> sp.csr_array:
        return edges_into(self.module, self.is_complex.size).astype(np.float32)

    @cached_property
    def _is_hindered(self) -> _Edges:
        return np.bincount(self.module[~self.helps], minlength=self.is_complex.size) > 0


def draw_thermodynamic(rng: np.random.Generator, signs: _Signs) -> Thermodynamic:
    """Draw modules and constants of a network as GeneNetWeaver does (Schaffter 2011).

    Regulators of a gene are split at random into modules, of which a gene has at most 1–4, drawn
    once per network. A module enhances or represses as its first regulator does; the others help
    or hinder it as their sign says, so that every edge keeps its sign. K is uniform in 0.01–1
    and n ~ N(2, 2), from 1 to 10.

    Parameters
    ----------
    signs
        Sign of every edge, shape (n_genes, n_genes), row regulates column.
    """
    n_genes = len(signs)
    target, regulator = np.nonzero(signs.T)
    sign = signs[regulator, target].astype(np.int64)
    n_modules = int(rng.integers(1, _MOST_MODULES + 1))
    module = target * n_modules + rng.integers(0, n_modules, regulator.size)
    enhances = np.zeros(n_genes * n_modules, dtype=np.int64)
    for number, edge_sign in zip(module[::-1], sign[::-1], strict=True):
        enhances[number] = edge_sign
    return Thermodynamic(
        regulator=regulator,
        module=module,
        helps=sign == enhances[module],
        dissociation=rng.uniform(0.01, 1.0, regulator.size).astype(np.float32),
        cooperativity=np.clip(rng.normal(2.0, 2.0, regulator.size), 1.0, 10.0).astype(np.float32),
        is_complex=rng.random(enhances.size) < rng.random(),
        transcription=_draw_transcription(rng, enhances.reshape(n_genes, n_modules)),
    )


def _draw_transcription(rng: np.random.Generator, enhances: _Indices) -> _Array:
    """Draw α of every state: basal, and a shift for every active module, clipped to 0–1.

    Basal transcription is low where modules only enhance, full where they only repress, and
    between where they do both.
    """
    n_genes, n_modules = enhances.shape
    up, down = (enhances > 0).any(axis=1), (enhances < 0).any(axis=1)
    low, middle = rng.uniform(0.0, 0.25, n_genes), rng.uniform(0.2, 0.8, n_genes)
    high = rng.uniform(0.75, 1.0, n_genes)
    basal = np.where(up & down, middle, np.where(up, low, np.where(down, high, middle)))
    effect = enhances * rng.uniform(_LEAST_EFFECT, _MOST_EFFECT, enhances.shape)
    states = np.indices((2,) * n_modules).reshape(n_modules, -1)
    alpha: _Array = np.clip(basal[:, None] + effect @ states, 0.0, 1.0)
    return alpha.reshape(n_genes, *(2,) * n_modules)


def relax(
    rng: np.random.Generator,
    kinetics: Thermodynamic,
    shift: _Array,
    factor: _Array,
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return mRNA once production and decay of mRNA and protein balance.

    dx = l_x (a f(y) − x) dt + noise and dy = l_y (x − y) dt + noise, by Euler–Maruyama of the
    chemical Langevin equation (Gillespie 2000): births and deaths are both noisy.

    Parameters
    ----------
    shift
        Added to every α, which stays from 0 to 1, shape (n_samples, n_genes).
    factor
        a, shape (n_samples, n_genes).

    Returns
    -------
    Shape (n_samples, n_genes).
    """
    n_genes = factor.shape[1]
    shift = np.expand_dims(shift, tuple(range(2, kinetics.transcription.ndim + 1)))
    # In single precision throughout, which takes half as long.
    alpha = np.clip(kinetics.transcription + shift, 0.0, 1.0).astype(np.float32)
    decay, protein_decay = rng.uniform(_SLOWEST, _FASTEST, (2, n_genes)).astype(np.float32)
    noise = float(rng.uniform(0.0, _MOST_NOISE))
    factor = factor.astype(np.float32)
    mrna = np.full_like(factor, _START)
    protein = mrna
    for _ in track(range(_N_STEPS), "simulating samples"):
        made = factor * kinetics.rate(protein, alpha)
        translated = mrna
        mrna = _advance(rng, mrna, made, decay, noise)
        protein = _advance(rng, protein, translated, protein_decay, noise)
    return mrna.astype(np.float64)


def _advance(
    rng: np.random.Generator, amount: _Array, made: _Array, decay: _Array, noise: float
) -> _Array:
    step = decay * _TIME_STEP
    spread = noise * np.sqrt((made + amount) * step)
    random = rng.standard_normal(amount.shape, dtype=np.float32)
    advanced: _Array = amount + step * (made - amount) + spread * random
    return np.maximum(advanced, _LEAST_AMOUNT)
