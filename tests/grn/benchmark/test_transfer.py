from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import anndata
import numpy as np
import pytest

import grn
from grn.benchmark import grid
from grn.benchmark.methods import METHODS
from grn.benchmark.run import Outcome
from grn.evaluation.controls import Scores
from tests.helpers import tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

pytestmark = pytest.mark.usefixtures("library")
Bench = Callable[..., Outcome]
ASKED = (["spherical_transfer"], ["beeline/toy/all", "dream4/other"])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Let beeline/toy be served from dream4/other; what the method was called with."""
    calls: list[dict[str, object]] = []

    def draw(adata: "AnnData", tfs: list[str], *, seed: int, **told: object) -> Scores:
        calls.append({"cells": adata.n_obs, "seed": seed, **told})
        return Scores(None, np.random.default_rng(seed).random((len(tfs), adata.n_vars)))

    fake = replace(METHODS["spherical_transfer"], function=draw)
    monkeypatch.setattr(grid, "METHODS", {**METHODS, "spherical_transfer": fake})
    monkeypatch.setitem(grid.SOURCES, "beeline/toy", "dream4/other")
    return calls


def test_a_transfer_is_given_the_other_cells_and_their_tfs(
    bench: Bench, told: list[dict[str, object]], small: "AnnData", library: Path
) -> None:
    outcome = bench(*ASKED)
    assert not outcome.failures
    other = grn.preprocess(anndata.read_h5ad(library / "dream4/other/expression.h5ad"))
    assert [(call["cells"], call["seed"]) for call in told] == [(small.n_obs, 0), (small.n_obs, 1)]
    for call in told:
        assert other.n_obs < small.n_obs
        np.testing.assert_array_equal(call["source"].X.toarray(), other.X.toarray())
        assert call["source_tfs"] == tfs_of(small)


def test_the_table_says_from_which_data_set(bench: Bench, told: list[dict[str, object]]) -> None:
    results = bench(*ASKED).results
    moved = results[results["method"] == "spherical_transfer"]
    assert set(moved["dataset"]) == {"beeline/toy"}
    assert set(moved["trained_on"]) == {"dream4/other"}
    assert set(moved["kind"]) == {"method"}
    others = results[results["method"] != "spherical_transfer"]
    assert set(others["dataset"]) == {"beeline/toy", "dream4/other"}
    assert (others["trained_on"] == others["dataset"]).all()


def test_other_cells_there_are_another_prediction(
    bench: Bench, told: list[dict[str, object]], library: Path
) -> None:
    alone = (ASKED[0], ASKED[1][:1])
    assert bench(*alone).n_run == 2 + 4 + 2  # two seeds, its two starts as well; two controls
    assert bench(*alone).n_run == 0
    file = library / "dream4/other/expression.h5ad"
    anndata.read_h5ad(file)[:-1].copy().write_h5ad(file)
    assert bench(*alone).n_run == 2
    (library / "dream4/other/tfs.txt").write_text("\n".join(told[0]["source_tfs"][:3]) + "\n")
    assert bench(*alone).n_run == 2
    # Its networks have no part in it.
    (library / "dream4/other/edges_gold.csv").write_text("source,target\nX,Y\n")
    assert bench(*alone).n_run == 0
    assert bench(*alone, spherical_transfer={"overrides": ["seed=1"]}).n_run == 2


def test_where_the_other_cells_cannot_be_read_the_rest_is_run(
    bench: Bench, told: list[dict[str, object]], library: Path
) -> None:
    (library / "dream4/other/expression.h5ad").write_bytes(b"broken")
    outcome = bench(ASKED[0], ASKED[1][:1])
    assert [one.what for one in outcome.failures] == [
        "spherical_transfer from dream4/other to beeline/toy"
    ]
    assert told == []
    assert outcome.n_run == 4 + 2
    assert "untrained" in set(outcome.results["method"])
