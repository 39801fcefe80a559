"""Reads Boolean rules of genes: regulators, their signs, and when they suffice."""

import ast
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from grn.errors import InputError

_Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Rule:
    """A Boolean rule that says when a gene is transcribed."""

    signs: dict[str, int]
    """+1 or −1 of each regulator, in order of appearance: −1 stands under an odd number of
    `not`."""
    table: np.ndarray[Any, np.dtype[np.bool_]]
    """Truth table, shape (2,) per regulator: `table[1, 0]` is whether the gene is on where its
    first regulator is present and its second absent."""


def parse_rule(text: str) -> Rule:
    """Read a rule such as `(Cebpa or Pu1) and not Gata1`.

    Raises
    ------
    InputError
        The rule holds anything but names, `and`, `or`, `not` and parentheses, or a regulator
        both activates and represses.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise InputError(_no_rule(text)) from error
    signs: dict[str, int] = {}
    for name, sign in _literals(tree, 1, text):
        if signs.setdefault(name, sign) != sign:
            msg = (
                f"in the rule {text!r}, {name} both activates and represses; an edge has one "
                "sign. Rewrite the rule so that the gene stands under `not` always or never."
            )
            raise InputError(msg)
    present = np.indices((2,) * len(signs)).astype(bool)
    table = _evaluate(tree, dict(zip(signs, present, strict=True)))
    return Rule(signs, np.asarray(table, dtype=bool))


def edges_of(rules: Mapping[str, str]) -> pd.DataFrame:
    """Return the network of these rules: `source`, `target`, `sign` (+1, −1), by target.

    Parameters
    ----------
    rules
        Rule of each gene. Self-loops are edges too.
    """
    rows = [
        (source, target, sign)
        for target, text in rules.items()
        for source, sign in parse_rule(text).signs.items()
    ]
    return pd.DataFrame(rows, columns=["source", "target", "sign"])


def decision_steps(rule: Rule, index: Mapping[str, int]) -> list[tuple[int, int, int]]:
    """Compile the truth table into a binary decision diagram (Bryant 1986), leaves first.

    Parameters
    ----------
    rule
        A rule as read.
    index
        Row of each gene, which the steps name instead of it.

    Returns
    -------
    Step k is (row, low, high) and has number k + 2: it takes the value of step `low` where the
    gene of that row is absent, of `high` where it is present; 0 and 1 are off and on. The last
    step is the rule. Regulators that make no difference appear in no step.
    """
    rows = [index[name] for name in rule.signs]
    steps: list[tuple[int, int, int]] = []
    number: dict[tuple[int, int, int], int] = {}

    def add(table: np.ndarray[Any, np.dtype[np.bool_]], depth: int) -> int:
        if table.all() or not table.any():
            return int(table.all())
        low, high = add(table[0], depth + 1), add(table[1], depth + 1)
        if low == high:
            return low
        step = (rows[depth], low, high)
        if step not in number:
            number[step] = len(steps) + 2
            steps.append(step)
        return number[step]

    add(rule.table, 0)
    return steps


def activity(steps: list[tuple[int, int, int]], bound: _Array) -> _Array:
    """Return the probability that the rule holds where its regulators bind independently.

    This is f of BoolODE (Pratapa 2020): the sum over the truth table's rows that are on of
    Π_present b Π_absent (1 − b), where b is the probability that a regulator is bound.

    Parameters
    ----------
    steps
        Result of `decision_steps`.
    bound
        b, shape (n_genes, n_cells).

    Returns
    -------
    f from 0 to 1, shape (n_cells,).
    """
    values: list[Any] = [0.0, 1.0]
    for row, low, high in steps:
        values.append(values[low] + bound[row] * (values[high] - values[low]))
    result: _Array = values[-1]
    return result


def _literals(node: ast.expr, sign: int, text: str) -> Iterator[tuple[str, int]]:
    """Yield every gene with the sign of its place."""
    match node:
        case ast.Name():
            yield node.id, sign
        case ast.UnaryOp(op=ast.Not()):
            yield from _literals(node.operand, -sign, text)
        case ast.BoolOp():
            for value in node.values:
                yield from _literals(value, sign, text)
        case _:
            raise InputError(_no_rule(text))


def _evaluate(node: ast.expr, values: dict[str, Any]) -> Any:
    """Return the truth of a checked rule for arrays of truth values."""
    match node:
        case ast.BoolOp():
            combine = operator.and_ if isinstance(node.op, ast.And) else operator.or_
            return reduce(combine, [_evaluate(value, values) for value in node.values])
        case ast.UnaryOp():
            return ~_evaluate(node.operand, values)
        case ast.Name():
            return values[node.id]


def _no_rule(text: str) -> str:
    return (
        f"{text!r} is no rule. Expected names of genes joined by `and`, `or`, `not` and "
        "parentheses, such as `(Cebpa or Pu1) and not Gata1`."
    )
