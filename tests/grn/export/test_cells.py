from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grn.data.reading.read import read_cells
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.export import cells as module
from grn.export.cells import check_free, write_simulation
from grn.simulation import simulate_contexts, simulate_model
from tests.helpers import written

FILES = {"cells.h5ad", "ExpressionData.csv", "PseudoTime.csv", "refNetwork.csv", "tfs.txt"}


def cells_of(
    values: np.ndarray, cells: list[str], genes: list[str], branch: int = 1
) -> anndata.AnnData:
    obs = pd.DataFrame({"time": np.arange(len(cells)) / 8, "branch": branch}, index=cells)
    truth = pd.DataFrame({"source": genes[:1], "target": genes[-1:], "sign": [-1]})
    var = pd.DataFrame({"is_tf": [True] + [False] * (len(genes) - 1)}, index=genes)
    return anndata.AnnData(values, obs, var, {"truth": truth})


# Letters of many scripts, what has to be quoted, numbers, and what stands for a missing value.
NAMES = st.text("aZé字ß,\"' |#=()-+.01eN", min_size=1, max_size=6).map(
    lambda text: text.strip() or "NA"
)
AMOUNTS = st.floats(0, 2.0**100, width=32)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    cells=st.lists(NAMES, min_size=2, max_size=6, unique=True),
    genes=st.lists(NAMES, min_size=2, max_size=5, unique=True),
    data=st.data(),
)
def test_what_is_written_comes_back(
    cells: list[str], genes: list[str], data: st.DataObject, tmp_path: Path
) -> None:
    shape = (len(cells), len(genes))
    values = data.draw(hnp.arrays(np.float32, shape, elements=AMOUNTS))
    written_cells = cells_of(values, cells, genes)
    write_simulation(written_cells, tmp_path / "out", overwrite=True)
    found = read_cells(tmp_path / "out")
    assert found.uns["grn_read"]["format"] == "BEELINE folder"
    np.testing.assert_array_equal(found.X, values)
    assert found.obs_names.tolist() == cells
    assert found.var_names.tolist() == genes
    np.testing.assert_array_equal(found.obs["PseudoTime"], written_cells.obs["time"])
    truth = read_truth(tmp_path / "out" / "refNetwork.csv")
    assert truth.to_numpy().tolist() == [[genes[0], genes[-1], -1]]
    whole = read_cells(tmp_path / "out" / "cells.h5ad")
    np.testing.assert_array_equal(whole.X, values)
    assert whole.var_names.tolist() == genes
    assert (tmp_path / "out" / "tfs.txt").read_text(encoding="utf-8") == genes[0] + "\n"


def test_the_layout_is_beelines(tmp_path: Path) -> None:
    adata = simulate_model("dyn-BF", n_cells=30)
    write_simulation(adata, tmp_path / "new" / "out")
    folder = tmp_path / "new" / "out"
    assert written(tmp_path / "new") == {"out", *(f"out/{name}" for name in FILES)}
    expression = pd.read_csv(folder / "ExpressionData.csv", index_col=0)
    assert expression.index.tolist() == adata.var_names.tolist()
    np.testing.assert_array_equal(expression.to_numpy(np.float32).T, adata.X)
    times = pd.read_csv(folder / "PseudoTime.csv", index_col=0)
    assert times.columns.tolist() == ["PseudoTime1", "PseudoTime2"]
    assert (times.notna().sum(axis=1) == 1).all()
    np.testing.assert_array_equal(times.min(axis=1), adata.obs["time"])
    assert (times["PseudoTime2"].notna() == (adata.obs["branch"] == 2)).all()
    edges = pd.read_csv(folder / "refNetwork.csv")
    assert edges.columns.tolist() == ["Gene1", "Gene2", "Type"]
    assert edges.iloc[0].tolist() == ["g4", "g1", "-"]
    assert len(edges) == 12


def test_groups_have_networks_of_their_own(tmp_path: Path) -> None:
    adata = simulate_contexts(sizes=(6, 4, 3), n_tfs=4, n_targets=7, differing=0.5)
    write_simulation(adata, tmp_path / "out")
    assert written(tmp_path / "out") == {*FILES, "refNetwork_by_group.csv"}
    by_group = pd.read_csv(tmp_path / "out/refNetwork_by_group.csv")
    assert by_group.columns.tolist() == ["Group", "Gene1", "Gene2", "Type"]
    signs = by_group["Type"].map({"+": 1, "-": -1})
    assert by_group.assign(Type=signs).to_numpy().tolist() == adata.uns["truth"].values.tolist()
    either = pd.read_csv(tmp_path / "out/refNetwork.csv")
    pairs = ["Gene1", "Gene2", "Type"]
    assert set(map(tuple, either[pairs].to_numpy())) == set(map(tuple, by_group[pairs].to_numpy()))
    assert not either.duplicated(["Gene1", "Gene2"]).any()
    assert read_cells(tmp_path / "out").shape == adata.shape
    again = read_cells(tmp_path / "out/cells.h5ad")
    assert again.obs["group"].tolist() == adata.obs["group"].tolist()


def test_files_of_a_result_that_is_replaced_do_not_stay(tmp_path: Path) -> None:
    write_simulation(simulate_contexts(sizes=(3, 2), n_tfs=3, n_targets=4), tmp_path / "out")
    second = cells_of(np.ones((2, 2)), ["a", "b"], ["x", "y"])
    write_simulation(second, tmp_path / "out", overwrite=True)
    assert written(tmp_path / "out") == FILES


def test_an_existing_result_stays_unless_it_may_be_replaced(tmp_path: Path) -> None:
    first, second = (cells_of(np.full((2, 2), value), ["a", "b"], ["x", "y"]) for value in (1, 2))
    check_free(tmp_path / "out")
    write_simulation(first, tmp_path / "out")
    (tmp_path / "out" / "notes.md").write_text("mine")
    with pytest.raises(InputError, match=r"already holds cells\.h5ad.* replace it with --overw"):
        write_simulation(second, tmp_path / "out")
    assert read_cells(tmp_path / "out").X.max() == 1
    write_simulation(second, tmp_path / "out", overwrite=True)
    assert read_cells(tmp_path / "out").X.max() == 2
    assert written(tmp_path) == {"out", "out/notes.md", *(f"out/{name}" for name in FILES)}


def test_a_write_that_fails_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    adata = cells_of(np.ones((2, 2)), ["a", "b"], ["x", "y"])

    def fail(*_: object) -> None:
        msg = "disk full"
        raise OSError(msg)

    monkeypatch.setattr(module, "_write_expression", fail)
    with pytest.raises(InputError, match=r"out: cannot be written \(disk full\)"):
        write_simulation(adata, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", " x", "x ", "a\tb", "a\nb", "a;b"])
def test_names_that_would_not_come_back_are_refused(name: str, tmp_path: Path) -> None:
    for names in ((["a", "b"], ["x", name]), ([name, "b"], ["x", "y"])):
        with pytest.raises(InputError, match="would not come back"):
            write_simulation(cells_of(np.ones((2, 2)), *names), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
