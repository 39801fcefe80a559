from typing import Any

import pytest

from grn.errors import InputError
from grn.simulation.perturbations import rate_factors


def test_a_group_for_the_controls_and_one_for_each_gene() -> None:
    groups = rate_factors(["a", "b", "c"], ["c"], {"a": 0.2})
    assert {name: factors.tolist() for name, factors in groups.items()} == {
        "control": [1, 1, 1],
        "c": [1, 1, 0],
        "a": [0.2, 1, 1],
    }
    assert list(groups) == ["control", "c", "a"]
    assert list(rate_factors(["a"], (), None)) == ["control"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"knockouts": ["x"]}, "no gene 'x' in this model, whose genes are: a, b"),
        ({"knockdowns": {"A": 0.5}}, "no gene 'A'"),
        ({"knockdowns": {"a": 0.0}}, "factor 0.0; expected one between 0 and 1"),
        ({"knockdowns": {"a": 1.5}}, "factor 1.5"),
        ({"knockdowns": {"a": float("nan")}}, "factor nan"),
        ({"knockouts": ["a"], "knockdowns": {"a": 0.5}}, "a is perturbed twice"),
        ({"knockouts": ["b", "b"]}, "b is perturbed twice"),
    ],
)
def test_what_cannot_be_perturbed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rate_factors(["a", "b"], **{"knockouts": (), "knockdowns": None, **arguments})
