"""Draws cells of random networks with their truth, as training data."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from grn.errors import InputError
from grn.interventions import Interventions
from grn.processes import count_processes, in_order
from grn.simulation.bulk import draw_steady_states
from grn.simulation.kinetics import simulate_trajectories
from grn.simulation.measurement import count, drop_out
from grn.simulation.random_counts import draw_counts, draw_log_uniform
from grn.simulation.random_kinetics import draw_kinetics
from grn.simulation.random_rules import draw_model
from grn.simulation.screens import (
    Screen,
    draw_boolean_screen,
    draw_bulk_screen,
    draw_cell_screen,
)

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Expression = np.ndarray[Any, np.dtype[np.float32]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]

_FEWEST_EDGES = 3
_FEWEST_VARYING = 5  # genes, the fewest that `grn.preprocess` accepts
_LEAST_SD, _LEAST_HIGH = 0.04, 0.1  # mRNA of a gene that is not frozen; fully on is 2
_TARGET_SUM = 1e4


@dataclass(frozen=True)
class Sample:
    """Cells of one network, and the network."""

    kind: str
    """One of `KINDS` or `SCREENS`."""
    expression: _Expression
    """As `grn.preprocess` leaves it, shape (n_cells, n_genes): amounts, or log1p of counts per
    10,000. The TFs are the first columns; every gene varies."""
    regulates: _Signs
    """Sign of the edge from each TF to each gene, shape (n_tfs, n_genes): 0 where there is none,
    as from a TF to itself."""
    interventions: Interventions | None = None
    """Perturbation of every cell, of the kinds in `SCREENS`."""


def draw_sample(kind: str, rng: np.random.Generator) -> Sample | None:
    """Draw one random network and cells of it.

    `boolean`: a random Boolean network of 5–25 genes (`random_rules`) with the kinetics of
    BoolODE or others (`random_kinetics`), cells being snapshots of 100–199 trajectories, as
    amounts, with dropout or as counts. `large_boolean`: the same of 30–150 genes. `single_cell`:
    counts of a random network of TFs and targets (`random_network`). `bulk`: noisy steady states
    of a random network (`bulk`). `boolean_screen`, `cell_screen` and `bulk_screen` are screens, in
    which genes are perturbed (`screens`).

    Kinetics (BoolODE's, and those of `random_network`) are shared with the simulated sets of the
    benchmark, networks are not: the ten named models are not used, nor the seeds from which the
    demo and the benchmark draw their networks.

    Parameters
    ----------
    kind
        One of `KINDS` or `SCREENS`. Every gene is a TF, but in single cells.
    rng
        Source of all randomness.

    Returns
    -------
    The sample, or None if it is not usable: most genes of a Boolean network are frozen, or fewer
    than three edges are left between the genes that vary.

    Raises
    ------
    InputError
        No such kind.
    """
    if kind not in _DRAW:
        msg = f"no kind of simulated network {kind!r}. Choose one of: {', '.join(_DRAW)}."
        raise InputError(msg)
    drawn = _DRAW[kind](rng)
    return None if drawn is None else _as_sample(kind, *drawn)


def draw_samples(kind: str, n: int, seed: int, n_jobs: int, *, first: int = 0) -> list[Sample]:
    """Draw samples of one kind in parallel; samples without usable edges are drawn again.

    Every sample has its own seed, so the result does not depend on `n_jobs`, and a longer list
    begins with the samples of a shorter one.

    Parameters
    ----------
    kind
        One of `KINDS` or `SCREENS`.
    n
        Number of samples.
    seed
        The same seed gives the same samples.
    n_jobs
        Processes, each with one thread; −1: one per core that this process may use.
    first
        Number of the first sample: a long list can be drawn in parts.

    Raises
    ------
    InputError
        No such kind, or a number outside its range.
    """
    if kind not in _DRAW or n < 1 or seed < 0 or (n_jobs != -1 and n_jobs < 1):
        msg = (
            f"got kind={kind!r}, n={n}, seed={seed}, n_jobs={n_jobs}; expected one of "
            f"{', '.join(_DRAW)}, at least 1 sample, a seed of at least 0, and how many processes "
            "to use, or -1 for one per core."
        )
        raise InputError(msg)
    stream = list(_DRAW).index(kind)
    seeds = [
        np.random.SeedSequence(seed, spawn_key=(stream, first + number)) for number in range(n)
    ]
    calls = [partial(_draw_until_learnable, kind, one) for one in seeds]
    return in_order(calls, count_processes(n_jobs), "simulating networks")


def without_edges(sample: Sample, rng: np.random.Generator) -> Sample:
    """Permute every gene over the cells, so that no edge is left.

    Genes keep their distributions. Their remaining co-variation is due to chance, and all signs
    are 0.

    Parameters
    ----------
    sample
        A sample as drawn, which is not changed.
    rng
        Source of randomness.
    """
    return replace(
        sample,
        expression=rng.permuted(sample.expression, axis=0),
        regulates=np.zeros_like(sample.regulates),
    )


def _draw_until_learnable(kind: str, seed: np.random.SeedSequence) -> Sample:
    rng = np.random.default_rng(seed)
    while (sample := draw_sample(kind, rng)) is None:
        pass
    return sample


def _as_sample(
    kind: str,
    expression: _Array,
    regulates: _Signs,
    interventions: Interventions | None = None,
) -> Sample | None:
    """Leave out the genes that never vary, and self-loops.

    Parameters
    ----------
    regulates
        Shape (n_tfs, n_genes); the TFs are the first genes.
    """
    cells = expression.astype(np.float32)
    # Not by the standard deviation: rounding gives a constant gene one above 0.
    varies = cells.max(axis=0) > cells.min(axis=0)
    regulates = regulates[np.ix_(varies[: len(regulates)], varies)]
    np.fill_diagonal(regulates, 0)
    if np.count_nonzero(regulates) < _FEWEST_EDGES:
        return None
    if interventions is not None:
        interventions = replace(interventions, dose=interventions.dose[:, varies])
        if not interventions.perturbed_genes.size:
            return None
    return Sample(kind, cells[:, varies], regulates, interventions)


def _draw_boolean(rng: np.random.Generator) -> tuple[_Array, _Signs] | None:
    """Simulate a Boolean network of 5–25 genes."""
    n_genes = int(rng.integers(5, 26))
    return _draw_cells_of_rules(rng, n_genes, families_share=0.15, boolode_share=0.9)


def _draw_large_boolean(rng: np.random.Generator) -> tuple[_Array, _Signs] | None:
    """Simulate a Boolean network of 30–150 genes."""
    n_genes = int(draw_log_uniform(rng, 30.0, 151.0))
    return _draw_cells_of_rules(rng, n_genes, families_share=0.5, boolode_share=0.1)


def _draw_cells_of_rules(
    rng: np.random.Generator, n_genes: int, families_share: float, boolode_share: float
) -> tuple[_Array, _Signs] | None:
    """Simulate a random Boolean network and measure it; None where most genes are frozen."""
    model, signs = draw_model(rng, n_genes, families_share)
    kinetics = draw_kinetics(rng, n_genes, boolode_share)
    n_cells = draw_log_uniform(rng, 150.0, 2500.0)
    n_trajectories = int(rng.integers(100, 200))
    drawn = simulate_trajectories(model, np.ones(n_genes), n_trajectories, rng, kinetics)
    history = drawn.history
    # Late snapshots are near the steady states; where all start alike there may be only one.
    if kinetics.on_at_start is not None and rng.random() < 0.3:
        history = history[:, -5:]
    snapshots = history.reshape(-1, n_genes)
    chosen = rng.choice(len(snapshots), min(int(n_cells), len(snapshots)), replace=False)
    amounts = snapshots[chosen].astype(float)
    high = np.quantile(amounts, 0.99, axis=0)
    varying = np.sum((amounts.std(axis=0) > _LEAST_SD) & (high > _LEAST_HIGH))
    if varying < max(_FEWEST_VARYING, 0.6 * n_genes):
        return None
    if rng.random() < 0.25:
        amounts = drop_out(rng, amounts, float(rng.choice([0.3, 0.5, 0.7])))
    if rng.random() < 0.1:
        amounts = log_normalised(count(rng, amounts, float(rng.uniform(2.0, 10.0))))
    return amounts, signs


def _draw_single_cell(rng: np.random.Generator) -> tuple[_Array, _Signs]:
    """Simulate counts of a random network of TFs and targets."""
    n_tfs = int(draw_log_uniform(rng, 5.0, 61.0))
    n_targets = int(draw_log_uniform(rng, 20.0, 121.0))
    n_cells = int(draw_log_uniform(rng, 100.0, 1500.0))
    counts, regulates = draw_counts(rng, n_tfs, n_targets, np.ones((n_cells, n_tfs + n_targets)))
    return log_normalised(counts), regulates


def _draw_screen(
    draw: Callable[[np.random.Generator], Screen | None], rng: np.random.Generator
) -> Screen | None:
    """Draw a screen with expression as `grn.preprocess` leaves it."""
    screen = draw(rng)
    if screen is None or np.any(screen.expression % 1):
        return screen
    return screen._replace(expression=log_normalised(screen.expression))


def log_normalised(counts: _Array) -> _Array:
    """Return log1p of counts per 10,000; a cell without counts stays 0."""
    total = counts.sum(axis=1, keepdims=True)
    logs: _Array = np.log1p(counts / np.maximum(total, 1.0) * _TARGET_SUM)
    return logs


# What is drawn are the arguments of `_as_sample` after the first.
_DRAW: dict[str, Callable[[np.random.Generator], tuple[Any, ...] | None]] = {
    "boolean": _draw_boolean,
    "single_cell": _draw_single_cell,
    "bulk": draw_steady_states,
    # A kind's place is part of its seeds: new ones come last.
    "large_boolean": _draw_large_boolean,
    "bulk_screen": partial(_draw_screen, draw_bulk_screen),
    "cell_screen": partial(_draw_screen, draw_cell_screen),
    "boolean_screen": partial(_draw_screen, draw_boolean_screen),
}
SCREENS = ("bulk_screen", "cell_screen", "boolean_screen")
"""The kinds whose cells are perturbed."""
KINDS = tuple(kind for kind in _DRAW if kind not in SCREENS)
"""The other kinds of networks that `draw_sample` draws."""
