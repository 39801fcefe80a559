from typing import TYPE_CHECKING, Any

import pytest

from grn.data.preprocessing.preprocess import preprocess
from grn.errors import InputError
from grn.runs.halves import compare_halves
from grn.runs.held_out import FinishedRun
from tests.helpers import tfs_of

if TYPE_CHECKING:
    from pathlib import Path

    from anndata import AnnData

    from grn.interventions import Interventions


@pytest.fixture(autouse=True)
def two_splits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare fewer halves, which take less time."""
    monkeypatch.setattr("grn.inference.halves._SPLITS", 2)


def finished(folder: "Path", **settings: Any) -> FinishedRun:
    return FinishedRun(folder, folder, settings, None, None)


def test_the_settings_of_the_run_are_used(small: "AnnData", tmp_path: "Path") -> None:
    adata, tfs = preprocess(small), [*tfs_of(small), "absent"]
    default = compare_halves(adata, tfs)
    assert default["k"].iloc[0] == 6
    fewer = finished(tmp_path, model={"max_cells": 20})
    assert not compare_halves(adata, tfs, fewer).equals(default)
    (tmp_path / "names.csv").write_text("alias,name\nboss,TF01\n", encoding="utf-8")
    (tmp_path / "motifs.csv").write_text("motif,target\nboss,TF02\nboss,TF03\n", encoding="utf-8")
    named = {"aliases": str(tmp_path / "names.csv")}
    guided = finished(tmp_path, prior=str(tmp_path / "motifs.csv"), data=named)
    assert not compare_halves(adata, tfs, guided).equals(default)
    with pytest.raises(InputError, match=r"model\.max_cells is 1"):
        compare_halves(adata, tfs, finished(tmp_path, model={"max_cells": 1}))


def test_a_supervised_run_and_one_of_another_version_are_refused(
    small: "AnnData", tmp_path: "Path"
) -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    with pytest.raises(InputError, match="supervised"):
        compare_halves(adata, tfs, finished(tmp_path, split={"fold": 0}))
    with pytest.raises(InputError, match="another version of grn"):
        compare_halves(adata, tfs, finished(tmp_path, model={"profiles": 3}))


def test_halves_of_a_screen_are_told_of_its_perturbations(
    screen: "AnnData", tmp_path: "Path", told: "list[Interventions | None]"
) -> None:
    adata, tfs = preprocess(screen), tfs_of(screen)
    labels = {"perturbations": "guide", "perturbation_kind": "activation"}
    compare_halves(adata, tfs, finished(tmp_path, data={**labels, "groupby": "absent"}))
    assert len(told) == 4
    for half in told:
        assert half is not None
        assert len(half.group) == 30
        assert half.dose[:, :2].tolist() == [[0, 0], [1, 0], [1, 1]]
    told.clear()
    compare_halves(preprocess(screen), tfs, finished(tmp_path, data={}))
    assert told == [None] * 4
    screen.obs = screen.obs.drop(columns="guide")
    with pytest.raises(InputError, match="obs has no such column"):
        compare_halves(preprocess(screen), tfs, finished(tmp_path, data=labels))
