"""What a measurement loses of the simulated mRNA: dropout, and molecules that are not counted."""

from typing import Any

import numpy as np

_Array = np.ndarray[Any, np.dtype[np.float64]]
_LIBRARY_SD = 0.35  # of the log of a cell's depth, as in `random_network`


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
