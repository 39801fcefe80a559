from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from grn.benchmark import cache
from grn.benchmark.cache import Prediction, Predictions, load_prediction, save_prediction
from tests.helpers import tfs_of, written

if TYPE_CHECKING:
    from anndata import AnnData


@pytest.mark.parametrize("signed", [True, False])
def test_a_prediction_comes_back_as_it_was(signed: bool, tmp_path: Path) -> None:
    weight = np.array([[0.1, -2.0, 3.5]], np.float32)
    path = tmp_path / "made/x.npz"
    assert load_prediction(path) is None
    save_prediction(path, Prediction(weight if signed else None, np.abs(weight), 1.25))
    again = load_prediction(path)
    assert again is not None
    assert again.seconds == 1.25
    np.testing.assert_array_equal(again.importance, np.abs(weight))
    assert again.importance.dtype == np.float32
    assert (again.weight is not None) == signed
    if signed:
        np.testing.assert_array_equal(again.weight, weight)


def test_a_prediction_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut_short(file, **arrays):
        file.write(b"PK half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(cache.np, "savez", cut_short)
    with pytest.raises(KeyboardInterrupt):
        save_prediction(tmp_path / "x.npz", Prediction(None, np.ones((1, 3)), 0.0))
    assert written(tmp_path) == set()


def test_everything_that_decides_a_prediction_changes_its_place(
    tmp_path: Path, small: "AnnData", monkeypatch: pytest.MonkeyPatch
) -> None:
    tfs = tfs_of(small)
    other_cells = small.copy()
    other_cells.X[0, 0] += 1
    here = Predictions(tmp_path, small, tfs)
    first = here.path("pearson", "v1", {}, 0)
    assert first == Predictions(tmp_path, small.copy(), list(tfs)).path("pearson", "v1", {}, 0)
    assert first.parent == tmp_path
    assert first.name.startswith("pearson-")
    places = [
        here.path("pearson", "v1", {}, 1),
        here.path("pearson", "v1", {}, None),
        here.path("pearson", "v1", {"ridge": 2}, 0),
        here.path("spearman", "v1", {}, 0),
        here.path("pearson", "v2", {}, 0),
        here.path("pearson", "v1", {}, 0, "these edges"),
        here.path("pearson", "v1", {}, 0, "those edges"),
        Predictions(tmp_path, other_cells, tfs).path("pearson", "v1", {}, 0),
        Predictions(tmp_path, small[:, ::-1], tfs).path("pearson", "v1", {}, 0),
        Predictions(tmp_path, small, tfs[:3]).path("pearson", "v1", {}, 0),
    ]
    assert len({first, *places}) == 11
