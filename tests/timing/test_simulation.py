import importlib
from pathlib import Path
from types import ModuleType

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.simulation.models import RANDOM, model_names

BOOLEAN = [name for name in model_names() if name != RANDOM]


@pytest.fixture
def script() -> ModuleType:
    return importlib.import_module("simulation")


@pytest.mark.data
@pytest.mark.parametrize("model", BOOLEAN)
def test_cells_agree_with_boolode(model: str, script: ModuleType, shared_data: Path) -> None:
    cells = script.simulate_model(model, n_cells=1000, seed=11)
    real = script.real_run(model, 0, shared_data)
    found = script.agreement(cells, real, cells.uns["truth"])
    assert found.close_means >= 0.85
    assert found.largest_difference < 0.2
    assert found.same_signs >= 0.95
    assert found.n_strong >= 4
    assert found.correlation_difference < 0.08


def test_agreement_by_hand(script: ModuleType) -> None:
    rising, falling = np.arange(5.0), np.arange(5.0)[::-1]
    genes = ["a", "b", "c"]
    real = anndata.AnnData(
        np.stack([rising, rising, falling], axis=1), var=pd.DataFrame(index=genes)
    )
    ours = anndata.AnnData(
        np.stack([rising, rising + 0.05, rising + 3], axis=1), var=pd.DataFrame(index=genes)
    )
    truth = pd.DataFrame({"source": ["a", "a", "a"], "target": ["b", "c", "a"]})
    found = script.agreement(ours, real[:, ["c", "b", "a"]], truth)
    assert found.close_means == pytest.approx(2 / 3)
    assert found.largest_difference == pytest.approx(3)
    # The self-loop does not count; a–b agrees, a–c does not.
    assert (found.same_signs, found.n_strong) == (0.5, 2)
    assert found.correlation_difference == pytest.approx((0 + 2 + 2) / 3)


@pytest.mark.data
def test_table_and_picture(
    script: ModuleType,
    shared_data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRN_DATA", str(shared_data))
    monkeypatch.setattr("sys.argv", ["simulation.py", "--seeds", "1", "--models", "mCAD"])
    script.main()
    head, _, row = capsys.readouterr().out.splitlines()
    assert head.count("|") == row.count("|") == 11
    assert "mCAD" in row
    assert "1.00 of 13" in row
    script.picture("mCAD", shared_data, tmp_path / "mCAD.png")
    assert (tmp_path / "mCAD.png").stat().st_size > 5000
