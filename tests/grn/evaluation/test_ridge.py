import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from grn.evaluation.moments import moments
from grn.evaluation.ridge import PENALTIES, fit_ridge, squared_errors

TFS = np.array([5, 0, 3])
TARGETS = np.array([1, 2, 4, 3])
REGULATORS = np.array([[0, 2], [1, -1], [2, 0], [1, 0]])


@pytest.fixture
def cells() -> np.ndarray:
    """80 cells of 6 genes; gene 1 depends on its regulators, gene 2 on nothing."""
    found = np.random.default_rng(0).normal(size=(80, 6)) * [1, 1, 1, 5, 1, 0.1]
    found[:, 1] = 20 * found[:, 5] + found[:, 3] + 0.1 * found[:, 1] + 7
    return found


def halves(cells: np.ndarray):
    every, offset = np.arange(6), np.zeros(6)
    fitting, judging = (moments(part, every, TFS, offset) for part in (cells[:50], cells[50:]))
    return fitting.covariance(), judging.about(fitting.sums / fitting.n_cells)


def test_scikit_learn_gives_the_same_errors(cells):
    fitting, judging = halves(cells)
    ridge = fit_ridge(fitting, REGULATORS, TARGETS)
    errors = squared_errors(judging, ridge, REGULATORS, TARGETS)
    for row, target in enumerate(TARGETS):
        columns = TFS[REGULATORS[row][REGULATORS[row] >= 0]]
        scaler = StandardScaler().fit(cells[:50, columns])
        model = Ridge(alpha=ridge.penalty[row] * 50)
        model.fit(scaler.transform(cells[:50, columns]), cells[:50, target])
        left = cells[50:, target] - model.predict(scaler.transform(cells[50:, columns]))
        assert errors[row] == pytest.approx((left**2).sum())
    total = judging.squares[TARGETS] * judging.n_cells
    assert 1 - errors[0] / total[0] > 0.99
    assert ridge.penalty[0] == PENALTIES[0]
    assert ridge.penalty[1] == PENALTIES[-1]
    assert ridge.coefficients[1, 1] == 0


def test_the_penalty_is_that_of_generalised_cross_validation(cells):
    chosen = fit_ridge(halves(cells)[0], REGULATORS, TARGETS).penalty
    fitting = cells[:50] - cells[:50].mean(axis=0)
    for row, target in enumerate(TARGETS):
        columns = TFS[REGULATORS[row][REGULATORS[row] >= 0]]
        x = fitting[:, columns] / fitting[:, columns].std(axis=0)
        criteria = []
        for penalty in PENALTIES:
            hat = x @ np.linalg.solve(x.T @ x + 50 * penalty * np.eye(len(columns)), x.T)
            left = fitting[:, target] - hat @ fitting[:, target]
            criteria.append((left**2).mean() / (1 - (1 + np.trace(hat)) / 50) ** 2)
        assert chosen[row] == PENALTIES[int(np.argmin(criteria))]


def test_blocks_of_targets_change_nothing(cells, monkeypatch):
    fitting, judging = halves(cells)
    expected = fit_ridge(fitting, REGULATORS, TARGETS)
    monkeypatch.setattr("grn.evaluation.ridge._NUMBERS_PER_BLOCK", 8)
    found = fit_ridge(fitting, REGULATORS, TARGETS)
    np.testing.assert_allclose(found.coefficients, expected.coefficients)
    np.testing.assert_allclose(
        squared_errors(judging, found, REGULATORS, TARGETS),
        squared_errors(judging, expected, REGULATORS, TARGETS),
    )


def test_more_regulators_than_cells_and_flat_ones_break_nothing():
    cells = np.random.default_rng(1).normal(size=(40, 30))
    cells[:, 7] = 1
    every, tfs = np.arange(30), np.arange(25)
    fitting = moments(cells[:10], every, tfs, np.zeros(30))
    judging = moments(cells[10:], every, tfs, np.zeros(30)).about(fitting.sums / 10)
    regulators, targets = np.tile(tfs, (5, 1)), np.arange(25, 30)
    ridge = fit_ridge(fitting.covariance(), regulators, targets)
    assert (ridge.coefficients[:, 7] == 0).all()
    assert np.isfinite(squared_errors(judging, ridge, regulators, targets)).all()
    assert (ridge.penalty > PENALTIES[0]).all()
