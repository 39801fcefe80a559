"""Integrates the stochastic differential equations of a Boolean model for all cells at once."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from grn.progress import track
from grn.simulation.boolean_rules import activity, decision_steps, parse_rule
from grn.simulation.models import BooleanModel

_Array = np.ndarray[Any, np.dtype[np.float64]]

# BoolODE's (docs/simulation.md has its equations). Full expression of mRNA is the same under any
# kinetics: transcription follows from the decay.
_FULL_MRNA, _TRANSLATION = 2.0, 10.0
_OFF = 0.01  # mRNA at time 0 of a gene that is off


@dataclass(frozen=True)
class Kinetics:
    """Constants of the equations, those of BoolODE (Pratapa 2020) unless drawn.

    Time is counted in mean lifetimes of a protein of BoolODE's. What may be an array has shape
    (n_genes, 1).
    """

    mrna_decay: float | _Array = 10.0
    protein_decay: float | _Array = 1.0
    threshold_share: float | _Array = 0.5
    """Amount of a protein at half effect, as a share of full expression."""
    hill_coefficient: float | _Array = 10
    noise: float = 1.0
    """s in s √amount dW. BoolODE multiplies 10 √amount by increments whose standard deviation is
    the step h, not √h: with h = 0.01 that is the same as 1 √amount dW."""
    time_step: float = 0.01
    rate_sd: float = 0.0
    """Standard deviation of the log rate of a gene over cells, constant along a trajectory."""
    on_at_start: float | None = None
    """Probability that a gene is on at time 0, drawn for every trajectory; None: as the model
    says."""

    @property
    def full_protein(self) -> _Array:
        """Amount of a gene that is fully on, shape (n_genes, 1) or ()."""
        full: _Array = np.asarray(_FULL_MRNA * _TRANSLATION / self.protein_decay)
        return full


_BOOLODE = Kinetics()

_SNAPSHOTS = 20  # per trajectory, from which branches are told apart
_DEAD = 0.1 * _FULL_MRNA  # where every gene is below, nothing is expressed
# Share of the trajectories below which dying out is the effect, as of a knock-out. The models of
# BEELINE keep 46 % and more; chosen by hand between the two.
_FEW_SURVIVE = 0.05
_FIRST_DRAW = 200  # enough trajectories to know which share survives


@dataclass(frozen=True)
class Trajectories:
    """One cell per trajectory, and the history that identifies its branch."""

    mrna: _Array
    """At the cell's own time, shape (n_cells, n_genes); a gene that is fully on has 2."""
    time: _Array
    """Of the cell, shape (n_cells,)."""
    history: np.ndarray[Any, np.dtype[np.float32]]
    """mRNA at equal intervals over the whole trajectory, (n_cells, n_snapshots, n_genes)."""
    surviving: float
    """Share of the first draw in which expression never died out."""


def simulate_trajectories(
    model: BooleanModel,
    factor: _Array,
    n_cells: int,
    rng: np.random.Generator,
    kinetics: Kinetics = _BOOLODE,
) -> Trajectories:
    """Draw independent trajectories and take one cell of each at a random time.

    dx = (m f(p) − l_x x) dt + s √x dW and dp = (r x − l_p p) dt + s √p dW for mRNA x and protein
    p of every gene, by Euler–Maruyama (BoolODE, Pratapa 2020); f is the rule as a probability,
    each regulator binding with pⁿ / (pⁿ + kⁿ). A step below zero is not taken.

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
    kinetics
        Constants of the equations; BoolODE's, and then n = 10, s = 1.
    """
    drawn = _integrate(model, factor, max(n_cells, _FIRST_DRAW), rng, kinetics)
    alive = _is_alive(drawn[2])
    surviving = float(alive.mean())
    batches = [drawn]
    if surviving < _FEW_SURVIVE:
        alive = np.ones_like(alive)
    survivors = [alive]
    while (missing := n_cells - sum(int(alive.sum()) for alive in survivors)) > 0:
        # A fifth more than expected: one more round costs more than the trajectories left over.
        n_drawn = int(1.2 * missing / surviving) + 1
        batches.append(_integrate(model, factor, n_drawn, rng, kinetics))
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
    model: BooleanModel,
    factor: _Array,
    n_cells: int,
    rng: np.random.Generator,
    kinetics: Kinetics,
) -> tuple[_Array, _Array, Any]:
    """Return mRNA of every cell at its own time, that time, and the history."""
    index = {gene: row for row, gene in enumerate(model.rules)}
    rules = [decision_steps(parse_rule(text), index) for text in model.rules.values()]
    n_steps = round(model.time / kinetics.time_step)
    sampled_at = rng.integers(0, n_steps, n_cells)
    snapshots = set(np.linspace(0, n_steps - 1, _SNAPSHOTS).round().astype(int).tolist())
    history = np.empty((_SNAPSHOTS, len(index), n_cells), dtype=np.float32)
    n_taken = 0
    rate = _FULL_MRNA * kinetics.mrna_decay * factor[:, None]
    if kinetics.rate_sd > 0:
        rate = rate * np.exp(rng.normal(0.0, kinetics.rate_sd, (len(index), n_cells)))
    mrna = _initial(model, factor, n_cells, rng, kinetics.on_at_start)
    protein = mrna * _TRANSLATION / kinetics.protein_decay
    threshold = kinetics.threshold_share * kinetics.full_protein
    sampled = np.empty_like(mrna)
    for step in track(range(n_steps), "simulating cells"):
        now = sampled_at == step
        sampled[:, now] = mrna[:, now]
        if step in snapshots:
            history[n_taken] = mrna
            n_taken += 1
        power = (protein / threshold) ** kinetics.hill_coefficient
        bound = power / (1.0 + power)
        transcribed = rate * np.stack([activity(rule, bound) for rule in rules])
        translated = _TRANSLATION * mrna
        mrna = _advance(rng, mrna, transcribed - kinetics.mrna_decay * mrna, kinetics)
        protein = _advance(rng, protein, translated - kinetics.protein_decay * protein, kinetics)
    time: _Array = np.round(sampled_at * kinetics.time_step, 6)
    return sampled.T, time, history.transpose(2, 0, 1)


def _initial(
    model: BooleanModel,
    factor: _Array,
    n_cells: int,
    rng: np.random.Generator,
    on_at_start: float | None,
) -> _Array:
    """Return mRNA at time 0, shape (n_genes, n_cells)."""
    if on_at_start is not None:
        on = rng.random((factor.size, n_cells)) < on_at_start
        return np.where(on, _FULL_MRNA, _OFF) * factor[:, None]
    if model.initial is None:
        return np.repeat(factor[:, None], n_cells, axis=1)
    amounts = [model.initial.get(gene, _OFF) for gene in model.rules]
    return np.repeat((np.array(amounts, dtype=float) * factor)[:, None], n_cells, axis=1)


def _advance(
    rng: np.random.Generator, amount: _Array, drift: _Array, kinetics: Kinetics
) -> _Array:
    """Return the amounts one step later; one that would become negative stays as it is."""
    # Most of the time goes into random numbers; in single precision they cost half.
    noise = rng.standard_normal(amount.shape, dtype=np.float32)
    advanced = np.sqrt(amount * (kinetics.noise**2 * kinetics.time_step))
    advanced *= noise
    advanced += amount
    advanced += drift * kinetics.time_step
    return np.where(advanced < 0.0, amount, advanced)
