"""The integrator against closed solutions of Euler's scheme; what it keeps and draws again."""

import numpy as np
import pytest

from grn.simulation import kinetics as module
from grn.simulation.kinetics import Kinetics, simulate_trajectories
from grn.simulation.models import BooleanModel, load_model

# Nothing activates b, so a is transcribed at its full rate.
NO_NOISE = Kinetics(noise=0.0)
ALWAYS_ON = BooleanModel("m", "", "", 8.0, 1, {"a": 0.5}, {"a": "not b", "b": "b"})


def draw(
    model: BooleanModel,
    n_cells: int,
    factor: dict[str, float] | None = None,
    seed: int = 0,
    kinetics: Kinetics = Kinetics(),  # noqa: B008 (frozen)
):
    factors = np.array([(factor or {}).get(gene, 1.0) for gene in model.rules])
    return simulate_trajectories(model, factors, n_cells, np.random.default_rng(seed), kinetics)


def test_without_noise_mrna_rises_as_the_equation_says() -> None:
    drawn = draw(ALWAYS_ON, 300, kinetics=NO_NOISE)
    steps = np.round(drawn.time / 0.01)
    # x' = 20 − 10 x from 0.5, in steps of 0.01.
    np.testing.assert_allclose(drawn.mrna[:, 0], 2 - 1.5 * 0.9**steps, rtol=1e-6)
    # Half of the full rate leaves half of the mRNA.
    half = draw(ALWAYS_ON, 300, {"a": 0.5}, kinetics=NO_NOISE)
    late = half.time > 2
    np.testing.assert_allclose(half.mrna[late, 0], 1.0, rtol=1e-6)


def test_without_noise_a_target_follows_its_regulators_protein() -> None:
    chain = BooleanModel("m", "", "", 5.0, 1, {"a": 2}, {"a": "a", "b": "a and not c", "c": "c"})
    # a's protein is 20 at the start and stays: bound with 2¹⁰ / (1 + 2¹⁰).
    bound = 2**10 / (1 + 2**10)
    drawn = draw(chain, 200, kinetics=NO_NOISE)
    np.testing.assert_allclose(drawn.mrna[drawn.time > 3, 1], 2 * bound, rtol=1e-2)


def test_constants_of_its_own_change_course_and_response() -> None:
    kinetics = Kinetics(
        noise=0.0,
        mrna_decay=np.array([[5.0], [10.0], [10.0]]),
        protein_decay=2.0,
        threshold_share=0.25,
        hill_coefficient=3.0,
    )
    # a is on, and so is its repressor in c: c keeps what is not bound, (1 + 4³)⁻¹ of the full.
    rules = {"a": "not b", "b": "b", "c": "not a"}
    drawn = draw(BooleanModel("m", "", "", 8.0, 1, {"a": 0.5}, rules), 300, kinetics=kinetics)
    steps = np.round(drawn.time / 0.01)
    np.testing.assert_allclose(drawn.mrna[:, 0], 2 - 1.5 * 0.95**steps, rtol=1e-4)
    late = drawn.time > 6
    np.testing.assert_allclose(drawn.mrna[late, 2], 2 / (1 + 4**3), rtol=1e-2)


def test_trajectories_may_start_and_run_differently() -> None:
    kept = BooleanModel("m", "", "", 1.0, 1, None, {f"g{gene}": f"g{gene}" for gene in range(9)})
    start = draw(kept, 400, kinetics=Kinetics(on_at_start=0.3)).history[:, 0]
    assert set(np.unique(start)) == {np.float32(0.01), np.float32(2.0)}
    # Trajectories in which nothing is on, 0.7⁹ of all, are not kept.
    assert (start > 1).mean() == pytest.approx(0.3 / (1 - 0.7**9), abs=0.03)
    rates = Kinetics(noise=0.0, rate_sd=0.4)
    late = draw(ALWAYS_ON, 2000, kinetics=rates).history[:, -1, 0]
    assert np.log(late / 2).std() == pytest.approx(0.4, abs=0.03)


def test_noise_has_the_stationary_variance_of_the_scheme() -> None:
    drawn = draw(ALWAYS_ON, 6000)
    on = drawn.mrna[drawn.time > 1, 0]
    assert on.mean() == pytest.approx(2.0, abs=0.02)
    # Each step keeps 0.9 of the deviation and adds variance 2 · 0.01.
    assert on.var() == pytest.approx(0.02 / (1 - 0.9**2), rel=0.08)


def test_a_step_below_zero_is_not_taken() -> None:
    amount = np.array([[0.3, 0.3]])
    advanced = module._advance(
        np.random.default_rng(0), amount, np.array([[-900.0, 900.0]]), Kinetics()
    )
    assert advanced[0, 0] == 0.3
    assert advanced[0, 1] > 8
    assert (draw(load_model("mCAD"), 200).mrna >= 0).all()


def test_a_knocked_out_gene_is_never_there() -> None:
    drawn = draw(load_model("mCAD"), 50, {"Fgf8": 0.0})
    assert (drawn.mrna[:, 0] == 0).all()
    assert (drawn.history[:, :, 0] == 0).all()
    assert drawn.mrna[:, 1:].any()


def test_cells_are_taken_at_any_time_of_their_trajectory() -> None:
    drawn = draw(load_model("dyn-BF"), 1000)
    assert drawn.mrna.shape == (1000, 7)
    assert drawn.history.shape == (1000, 20, 7)
    assert np.histogram(drawn.time, bins=5, range=(0, 5))[0].min() > 150
    assert drawn.time.max() < 5
    first = drawn.time < 0.005
    assert (drawn.history[:, 0] == np.float32([1, *[0.01] * 6])).all()
    np.testing.assert_allclose(drawn.mrna[first], drawn.history[first, 0])


def test_trajectories_that_die_out_are_drawn_again() -> None:
    drawn = draw(load_model("HSC"), 300)
    assert drawn.mrna.shape == (300, 11)
    # 112 of BoolODE's 150 trajectories are in its samples.
    assert drawn.surviving == pytest.approx(112 / 150, abs=0.1)
    assert (drawn.history.max(axis=2) >= 0.2).all()


def test_where_all_die_out_they_are_kept() -> None:
    drawn = draw(load_model("GSD"), 5, {"UGR": 0.0})
    assert drawn.surviving == 0
    assert drawn.mrna.shape == (5, 19)
    assert drawn.mrna.max() < 0.2
