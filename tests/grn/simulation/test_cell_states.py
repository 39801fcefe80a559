"""What makes cells differ beside the network: positive, and of the stated shape."""

import numpy as np
import pytest

from grn.simulation.cell_states import draw_states, draw_variation


def test_states_are_factors_and_some_networks_have_none() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_states(rng, 80, 6, 14) for _ in range(200)]
    assert all(factor.shape == (80, 20) and (factor > 0).all() for factor in drawn)
    plain = np.mean([(factor == 1).all() for factor in drawn])
    assert plain == pytest.approx(0.25, abs=0.09)
    clustered = [len(np.unique(factor, axis=0)) for factor in drawn]
    assert sum(1 < number <= 8 for number in clustered) > 20


def test_variation_is_that_of_a_network() -> None:
    rng = np.random.default_rng(1)
    drawn = [draw_variation(rng) for _ in range(50)]
    assert all(sum(one.tf_in_degree) == pytest.approx(1.0) for one in drawn)
    assert {one.n_lineages for one in drawn} == {1, 2, 3, 4, 5}
    assert {len(one.tf_in_degree) for one in drawn} == {3, 4}
