"""Random Boolean networks: rules that say what was drawn, and the stated shape."""

import numpy as np
import pytest

from grn.simulation import random_rules as module
from grn.simulation.boolean_rules import edges_of
from grn.simulation.models import BooleanModel
from grn.simulation.random_rules import draw_model


@pytest.fixture(scope="module")
def drawn() -> list[tuple[BooleanModel, np.ndarray]]:
    rng = np.random.default_rng(3)
    return [draw_model(rng, int(rng.integers(5, 21)), 0.5) for _ in range(400)]


def test_rules_hold_exactly_the_edges_drawn(drawn: list[tuple[BooleanModel, np.ndarray]]) -> None:
    for model, signs in drawn[:100]:
        index = {gene: number for number, gene in enumerate(model.rules)}
        edges = edges_of(model.rules)
        read = np.zeros_like(signs)
        read[edges["source"].map(index), edges["target"].map(index)] = edges["sign"]
        np.testing.assert_array_equal(read, signs)
        assert len(edges) == np.count_nonzero(signs)


def test_every_form_of_rule_is_drawn_and_no_other() -> None:
    signs = np.zeros((5, 5), dtype=np.int8)
    signs[[0, 1, 2, 3], 4] = [1, 1, -1, -1]
    signs[0, 1] = signs[1, 0] = 1
    signs[0, 2] = signs[0, 3] = -1
    rng = np.random.default_rng(0)
    rules = [module._draw_rules(rng, list("abcde"), signs) for _ in range(2000)]
    assert {rule["e"] for rule in rules} == {
        f"(a {on} b) {both} not (c {off} d)"
        for on in ("or", "and")
        for both in ("or", "and")
        for off in ("or", "and")
    }
    assert {rule["a"] for rule in rules} == {"(b)"}
    assert {rule["c"] for rule in rules} == {"not (a)"}
    one_repressor_suffices = np.mean(["c or d" in rule["e"] for rule in rules])
    assert one_repressor_suffices == pytest.approx(0.75, abs=0.04)


def test_three_activators_may_form_two_groups() -> None:
    signs = np.zeros((4, 4), dtype=np.int8)
    signs[:3, 3] = 1
    rng = np.random.default_rng(0)
    rules = [module._draw_rules(rng, list("abcd"), signs)["d"] for _ in range(2000)]
    assert set(rules) == {"(a or b or c)", "(a and b and c)"} | {
        f"({first} {between} {second})"
        for within, between in (("or", "and"), ("and", "or"))
        for first, second in (("(a)", f"(b {within} c)"), (f"(a {within} b)", "(c)"))
    }
    assert np.mean([rule.count("(") > 1 for rule in rules]) == pytest.approx(0.25, abs=0.04)


def test_networks_have_the_stated_shape(drawn: list[tuple[BooleanModel, np.ndarray]]) -> None:
    others = [signs * (1 - np.eye(len(signs), dtype=np.int8)) for _, signs in drawn]
    assert {len(signs) for signs in others} == set(range(5, 21))
    in_degree = np.concatenate([np.count_nonzero(signs, axis=0) for signs in others])
    with_itself = np.concatenate([np.count_nonzero(signs, axis=0) for _, signs in drawn])
    assert with_itself.min() == 1
    assert in_degree.max() == module._MOST_REGULATORS
    assert 0.03 < np.mean([(signs <= 0).all() for signs in others]) < 0.15
    itself = np.concatenate([np.diagonal(signs) for _, signs in drawn])
    assert set(itself) == {0, 1}
    assert itself.mean() == pytest.approx(0.18, abs=0.05)


def test_some_networks_are_chains_and_large_ones_have_rules_too() -> None:
    rng = np.random.default_rng(6)
    families = [module._draw_from_family(rng, 12) for _ in range(200)]
    assert all(signs.any(axis=0).all() for signs in families)
    assert max(np.count_nonzero(signs, axis=0).max() for signs in families) <= 8
    model, signs = draw_model(rng, 150, 0.5)
    assert len(model.rules) == len(signs) == 150


def test_reciprocal_edges_are_more_than_chance_gives(
    drawn: list[tuple[BooleanModel, np.ndarray]],
) -> None:
    counts = []
    for _, signs in drawn:
        if len(signs) >= 12:  # in a small network, nearly all pairs may be edges
            edges = (signs != 0) & ~np.eye(len(signs), dtype=bool)
            n_pairs = len(signs) * (len(signs) - 1)
            counts.append(((edges & edges.T).sum(), edges.sum() ** 2 / n_pairs))
    found, by_chance = np.sum(counts, axis=0)
    assert found > 1.2 * by_chance


def test_some_genes_are_on_at_time_0(drawn: list[tuple[BooleanModel, np.ndarray]]) -> None:
    initial = [model.initial for model, _ in drawn]
    assert np.mean([amounts is None for amounts in initial]) == pytest.approx(0.3, abs=0.07)
    assert all(amounts is None or amounts for amounts in initial)
    assert {value for amounts in initial if amounts for value in amounts.values()} == {1.0, 2.0}
    assert all(4.0 <= model.time <= 12.0 for model, _ in drawn)


def test_the_same_generator_draws_the_same_model() -> None:
    (first, edges), (again, same) = (
        draw_model(np.random.default_rng(8), 9, 0.5) for _ in range(2)
    )
    assert first == again
    np.testing.assert_array_equal(edges, same)
    assert first != draw_model(np.random.default_rng(9), 9, 0.5)[0]
