from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from grn.benchmark import predict
from grn.benchmark.cache import Prediction
from grn.benchmark.failures import Failures
from grn.benchmark.grid import Grid, Job
from grn.benchmark.methods import METHODS
from grn.benchmark.predict import Cells, Known, Predictor, Task, _haste
from grn.benchmark.progress import Progress
from grn.benchmark.regimes import Regimes
from grn.benchmark.run import Outcome
from grn.errors import InputError
from grn.evaluation.scores import Scores
from tests.helpers import QUIET, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

Bench = Callable[..., Outcome]
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
    return predictor_of(job, small, tmp_path, n_processes=1)


def left_out_as_scores(
    adata: "AnnData", tfs: list[str], *, seed: int, left_out: str | None, ridge: float
) -> Scores:
    assert ridge == 5.0
    return Scores(None, np.full((len(tfs), adata.n_vars), float(len(left_out or ""))))


def predictor_of(job: Job, small: "AnnData", folder: Path, n_processes: int) -> Predictor:
    settings = {"pearson": {"ridge": 5.0}}
    grid = Grid((job.method,), {}, (0,), Regimes(True, (), ()), settings, (), {job.method: "v1"})
    cells = Cells("one/x", small, tfs_of(small), {})
    return Predictor(grid, cells, folder / "cache", Progress(9), Failures(), n_processes)


def test_known_edges_reach_the_method_and_have_a_file_of_their_own(
    predictor: Predictor, job: Job, asked: list[dict[str, object]]
) -> None:
    tasks = [Task(job, "x", known) for known in (None, TOLD, TOLD, None)]
    found = predictor.predict(tasks)
    assert asked == [
        {"seed": 0, "edges": 1.0, "ridge": 5.0},
        {"seed": 0, "edges": 2.0, "ridge": 5.0},
    ]
    assert [found[task].prediction.importance[0, 0] for task in tasks] == [1, 2, 2, 1]
    # The digest decides, not the argument.
    assert predictor.predict([Task(job, "x", Known({"edges": 9.0}, "two"))])
    assert len(asked) == 2


def test_a_method_that_leaves_a_study_out_is_told_which(small: "AnnData", tmp_path: Path) -> None:
    job = Job(replace(METHODS["pearson"], function=left_out_as_scores), None)
    assert job.method.leaves_out
    assert not METHODS["pearson"].leaves_out
    predictor = predictor_of(job, small, tmp_path, n_processes=1)
    found = []
    for study in ("four", "seventh", None, "four"):
        predictor.cells = replace(predictor.cells, study=study)
        task = Task(job, "x")
        found.append(predictor.predict([task])[task].prediction.importance[0, 0])
    assert not predictor.failures.found
    assert found == [4, 7, 0, 4]
    # Each study is a prediction of its own, and settings are passed as ever.
    assert len(list((tmp_path / "cache").iterdir())) == 3


def test_what_fails_is_reported_with_what_it_was_on(predictor: Predictor, job: Job) -> None:
    tasks = [Task(job, "one/x, told", Known({"edge": 1.0}, "")), Task(job, "one/x")]
    assert list(predictor.predict(tasks)) == tasks[1:]
    (failure,) = predictor.failures.found
    assert failure.what == "pearson on one/x, told"
    assert isinstance(failure.error, TypeError)


def test_a_file_that_cannot_be_read_fails_alone(
    predictor: Predictor, job: Job, tmp_path: Path
) -> None:
    predictor.predict([Task(job, "x")])
    (file,) = (tmp_path / "cache").iterdir()
    file.write_bytes(b"broken")
    tasks = [Task(job, "x"), Task(job, "x", TOLD)]
    assert list(predictor.predict(tasks)) == tasks[1:]
    assert len(predictor.failures.found) == 1


def test_what_was_done_before_a_process_died_is_kept(
    job: Job, small: "AnnData", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = InputError("out of memory")

    def dies(
        calls: Mapping[Path, Callable[[], Prediction]], n_processes: int
    ) -> Iterator[tuple[Path, Prediction]]:
        assert n_processes == 2
        path, call = next(iter(calls.items()))
        yield path, call()
        raise error

    monkeypatch.setattr(predict, "side_by_side", dies)
    predictor = predictor_of(job, small, tmp_path, n_processes=2)
    tasks = [Task(job, "x"), Task(job, "x", TOLD)]
    assert list(predictor.predict(tasks)) == tasks[:1]
    assert [(one.what, one.error) for one in predictor.failures.found] == [
        ("the rest of one/x", error)
    ]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_the_slowest_start_first() -> None:
    names = ["pearson", "spherical", "closed_form", "genie3", "regdiffusion"]
    jobs = [Job(METHODS[name], 0) for name in names]
    ordered = [job.method.name for job in sorted(jobs, key=_haste)]
    assert ordered == ["regdiffusion", "genie3", "spherical", "pearson", "closed_form"]


@pytest.mark.usefixtures("library")
def test_a_benchmark_finds_the_same_side_by_side(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    short = ["trainer.max_steps=8", "trainer.val_check_interval=4", *QUIET]
    asked = (["pearson", "closed_form", "genie3", "spherical"], ["beeline/toy"])
    how = {
        "regimes": ["unsupervised", "supervised/both_seen"],
        "genie3": {"n_trees": 5},
        "spherical": {"overrides": short},
    }
    one = bench(*asked, **how, cache="one")
    caplog.clear()
    two = bench(*asked, **how, cache="two", n_jobs=2)
    assert not two.failures
    assert two.n_run == one.n_run == 4 + 3 * 2 + 2 * 2
    assert len(caplog.messages) == two.n_run
    assert caplog.messages[-1].endswith(f"(job {two.n_run} of {two.n_run})")
    pd.testing.assert_frame_equal(
        two.results.drop(columns="seconds"), one.results.drop(columns="seconds")
    )
    assert bench(*asked, **how, cache="two", n_jobs=2).n_run == 0
    # A job that fails leaves the others and says where.
    broken = bench(*asked, [0], n_jobs=2, genie3={"n_trees": 0}, spherical={"overrides": short})
    (failure,) = broken.failures
    assert failure.what == "genie3, seed 0 on beeline/toy"
    assert "trees.py" in failure.error.__notes__[0]
    assert {"pearson", "spherical"} <= set(broken.results["method"])
