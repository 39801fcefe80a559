"""Kinetics that are drawn: their ranges, and how often they are BoolODE's."""

import numpy as np
import pytest

from grn.simulation.kinetics import Kinetics
from grn.simulation.random_kinetics import draw_kinetics


def test_constants_are_boolodes_or_in_their_range() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_kinetics(rng, 7, 0.4) for _ in range(300)]
    standard = [one.time_step == Kinetics().time_step for one in drawn]
    assert np.mean(standard) == pytest.approx(0.4, abs=0.08)
    others = [one for one in drawn if one.time_step != Kinetics().time_step]
    for constant, low, high in (
        ("mrna_decay", 3.0, 20.0),
        ("protein_decay", 0.5, 2.0),
        ("threshold_share", 0.25, 0.75),
        ("hill_coefficient", 1.5, 10.0),
    ):
        values = [np.asarray(getattr(one, constant)) for one in others]
        assert {value.shape for value in values} == {(1, 1), (7, 1)}
        assert low <= min(value.min() for value in values)
        assert max(value.max() for value in values) <= high
    assert {one.on_at_start is None for one in others} == {True, False}
    assert {one.rate_sd == 0.0 for one in others} == {True, False}
    # The step stays short beside the shortest lifetime.
    assert max(np.max(one.mrna_decay) * one.time_step for one in drawn) < 0.5
