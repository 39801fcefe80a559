from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.methods import METHODS
from grn.benchmark.predict import Cells, Known, Predictor
from grn.benchmark.progress import Progress
from grn.benchmark.regimes import Regimes
from grn.evaluation.controls import Scores
from tests.helpers import tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

TOLD = Known({"edges": 2.0}, "two")


@pytest.fixture
def asked() -> list[dict[str, object]]:
    """What the method was called with, call by call."""
    return []


@pytest.fixture
def job(asked: list[dict[str, object]]) -> Job:
    """A method that can be told edges, which become its scores."""

    def function(
        adata: "AnnData", tfs: list[str], *, seed: int, edges: float = 1.0, ridge: float = 0.0
    ) -> Scores:
        asked.append({"seed": seed, "edges": edges, "ridge": ridge})
        return Scores(None, np.full((len(tfs), adata.n_vars), edges))

    return Job(replace(METHODS["pearson"], function=function), None)


@pytest.fixture
def predictor(job: Job, small: "AnnData", tmp_path: Path) -> Predictor:
    settings = {"pearson": {"ridge": 5.0}}
    grid = Grid((job.method,), {}, (0,), Regimes(True, (), ()), settings, (), {job.method: "v1"})
    cells = Cells("one/x", small, tfs_of(small), {})
    return Predictor(grid, cells, tmp_path / "cache", Progress(9), Failures())


def test_known_edges_reach_the_method_and_have_a_file_of_their_own(
    predictor: Predictor, job: Job, asked: list[dict[str, object]]
) -> None:
    found = [predictor.predict(job, "x", known) for known in (None, TOLD, TOLD, None)]
    assert asked == [
        {"seed": 0, "edges": 1.0, "ridge": 5.0},
        {"seed": 0, "edges": 2.0, "ridge": 5.0},
    ]
    assert [one and one.importance[0, 0] for one in found] == [1, 2, 2, 1]
    # The digest decides, not the argument.
    assert predictor.predict(job, "x", Known({"edges": 9.0}, "two")) is not None
    assert len(asked) == 2


def test_what_fails_is_reported_with_what_it_was_on(predictor: Predictor, job: Job) -> None:
    assert predictor.predict(job, "one/x, told", Known({"edge": 1.0}, "")) is None
    (failure,) = predictor.failures.found
    assert failure.what == "pearson on one/x, told"
    assert isinstance(failure.error, TypeError)
