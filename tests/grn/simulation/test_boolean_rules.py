import itertools

import numpy as np
import pytest

from grn.errors import InputError
from grn.simulation.boolean_rules import activity, decision_steps, edges_of, parse_rule
from grn.simulation.models import RANDOM, load_model, model_names

EVERY_RULE = [
    pytest.param(text, id=f"{model}-{gene}")
    for model in model_names()
    if model != RANDOM
    for gene, text in load_model(model).rules.items()
]


def test_table_and_signs_by_hand() -> None:
    rule = parse_rule(" (a or b) and not c\n")
    assert rule.signs == {"a": 1, "b": 1, "c": -1}
    on = {tuple(row) for row in np.argwhere(rule.table).tolist()}
    assert on == {(1, 0, 0), (0, 1, 0), (1, 1, 0)}


def test_a_repressor_of_a_repressor_activates() -> None:
    assert parse_rule("not (a and not (b and not c))").signs == {"a": -1, "b": 1, "c": -1}


@pytest.mark.parametrize("text", EVERY_RULE)
def test_activity_is_the_sum_over_the_truth_table(text: str) -> None:
    rule = parse_rule(text)
    names = list(rule.signs)
    bound = np.random.default_rng(0).random((len(names), 7))
    steps = decision_steps(rule, {name: row for row, name in enumerate(names)})
    expected = np.zeros(7)
    for present in itertools.product([False, True], repeat=len(names)):
        # Python itself says what the rule means.
        if eval(text, {}, dict(zip(names, present, strict=True))):
            expected += np.prod(
                [b if p else 1 - b for b, p in zip(bound, present, strict=True)], 0
            )
    np.testing.assert_allclose(activity(steps, bound), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("text", EVERY_RULE)
def test_the_sign_is_the_direction_of_the_effect(text: str) -> None:
    rule = parse_rule(text)
    for axis, sign in enumerate(rule.signs.values()):
        absent, present = (np.take(rule.table, value, axis).astype(int) for value in (0, 1))
        assert (sign * (present - absent) >= 0).all()


def test_regulators_without_effect_cost_nothing() -> None:
    text = "b or (a and b) or (c and not d)"
    steps = decision_steps(parse_rule(text), {"a": 10, "b": 11, "c": 12, "d": 13})
    assert {row for row, _, _ in steps} == {11, 12, 13}
    assert len(steps) == 3


def test_edges_are_by_target() -> None:
    edges = edges_of({"a": "not b", "b": "a or b"})
    assert edges.to_numpy().tolist() == [["b", "a", -1], ["a", "b", 1], ["b", "b", 1]]


@pytest.mark.parametrize(
    "text",
    ["", "a and", "a + b", "f(a)", "__import__('os')", "1 or a", "a if b else c", "a.b", "a == b"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no rule"):
        parse_rule(text)


def test_an_edge_has_one_sign() -> None:
    with pytest.raises(InputError, match="g1 both activates and represses"):
        parse_rule("g1 and not (g2 and g1)")
