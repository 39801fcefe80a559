"""Small benchmarks, and a method that counts how often it is called."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.toy_library import write_library

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.benchmark.run import Outcome
    from grn.evaluation.scores import Scores

DETERMINISTIC = ("pearson", "spearman", "closed_form", "closed_form_max")


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, small: "AnnData") -> Path:
    """The data folder of `write_library`."""
    folder = write_library(tmp_path / "data", small)
    monkeypatch.setenv("GRN_DATA", str(folder))
    return folder


@pytest.fixture
def bench(tmp_path: Path) -> Callable[..., "Outcome"]:
    """Run a benchmark, by default of deterministic methods on the whole library."""

    def run(
        methods: Sequence[str] = DETERMINISTIC,
        datasets: Sequence[str] = ("beeline/toy", "dream4/other"),
        seeds: Sequence[int] = (0, 1),
        cache: str = "cache",
        regimes: Sequence[str] = ("unsupervised",),
        n_jobs: int = 1,
        **settings: dict[str, object],
    ) -> "Outcome":
        from grn.benchmark.grid import make_grid
        from grn.benchmark.run import run_benchmark

        grid = make_grid(methods, datasets, seeds, regimes, settings)
        return run_benchmark(grid, tmp_path / cache, n_jobs)

    return run


@pytest.fixture
def noise(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Add the method `noise`, which draws its scores; the list grows by the seed of every call."""
    from grn.benchmark import grid, methods
    from grn.evaluation.scores import Scores

    calls: list[int] = []

    def draw(adata: "AnnData", tfs: list[str], *, seed: int, shift: float = 0.0) -> "Scores":
        calls.append(seed)
        weight = np.random.default_rng(seed).normal(shift, size=(len(tfs), adata.n_vars))
        return Scores(weight, np.abs(weight))

    added = methods.Method("noise", "method", draw, frozenset({"shift"}), True, "grn.expression")
    monkeypatch.setattr(grid, "METHODS", {**methods.METHODS, "noise": added})
    return calls
