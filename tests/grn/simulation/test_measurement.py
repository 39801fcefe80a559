import numpy as np
import pytest

from grn.simulation.measurement import add_noise, count, drop_out


def test_only_low_amounts_of_a_gene_are_lost() -> None:
    rng = np.random.default_rng(0)
    amounts = rng.random((4000, 3)) * [1, 10, 100] + 1
    kept = drop_out(rng, amounts, 0.5)
    lost = kept == 0
    assert (kept[~lost] == amounts[~lost]).all()
    low = amounts < np.median(amounts, axis=0)
    assert not lost[~low].any()
    np.testing.assert_allclose(lost.mean(axis=0), 0.25, atol=0.02)
    np.testing.assert_allclose(drop_out(rng, amounts, 0.7).astype(bool).mean(), 0.51, atol=0.02)


def test_no_dropout_loses_nothing() -> None:
    amounts = np.random.default_rng(1).random((20, 4))
    np.testing.assert_array_equal(drop_out(np.random.default_rng(2), amounts, 0.0), amounts)


def test_counts_have_the_depth_and_the_spread_of_libraries() -> None:
    counts = count(np.random.default_rng(3), np.tile([1.0, 2.0, 0.0], (20_000, 1)), 50.0)
    assert (counts == np.rint(counts)).all()
    assert not counts[:, 2].any()
    mean = 50 * np.exp(0.35**2 / 2)
    assert counts[:, 0].mean() == pytest.approx(mean, rel=0.02)
    assert counts[:, 1].mean() == pytest.approx(2 * mean, rel=0.02)
    # Poisson, and a depth that all genes of a cell share.
    spread = np.exp(0.35**2) - 1
    assert counts[:, 0].var() == pytest.approx(mean + spread * mean**2, rel=0.08)
    assert np.median(counts[:, 1]) == pytest.approx(100, rel=0.02)


def test_noise_of_a_microarray_is_of_every_kind() -> None:
    rng = np.random.default_rng(0)
    amounts = np.exp(rng.normal(0.0, 0.5, (60, 30)))
    drawn = [add_noise(rng, amounts) for _ in range(120)]
    assert all((noisy >= 0).all() and np.isfinite(noisy).all() for noisy in drawn)
    normalised = [noisy.max() == 1 for noisy in drawn]
    assert np.mean(normalised) == pytest.approx(0.5, abs=0.15)
    # Divided by the largest or not, what has no noise is proportional to the amounts.
    ratios = [np.log(np.maximum(noisy, 1e-9) / amounts).std() for noisy in drawn]
    assert 2 <= sum(ratio < 1e-9 for ratio in ratios) < 30
    assert np.median(ratios) == pytest.approx(0.15, abs=0.1)
