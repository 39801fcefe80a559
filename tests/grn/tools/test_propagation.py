import numpy as np
import pytest

from grn.tools.propagation import N_STEPS, PENALTIES, fit_regression, propagate

OWN = np.array([0, 3, 4])
N_GENES = 7
FREE = (np.full((1, N_GENES), -np.inf), np.full((1, N_GENES), np.inf))


def _cells(n_cells: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Genes 0, 3, 4 regulate the others with these weights, and each other not at all."""
    rng = np.random.default_rng(0)
    weights = np.zeros((3, N_GENES))
    weights[:, [1, 2, 5, 6]] = [[1, 0, -1, 0.5], [0, -1, 0, 0.5], [0, 0, 1, 0]]
    x = rng.normal(size=(n_cells, 3))
    z = x @ weights + noise * rng.normal(size=(n_cells, N_GENES))
    z[:, OWN] = x
    return (z - z.mean(axis=0)) / z.std(axis=0), weights


def _by_rows_of_belief(z: np.ndarray, prior: np.ndarray, gene: int, penalty: float) -> np.ndarray:
    """Solve the same problem as least squares with further rows, without the gene itself."""
    others = gene != OWN
    x, n = z[:, OWN[others]], len(z)
    belief = np.sqrt(n * penalty) * np.eye(others.sum())
    rows = np.vstack([x, belief])
    seen = np.concatenate([z[:, gene], belief @ prior[others]])
    solution = np.zeros(len(OWN))
    solution[others] = np.linalg.lstsq(rows, seen, rcond=None)[0]
    return solution


@pytest.mark.parametrize("gene", [1, 3, 5])
def test_coefficients_are_those_of_least_squares_with_the_network_as_belief(gene: int) -> None:
    z, weights = _cells(60, 1.0)
    weights[0, 3] = 0.4  # an edge onto a regulator
    found = fit_regression(z, OWN, weights)
    assert np.isfinite(found.penalty)
    by_network = z[:, OWN] @ weights[:, gene]
    gain = max(0.0, by_network @ z[:, gene] / (by_network @ by_network))
    expected = _by_rows_of_belief(z, gain * weights[:, gene], gene, found.penalty)
    np.testing.assert_allclose(found.coefficients[:, gene], expected, atol=1e-9)


def test_no_gene_is_regressed_on_itself() -> None:
    z, weights = _cells(60, 1.0)
    np.testing.assert_allclose(fit_regression(z, OWN, weights).coefficients[range(3), OWN], 0)


def test_few_noisy_cells_believe_the_network_and_many_correct_it() -> None:
    z, weights = _cells(20, 2.0)
    assert np.isinf(fit_regression(z, OWN, weights).penalty)
    z, weights = _cells(400, 0.1)
    missing = np.where(weights == 0.5, 0, weights)  # all edges into the last gene
    found = fit_regression(z, OWN, missing)
    assert found.penalty == min(PENALTIES)
    assert (found.coefficients[:2, 6] > 0.5).all()


def test_a_change_passes_down_a_chain() -> None:
    coefficients = np.zeros((3, N_GENES))
    coefficients[0, 3], coefficients[1, 4], coefficients[2, 6] = -0.5, 0.8, 2.0
    clamped, shift = np.arange(N_GENES) == 0, np.full((1, N_GENES), -1.5)
    found = propagate(coefficients, OWN, clamped, shift, FREE)
    assert found.settled
    expected = [-1.5, 0, 0, 0.75, 0.6, 0, 1.2]
    np.testing.assert_allclose(found.response[0], expected, atol=1e-3)


def test_feedback_settles_where_it_should() -> None:
    coefficients = np.zeros((3, N_GENES))
    coefficients[0, 3], coefficients[1, 4], coefficients[2, 3] = 1, -0.5, 0.5
    clamped, shift = np.arange(N_GENES) == 0, np.full((1, N_GENES), 2.0)
    found = propagate(coefficients, OWN, clamped, shift, FREE)
    np.testing.assert_allclose(found.response[0, 3], 2 / 1.25, atol=1e-3)


def test_nothing_grows_beyond_its_bounds_nor_moves_the_perturbed_gene() -> None:
    coefficients = np.full((3, N_GENES), 3.0)
    coefficients[range(3), OWN] = 0
    clamped, shift = np.arange(N_GENES) == 0, np.full((1, N_GENES), 1.0)
    bounds = np.full((1, N_GENES), -2.0), np.full((1, N_GENES), 2.5)
    found = propagate(coefficients, OWN, clamped, shift, bounds)
    assert found.response[0, 0] == 1
    np.testing.assert_allclose(found.response[0, 1:], 2.5, atol=1e-3)


def test_a_cycle_that_never_settles_is_ended() -> None:
    coefficients = np.zeros((3, N_GENES))
    coefficients[0, 3], coefficients[1, 4], coefficients[2, 3] = 1, 8, -8
    clamped, shift = np.arange(N_GENES) == 0, np.full((1, N_GENES), 1.0)
    bounds = np.full((1, N_GENES), -2.0), np.full((1, N_GENES), 2.0)
    found = propagate(coefficients, OWN, clamped, shift, bounds)
    assert (found.settled, found.n_steps) == (False, N_STEPS)
    assert np.abs(found.response).max() <= 2
