"""Ridge regression of every target on a few regulators of its own, from moments alone."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from grn.evaluation.moments import Scatter, inverse_root

# Shares of the number of fitting cells: a regulator has unit variance there.
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
# Of the degrees of freedom, a share that no penalty may go below: with as many parameters as
# cells the criterion is 0 / 0.
_LEAST_FREE = 0.5
_NUMBERS_PER_BLOCK = 2**21


class Ridge(NamedTuple):
    """What was fitted, a row per target; zeros where a target has fewer regulators than others."""

    penalty: Float[np.ndarray, " n_targets"]
    coefficients: Float[np.ndarray, "n_targets k"]
    """Of the regulators as they are, not standardised."""


def fit_ridge(
    fitting: Scatter,
    regulators: Int[np.ndarray, "n_targets k"],
    targets: Int[np.ndarray, " n_targets"],
) -> Ridge:
    r"""Fit every target by its own regulators, each at unit variance.

    .. math:: b = (R + \lambda I)^{-1} c

    where R are the correlations of the regulators and c their covariances with the target, over
    the fitting cells. λ is the one of 0.001, 0.01, 0.1, 1 and 10 that generalised
    cross-validation (Golub, Heath and Wahba 1979) on the fitting cells chooses for the target,
    among those that leave half of the degrees of freedom; scikit-learn's `alpha` is λ times the
    number of cells.

    Parameters
    ----------
    fitting
        Covariances over the fitting cells.
    regulators
        Positions among the regulators, −1 for none.
    targets
        Positions among the genes.
    """
    penalty, coefficients = np.empty(len(targets)), np.empty(regulators.shape)
    n_rows = max(1, _NUMBERS_PER_BLOCK // max(1, regulators.shape[1] ** 2))
    for start in range(0, len(targets), n_rows):
        block = slice(start, start + n_rows)
        penalty[block], coefficients[block] = _fit(fitting, regulators[block], targets[block])
    return Ridge(penalty, coefficients)


def _fit(fitting: Scatter, regulators: np.ndarray, targets: np.ndarray) -> Ridge:
    scale = _scales(fitting, regulators)
    gram, cross = _of_each(fitting, regulators, targets)
    gram = gram * scale[:, :, None] * scale[:, None, :]
    spread, axes = np.linalg.eigh(gram)
    spread = np.maximum(spread, 0)[None]
    along = np.einsum("tij,ti->tj", axes, cross * scale)
    shrunk = 1 / (spread + np.reshape(PENALTIES, (-1, 1, 1)))
    left = fitting.squares[targets] - (along**2 * (2 - spread * shrunk) * shrunk).sum(axis=-1)
    free = 1 - (1 + (spread * shrunk).sum(axis=-1)) / fitting.n_cells  # one for the mean
    allowed = free >= _LEAST_FREE
    allowed[-1] = True
    criterion = np.where(allowed, left / free**2, np.inf)
    best = criterion.argmin(axis=0)
    chosen = shrunk[best, np.arange(len(targets))]
    coefficients = np.einsum("tij,tj->ti", axes, along * chosen) * scale
    return Ridge(np.asarray(PENALTIES)[best], coefficients)


def squared_errors(
    judging: Scatter,
    ridge: Ridge,
    regulators: Int[np.ndarray, "n_targets k"],
    targets: Int[np.ndarray, " n_targets"],
) -> Float[np.ndarray, " n_targets"]:
    """Return the sum of squared errors of each target over the judging cells.

    Parameters
    ----------
    judging
        About the means of the fitting cells.
    ridge, regulators, targets
        From `fit_ridge`, and as there.
    """
    errors = np.empty(len(targets))
    n_rows = max(1, _NUMBERS_PER_BLOCK // max(1, regulators.shape[1] ** 2))
    for start in range(0, len(targets), n_rows):
        block = slice(start, start + n_rows)
        gram, cross = _of_each(judging, regulators[block], targets[block])
        b = ridge.coefficients[block]
        explained = 2 * (b * cross).sum(axis=1) - np.einsum("ti,tij,tj->t", b, gram, b)
        errors[block] = judging.squares[targets[block]] - explained
    return errors * judging.n_cells


def _of_each(
    scatter: Scatter, regulators: np.ndarray, targets: np.ndarray
) -> tuple[Float[np.ndarray, "n_targets k k"], Float[np.ndarray, "n_targets k"]]:
    """Gather the products of each target's regulators with each other and with the target."""
    columns = scatter.tf_index[regulators]
    gram = scatter.products[regulators[:, :, None], columns[:, None, :]]
    return gram, scatter.products[regulators, targets[:, None]]


def _scales(fitting: Scatter, regulators: np.ndarray) -> Float[np.ndarray, "n_targets k"]:
    scale = inverse_root(fitting.squares[fitting.tf_index])
    return np.where(regulators < 0, 0.0, scale[regulators])
