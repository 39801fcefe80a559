"""The table of durations names tests that there are, and chooses the quick ones."""

import ast
from pathlib import Path

import pytest

from tests import durations

ROOT = Path(__file__).resolve().parents[1]


def test_every_listed_function_is_there() -> None:
    table = durations.recorded()
    assert len(table) > 20
    for file, seconds in table.items():
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        there = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert set(seconds) <= there, f"{file}: make durations"


@pytest.mark.parametrize(
    ("name", "marks", "quick"),
    [
        ("test_new", [], True),
        ("test_brief[a-b]", [], True),
        ("test_long[a::b]", [], False),
        ("test_new", ["slow"], False),
        ("test_new", ["compile"], False),
        ("test_new", ["data"], True),
    ],
)
def test_quick_is_what_took_little_time(name: str, marks: list[str], quick: bool) -> None:
    seconds = {"tests/test_a.py": {"test_brief": durations.QUICK, "test_long": 0.5}}
    seconds["tests/test_b.py"] = dict.fromkeys(["test_one", "test_two"], durations.QUICK_FILE)

    class Item:
        nodeid = f"tests/test_a.py::{name}"

        def get_closest_marker(self, mark: str) -> str | None:
            return mark if mark in marks else None

    assert durations.is_quick(Item(), seconds) is quick  # type: ignore[arg-type]
    assert durations.holds_quick("tests/test_a.py", seconds)
    assert not durations.holds_quick("tests/test_b.py", seconds)


def test_what_ran_is_renewed_and_what_is_gone_goes() -> None:
    here = "tests/test_durations.py"
    old = {here: {"test_one": 3.0, "test_two": 2.0}, "tests/test_gone.py": {"test_three": 9.0}}
    measured = {here: {"test_two": 0.01, "test_four": 1.23}}
    assert durations.renewed(old, measured) == {here: {"test_four": 1.2, "test_one": 3.0}}
    assert durations.renewed(old, {here: {"test_one": 0.0, "test_two": 0.0}}) == {}
