"""Every public name of grn has an example in its docstring, and every example runs."""

import doctest
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
import pandas as pd
import pytest

import grn

if TYPE_CHECKING:
    from anndata import AnnData


def _public(module: ModuleType, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what the module exports, and what the modules among it export."""
    for name in getattr(module, "__all__", ()):
        value = getattr(module, name)
        if isinstance(value, ModuleType):
            yield from _public(value, f"{name}.")
        else:
            yield prefix + name, value


PUBLIC = dict(_public(grn))
METHODS = [
    name
    for name, member in inspect.getmembers(grn.SphericalGRN, callable)
    if not name.startswith("_")
]


@pytest.fixture
def run_examples(
    small: "AnnData", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Any, str], doctest.TestResults]:
    """Run the examples of a docstring in an empty folder, on simulated cells and their edges."""
    monkeypatch.chdir(tmp_path)
    matplotlib.use("agg")
    tfs = small.var_names[small.var["is_tf"]]
    pairs = [(tf, gene) for tf in tfs for gene in small.var_names if tf != gene]
    edges = pd.DataFrame(pairs, columns=["source", "target"])
    strength = np.random.default_rng(0).normal(size=len(edges))
    names = {
        "grn": grn,
        "pd": pd,
        "Path": Path,
        "adata": small.copy(),
        "edges": grn.read_edges(edges.assign(weight=strength)),
    }

    def run(value: Any, name: str) -> doctest.TestResults:
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
        for test in doctest.DocTestFinder(recurse=False).find(value, name, globs=names):
            runner.run(test)
        return runner.summarize()

    return run


@pytest.mark.parametrize("name", PUBLIC)
def test_the_example_runs(
    name: str, run_examples: Callable[[Any, str], doctest.TestResults]
) -> None:
    result = run_examples(PUBLIC[name], name)
    assert result.attempted > 0, f"{name} has no example in its docstring"
    assert result.failed == 0


def test_the_first_example_of_the_readme_runs_as_pasted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRN_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # the list of the package is meant
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    pasted = readme.split("```python\n")[1].split("```")[0]
    found: dict[str, Any] = {}
    exec(pasted, found)
    n_edges, source, target = re.findall(r"# ([\d,]+) edges, (\w+) → (\w+) first", pasted)[0]
    assert len(found["edges"]) == int(n_edges.replace(",", ""))
    assert tuple(found["edges"].loc[0, ["source", "target"]]) == (source, target)


@pytest.mark.parametrize("method", METHODS)
def test_the_class_shows_each_of_its_methods(method: str) -> None:
    shown = re.findall(r"(?:>>>|\.\.\.) (.*)", inspect.getdoc(grn.SphericalGRN) or "")
    own = re.findall(r">>> (.*)", inspect.getdoc(getattr(grn.SphericalGRN, method)) or "")
    assert any(f".{method}(" in line for line in shown) or own
