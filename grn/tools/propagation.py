"""Regresses every gene on the regulators, shrunk towards the network, and propagates changes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

# Penalties in units of a regulator's variance; cross-validation chooses one. With 0.01 the network
# hardly matters, and with infinity it alone decides. The range was not measured.
PENALTIES = (*(0.01 * 4**k for k in range(9)), np.inf)
# The following numbers were chosen by hand and not measured. Without damping, feedback oscillates.
# If 200 steps do not suffice, a warning says so.
N_STEPS = 200
DAMPING = 0.5
_FOLDS = 5  # conventional
_MOST_TARGETS = 500  # genes over which the penalty is chosen; limits the time
_SETTLED = 1e-4  # standard deviations; no smaller change is of interest
_Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Regression:
    """How much every gene changes with each regulator, the others unchanged."""

    coefficients: Float[np.ndarray, "n_tfs n_genes"]
    """Standard deviations of the gene per standard deviation of the regulator; 0 for itself."""
    penalty: float
    """The one of `PENALTIES` that predicts best; infinity means the network alone."""


@dataclass(frozen=True)
class Settled:
    """Result of a propagation."""

    response: Float[np.ndarray, "n_groups n_genes"]
    n_steps: int
    settled: bool
    """Whether the response stopped changing before the last step."""


def fit_regression(
    z: Float[np.ndarray, "n_cells n_genes"],
    own: Int[np.ndarray, " n_tfs"],
    weights: Float[np.ndarray, "n_tfs n_genes"],
) -> Regression:
    r"""Regress every gene on the regulators, with the network as the prior mean.

    .. math:: b_i = \arg\min_b \frac{1}{n} \lVert z_i - Z b \rVert^2
        + \lambda \lVert b - \gamma_i w_i \rVert^2, \qquad
        \gamma_i = \max\Big(0, \frac{z_i \cdot Z w_i}{\lVert Z w_i \rVert^2}\Big)

    where $w_i$ is the signed row of the network and $\gamma_i$ scales it to the cells: a ridge
    regression that shrinks to the network instead of to 0. One λ for all genes is that of
    `PENALTIES` with the least squared error in five folds of the cells, over at most 500 genes.
    No gene is regressed on itself.

    Parameters
    ----------
    z
        Standardised expression.
    own
        Position of each regulator among the genes.
    weights
        Of the network, rows are regulators; a pair of a gene with itself has none.
    """
    x = z[:, own]
    few = np.unique(np.linspace(0, z.shape[1] - 1, _MOST_TARGETS).astype(int))
    fold, errors = np.arange(len(z)) % _FOLDS, np.zeros(len(PENALTIES))
    itself = _itself(own, z.shape[1])
    for k in range(_FOLDS):
        seen, held = fold != k, fold == k
        fitted = _fit(x[seen], z[np.ix_(seen, few)], itself[few], weights[:, few], PENALTIES)
        errors += [np.square(z[np.ix_(held, few)] - x[held] @ b).sum() for b in fitted]
    penalty = PENALTIES[int(errors.argmin())]
    return Regression(_fit(x, z, itself, weights, (penalty,))[0], penalty)


def _itself(own: Int[np.ndarray, " n_tfs"], n_genes: int) -> Int[np.ndarray, " n_genes"]:
    """Return the regulator that each gene is, −1 where it is none."""
    itself = np.full(n_genes, -1)
    itself[own] = np.arange(len(own))
    return itself


def _fit(
    x: _Array, y: _Array, itself: np.ndarray, weights: _Array, penalties: tuple[float, ...]
) -> list[_Array]:
    """Return the coefficients at each penalty, from regulators `x` and targets `y`."""
    by_network = x @ weights
    products, squares = (by_network * y).sum(axis=0), np.square(by_network).sum(axis=0)
    gain = np.divide(products, squares, out=np.zeros_like(products), where=squares > 0)
    prior = weights * np.maximum(gain, 0)
    spread, axes = np.linalg.eigh(x.T @ x / len(x))
    along = axes.T @ (x.T @ (y - x @ prior) / len(x))
    regulates = np.flatnonzero(itself >= 0)
    rows = itself[regulates]
    found = []
    for penalty in penalties:
        if np.isinf(penalty):
            found.append(prior)
            continue
        shrunk = axes / (np.maximum(spread, 0) + penalty)
        beyond = shrunk @ along
        # Leaving out one regulator of its own regression needs no other inverse.
        inverse = shrunk @ axes[rows].T
        beyond[:, regulates] -= inverse * (
            beyond[rows, regulates] / inverse[rows, range(len(rows))]
        )
        found.append(prior + beyond)
    return found


def propagate(
    coefficients: Float[np.ndarray, "n_tfs n_genes"],
    own: Int[np.ndarray, " n_tfs"],
    clamped: Bool[np.ndarray, " n_genes"],
    shift: Float[np.ndarray, "n_groups n_genes"],
    bounds: tuple[Float[np.ndarray, "n_groups n_genes"], Float[np.ndarray, "n_groups n_genes"]],
) -> Settled:
    r"""Let the change of some genes pass through the network until nothing changes any more.

    .. math:: \delta \leftarrow (1 - d)\, \delta + d\, [\delta_{\mathrm{TF}} B]_{low}^{high},
        \qquad d = \frac{1}{2}

    at most 200 times, from no change at all, until no regulator moves by more than $10^{-4}$
    standard deviations. The perturbed genes keep their shift, and no gene leaves its bounds: so
    nothing can grow without end, whatever the feedback.

    Parameters
    ----------
    coefficients
        B, as `Regression` has them.
    own
        Position of each regulator among the genes.
    clamped
        Whether a gene is perturbed.
    shift
        By how much it is shifted; of other genes it counts for nothing.
    bounds
        The least and the largest change of every gene, at most and at least 0.
    """
    held = clamped[own]
    fixed, (low, high) = shift[:, own], bounds
    change = np.where(held, fixed, 0.0)
    among = coefficients[:, own]
    settled, n_steps = False, 0
    while not settled and n_steps < N_STEPS:
        passed = np.clip(change @ among, low[:, own], high[:, own])
        new = np.where(held, fixed, (1 - DAMPING) * change + DAMPING * passed)
        settled = bool(np.abs(new - change).max(initial=0) < _SETTLED)
        change, n_steps = new, n_steps + 1
    response = np.clip(change @ coefficients, low, high)
    response[:, own] = change
    return Settled(np.where(clamped, shift, response), n_steps, settled)
