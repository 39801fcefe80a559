"""Steady states against values worked out by hand, and what regulation does to them."""

from dataclasses import replace

import numpy as np
import pytest

from grn.simulation import bulk as module
from grn.simulation.bulk import draw_steady_states


def hill(amount: float, threshold: float, exponent: float) -> float:
    return amount**exponent / (amount**exponent + threshold**exponent)


@pytest.fixture
def network() -> module._Network:
    """Gene 0 activates gene 2, gene 1 represses it; genes 0 and 1 have no regulator."""
    return module._Network(
        regulator=np.array([0, 1]),
        target=np.array([2, 2]),
        sign=np.array([1, -1]),
        threshold=np.array([0.4, 0.8]),
        cooperativity=np.array([2.0, 3.0]),
        strength=np.array([0.5, 0.9]),
        basal=np.array([0.3, 0.6, 0.2]),
        multiplies=True,
    )


def test_effects_that_multiply(network: module._Network) -> None:
    rate = network.rate(np.array([[0.5, 0.7, 1.0]]))
    active = 0.15 + 0.85 * hill(0.5, 0.4, 2)
    np.testing.assert_allclose(rate, [[1.0, 1.0, active * (1 - 0.9 * hill(0.7, 0.8, 3))]])


def test_effects_that_add_up(network: module._Network) -> None:
    network = replace(network, multiplies=False)
    rate = network.rate(np.array([[0.5, 0.7, 1.0], [1e-3, 9.0, 1.0]]))
    added = 0.2 + 0.5 * hill(0.5, 0.4, 2) - 0.9 * hill(0.7, 0.8, 3)
    # Alone, the repressor would take more than there is.
    np.testing.assert_allclose(rate, [[0.3, 0.6, added], [0.3, 0.6, 0.02]])


def test_production_and_decay_balance(
    network: module._Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NOISE", 0.0)
    factor = np.array([[1.0, 1.0, 1.0], [2.0, 0.5, 3.0]])
    amounts = module.relax(np.random.default_rng(0), replace(network, multiplies=False), factor)
    np.testing.assert_allclose(amounts[:, :2], factor[:, :2] * [0.3, 0.6], rtol=1e-9)
    target = [
        max(0.2 + 0.5 * hill(first, 0.4, 2) - 0.9 * hill(second, 0.8, 3), 0.02)
        for first, second in amounts[:, :2]
    ]
    np.testing.assert_allclose(amounts[:, 2], factor[:, 2] * target, rtol=1e-9)


def test_noise_stays_small(network: module._Network) -> None:
    amounts = module.relax(np.random.default_rng(0), network, np.ones((400, 3)))
    # x ← 0.8 x + …: the variance of a step, at most 0.02² x / 3, adds up to 1 / (1 − 0.64) of it.
    assert amounts[:, 0].mean() == pytest.approx(1.0, abs=0.01)
    assert 0.005 < amounts[:, 0].std() < 0.02 / np.sqrt(1 - 0.64)


def test_a_target_follows_its_only_regulator() -> None:
    rng = np.random.default_rng(1)
    along: dict[int, list[float]] = {1: [], -1: []}
    for _ in range(12):
        amounts, signs = draw_steady_states(rng)
        correlation = np.corrcoef(amounts.T)
        for target in np.flatnonzero(np.count_nonzero(signs, axis=0) == 1):
            source = int(np.flatnonzero(signs[:, target])[0])
            along[int(signs[source, target])].append(correlation[source, target])
    assert min(len(values) for values in along.values()) > 50
    assert np.mean(along[1]) > 0.15
    assert np.mean(along[-1]) < -0.15


def test_amounts_are_measured_values() -> None:
    amounts, signs = draw_steady_states(np.random.default_rng(4))
    assert 50 <= len(amounts) <= 400
    assert signs.shape == (amounts.shape[1], amounts.shape[1])
    assert 20 <= amounts.shape[1] <= 150
    assert (amounts >= 0).all()
    again, _ = draw_steady_states(np.random.default_rng(4))
    np.testing.assert_array_equal(amounts, again)
