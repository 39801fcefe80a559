"""Which files count as the code of a module."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from grn.benchmark import sources
from grn.benchmark.sources import source_files


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package of ours that imports in every way there is."""
    folder = tmp_path / "toy_of_ours"
    (folder / "model").mkdir(parents=True)
    contents = {
        "__init__.py": "",
        "top.py": (
            "import json\n"
            "from typing import TYPE_CHECKING\n"
            "from toy_of_ours import plain\n"
            "if TYPE_CHECKING:\n"
            "    from toy_of_ours import types_alone\n"
            "def f():\n"
            "    from toy_of_ours.model.inner import g\n"
        ),
        "plain.py": "import toy_of_ours.top\n",
        "types_alone.py": "",
        "unused.py": "",
        "model/__init__.py": "",
        "model/inner.py": "g = 1\n",
        "model/weights.pt": "numbers",
    }
    for name, text in contents.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sources, "_OURS", ("toy_of_ours",))
    source_files.cache_clear()
    yield folder.name
    source_files.cache_clear()
    for name in [*sys.modules]:
        if name.startswith("toy_of_ours"):
            del sys.modules[name]


def test_all_that_is_imported_and_nothing_else(package: str) -> None:
    found = {file.name for file in source_files(f"{package}.top")}
    assert found == {"__init__.py", "top.py", "plain.py", "inner.py", "weights.pt"}


def test_a_module_alone(package: str) -> None:
    assert [file.name for file in source_files(f"{package}.unused")] == ["unused.py"]


def test_no_such_module() -> None:
    with pytest.raises(ValueError, match=r"no module 'grn\.nothing'"):
        source_files("grn.nothing")
