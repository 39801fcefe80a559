"""The mutants of scripts/mutation.py: every one can be made, and tests decide which survive."""

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def mutation(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("mutation")


def test_every_mutant_changes_one_line_that_is_there(mutation: ModuleType) -> None:
    mutants = mutation.read_mutants()
    assert len(mutants) >= 60
    assert Counter((mutant.file, mutant.old) for mutant in mutants).most_common(1)[0][1] == 1
    for mutant in mutants:
        source = (ROOT / mutant.file).read_text(encoding="utf-8")
        changed = mutation.mutated(source, mutant)
        compile(changed, mutant.file, "exec")
        before, after = source.splitlines(), changed.splitlines()
        assert sum(a != b for a, b in zip(before, after, strict=True)) == 1, mutant
        for tests in mutant.tests:
            assert (ROOT / tests).is_file(), mutant


def test_a_mutant_without_its_text_is_an_error(mutation: ModuleType) -> None:
    mutant = mutation.Mutant("a.py", "x = 1", "x = 2", ())
    assert mutation.mutated("x = 1\ny = x\n", mutant) == "x = 2\ny = x\n"
    for source in ("x = 3\n", "x = 1\nx = 1\n"):
        with pytest.raises(ValueError, match=r"a\.py holds 'x = 1'"):
            mutation.mutated(source, mutant)


@pytest.mark.parametrize(
    ("file", "tests"),
    [
        ("grn/readout.py", "tests/grn/test_readout.py"),
        ("kernels/flashsign/rows/form.py", "tests/flashsign/rows/test_form.py"),
    ],
)
def test_the_mirror_of_a_file(mutation: ModuleType, file: str, tests: str) -> None:
    assert mutation.mirror(file) == tests
    assert (ROOT / tests).is_file()


def test_a_noticed_change_is_killed_and_another_survives(
    mutation: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.pytest]\npythonpath = ["."]\n')
    source = "def three():\n    return 1 + 2\n"
    (tmp_path / "counted.py").write_text(source)
    (tmp_path / "test_counted.py").write_text(
        "import counted\n\n\ndef test_three():\n    assert counted.three() == 3\n"
    )
    for new, alive in (("1 + 1", False), ("2 + 1", True)):
        mutant = mutation.Mutant("counted.py", "1 + 2", new, ("test_counted.py",))
        assert mutation.survives(mutant, tmp_path) is alive
        assert (tmp_path / "counted.py").read_text() == source
