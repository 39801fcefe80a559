"""Draws constants of Boolean kinetics, so that training data have others than BoolODE's."""

from typing import Any

import numpy as np

from grn.simulation.kinetics import Kinetics

_Array = np.ndarray[Any, np.dtype[np.float64]]
_TIME_STEP = 0.02  # at most 0.4 of the lifetime of an mRNA


def draw_kinetics(rng: np.random.Generator, n_genes: int, boolode_share: float) -> Kinetics:
    """Draw constants: BoolODE's, or Hill coefficients, thresholds, decay and noise at random.

    Constants are those of BoolODE with probability `boolode_share`; else each kind of constant
    is the same for all genes or drawn for every gene, half of the networks each. Apart from
    that, in some networks trajectories start from states of their own, without which large
    networks freeze, and in some the rate of every gene differs over cells.

    Parameters
    ----------
    rng
        Source of all randomness.
    n_genes
        Number of genes.
    boolode_share
        From 0 to 1.
    """
    is_boolode = rng.random() < boolode_share
    # The ten models of BEELINE start all cells alike.
    scattered_share = 0.2 if is_boolode else 0.6
    on_at_start = float(rng.uniform(0.2, 0.8)) if rng.random() < scattered_share else None
    if is_boolode:
        return Kinetics(on_at_start=on_at_start)
    return Kinetics(
        mrna_decay=_log_uniform(rng, n_genes, 3.0, 20.0),
        protein_decay=_log_uniform(rng, n_genes, 0.5, 2.0),
        threshold_share=_log_uniform(rng, n_genes, 0.25, 0.75),
        hill_coefficient=_log_uniform(rng, n_genes, 1.5, 10.0),
        noise=float(np.exp(rng.uniform(np.log(0.3), np.log(1.5)))),
        time_step=_TIME_STEP,
        rate_sd=float(rng.uniform(0.05, 0.6)) if rng.random() < 0.6 else 0.0,
        on_at_start=on_at_start,
    )


def _log_uniform(rng: np.random.Generator, n_genes: int, low: float, high: float) -> _Array:
    """Draw one number for all genes, shape (1, 1), or one for each, shape (n_genes, 1)."""
    size = (1 if rng.random() < 0.5 else n_genes, 1)
    drawn: _Array = np.exp(rng.uniform(np.log(low), np.log(high), size))
    return drawn
