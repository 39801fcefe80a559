"""Changes of all rates at once: their scale, and which genes share them."""

import numpy as np
import pytest

from grn.simulation.multifactorial import draw_changes, draw_factors, draw_knockdowns


def test_changes_are_standardised_and_some_are_shared() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_changes(rng, 400, 20) for _ in range(40)]
    assert np.mean([change.mean() for change in drawn]) == pytest.approx(0.0, abs=0.05)
    assert 0.8 < np.mean([change.std() for change in drawn]) < 1.05
    off_diagonal = ~np.eye(20, dtype=bool)
    shared = [np.abs(np.corrcoef(change.T)[off_diagonal]).max() > 0.25 for change in drawn]
    assert 10 < sum(shared) < 30


def test_factors_are_around_one() -> None:
    rng = np.random.default_rng(3)
    drawn = [draw_factors(rng, 100, 30) for _ in range(40)]
    assert np.median(drawn) == pytest.approx(1.0, abs=0.03)
    assert min(factor.min() for factor in drawn) > 0
    assert all(0.05 < np.std(factor) < 1.5 for factor in drawn)


def test_few_networks_have_knockdowns_of_one_gene_each() -> None:
    rng = np.random.default_rng(4)
    drawn = [draw_knockdowns(rng, 100, 30) for _ in range(80)]
    changed = [(factor != 1).sum(axis=1) for factor in drawn]
    assert np.mean([rows.any() for rows in changed]) == pytest.approx(0.25, abs=0.12)
    assert max(rows.max() for rows in changed) == 1
    assert set(np.unique(drawn)) <= {0.0, 0.1, 0.5, 1.0}
