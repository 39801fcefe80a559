"""Integrate the stochastic differential equations of a Boolean model, all cells together."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from grn.simulation.boolean_rules import activity, decision_steps, parse_rule
from grn.simulation.models import BooleanModel

_Array = np.ndarray[Any, np.dtype[np.float64]]

# Constants of BoolODE (Pratapa 2020). Time is counted in mean lifetimes of a protein.
_TRANSCRIPTION, _MRNA_DECAY = 20.0, 10.0
_TRANSLATION, _PROTEIN_DECAY = 10.0, 1.0
_FULL_MRNA = _TRANSCRIPTION / _MRNA_DECAY
_FULL_PROTEIN = _FULL_MRNA * _TRANSLATION / _PROTEIN_DECAY
_HILL_THRESHOLD, _HILL_COEFFICIENT = _FULL_PROTEIN / 2, 10
_TIME_STEP = 0.01
# BoolODE multiplies 10 √amount by increments whose standard deviation is the step h, not √h: with
# h = 0.01 that is the same as 1 √amount dW.
_NOISE = 1.0
_OFF = 0.01  # mRNA at time 0 of a gene that is off

_SNAPSHOTS = 20  # per trajectory, from which branches are told apart
_DEAD = 0.1 * _FULL_MRNA  # where every gene is below, nothing is expressed
_FEW_SURVIVE = 0.05
_FIRST_DRAW = 200  # enough trajectories to know which share survives


@dataclass(frozen=True)
class Trajectories:
    """One cell per trajectory, and what its branch can be told from."""

    mrna: _Array
    """At the cell's own time, shape (n_cells, n_genes); a gene that is fully on has 2."""
    time: _Array
    """Of the cell, shape (n_cells,)."""
    history: np.ndarray[Any, np.dtype[np.float32]]
    """mRNA at equal intervals over the whole trajectory, (n_cells, n_snapshots, n_genes)."""
    surviving: float
    """Share of the first draw in which expression never died out."""


def simulate_trajectories(
    model: BooleanModel, factor: _Array, n_cells: int, rng: np.random.Generator
) -> Trajectories:
    """Draw independent trajectories and take one cell of each at a random time.

    dx = (m f(p) − l_x x) dt + √x dW and dp = (r x − l_p p) dt + √p dW for mRNA x and protein p of
    every gene, by Euler–Maruyama (BoolODE, Pratapa 2020); f is the rule as a probability, each
    regulator binding with p¹⁰ / (p¹⁰ + k¹⁰). A step below zero is not taken.

    Like BoolODE's samples, these hold no trajectory in which every gene is off at some time: it
    is drawn again. Where fewer than one in twenty survives, dying out is what the model or a
    knock-out does, and all are kept.

    Parameters
    ----------
    model
        Rules, initial conditions and duration.
    factor
        Multiplies transcription and initial mRNA of each gene, shape (n_genes,): 0 for a
        knock-out, 1 where nothing is changed.
    n_cells
        Number of cells.
    rng
        Source of all randomness.
    """
    drawn = _integrate(model, factor, max(n_cells, _FIRST_DRAW), rng)
    alive = _is_alive(drawn[2])
    surviving = float(alive.mean())
    batches = [drawn]
    if surviving < _FEW_SURVIVE:
        alive = np.ones_like(alive)
    survivors = [alive]
    while (missing := n_cells - sum(int(alive.sum()) for alive in survivors)) > 0:
        # A fifth more than expected: one more round costs more than the trajectories left over.
        batches.append(_integrate(model, factor, int(1.2 * missing / surviving) + 1, rng))
        survivors.append(_is_alive(batches[-1][2]))
    mrna, time, history = (
        np.concatenate(
            [batch[part][alive] for batch, alive in zip(batches, survivors, strict=True)]
        )
        for part in range(3)
    )
    return Trajectories(mrna[:n_cells], time[:n_cells], history[:n_cells], surviving)


def _is_alive(history: _Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Say which trajectories have a gene that is on at every time, shape (n_cells,)."""
    alive: np.ndarray[Any, np.dtype[np.bool_]] = (history.max(axis=2) >= _DEAD).all(axis=1)
    return alive


def _integrate(
    model: BooleanModel, factor: _Array, n_cells: int, rng: np.random.Generator
) -> tuple[_Array, _Array, Any]:
    """Return mRNA of every cell at its own time, that time, and the history."""
    index = {gene: row for row, gene in enumerate(model.rules)}
    rules = [decision_steps(parse_rule(text), index) for text in model.rules.values()]
    n_steps = round(model.time / _TIME_STEP)
    sampled_at = rng.integers(0, n_steps, n_cells)
    snapshots = set(np.linspace(0, n_steps - 1, _SNAPSHOTS).round().astype(int).tolist())
    history = np.empty((_SNAPSHOTS, len(index), n_cells), dtype=np.float32)
    n_taken = 0
    rate = _TRANSCRIPTION * factor[:, None]
    mrna = np.repeat(_initial(model, factor)[:, None], n_cells, axis=1)
    protein = mrna * _TRANSLATION / _PROTEIN_DECAY
    sampled = np.empty_like(mrna)
    for step in range(n_steps):
        now = sampled_at == step
        sampled[:, now] = mrna[:, now]
        if step in snapshots:
            history[n_taken] = mrna
            n_taken += 1
        power = (protein / _HILL_THRESHOLD) ** _HILL_COEFFICIENT
        bound = power / (1.0 + power)
        transcribed = rate * np.stack([activity(rule, bound) for rule in rules])
        translated = _TRANSLATION * mrna
        mrna = _advance(rng, mrna, transcribed - _MRNA_DECAY * mrna)
        protein = _advance(rng, protein, translated - _PROTEIN_DECAY * protein)
    time: _Array = np.round(sampled_at * _TIME_STEP, 6)
    return sampled.T, time, history.transpose(2, 0, 1)


def _initial(model: BooleanModel, factor: _Array) -> _Array:
    """Return mRNA at time 0, shape (n_genes,)."""
    if model.initial is None:
        return factor.copy()
    amounts = [model.initial.get(gene, _OFF) for gene in model.rules]
    return np.array(amounts, dtype=float) * factor


def _advance(rng: np.random.Generator, amount: _Array, drift: _Array) -> _Array:
    """Return the amounts one step later; one that would become negative stays as it is."""
    # Most of the time goes into random numbers; in single precision they cost half.
    noise = rng.standard_normal(amount.shape, dtype=np.float32)
    advanced = np.sqrt(amount * (_NOISE**2 * _TIME_STEP))
    advanced *= noise
    advanced += amount
    advanced += drift * _TIME_STEP
    return np.where(advanced < 0.0, amount, advanced)
