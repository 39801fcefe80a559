"""The activity of a run: what is written, and what is refused."""

import json
from pathlib import Path

import anndata
import pandas as pd
import pytest

import grn
from grn.errors import InputError
from grn.export import write_edges
from grn.report import ACTIVITY, write_report
from grn.tools.of_run import write_activity


@pytest.fixture
def folder(tmp_path: Path, small: anndata.AnnData) -> Path:
    """A run folder of simulated cells, with a network drawn from their truth."""
    truth = small.uns["truth"]
    edges = truth.assign(weight=truth["sign"].astype(float))[["source", "target", "weight"]]
    write_edges(grn.read_edges(edges), tmp_path / "edges.tsv")
    cells = grn.preprocess(small)
    del cells.uns["truth"]
    cells.write_h5ad(tmp_path / "network.h5ad")
    (tmp_path / "metrics.json").write_text(json.dumps({"groupby": "lineage"}))
    return tmp_path


def test_it_is_the_table_of_rank_regulators(folder: Path) -> None:
    pytest.importorskip("decoupler")
    (folder / "RESULT.md").write_text("# Result\n\n## Files\n\n## Columns of edges.tsv\n")
    found = pd.read_csv(write_activity(folder), sep="\t")
    cells, edges = anndata.read_h5ad(folder / "network.h5ad"), grn.read_edges(folder / "edges.tsv")
    grn.tl.activity(cells, edges)
    expected = grn.tl.rank_regulators(cells, edges, "lineage")
    assert found["groupby"].unique().tolist() == ["lineage"]
    assert found["source"].tolist() == expected["source"].tolist()
    assert found["group"].astype(str).tolist() == expected["group"].tolist()
    assert found["effect"].to_numpy() == pytest.approx(expected["effect"].to_numpy(), rel=1e-4)
    assert "| `activity.tsv` |" in (folder / "RESULT.md").read_text(encoding="utf-8")
    page = write_report(folder).read_text(encoding="utf-8")
    assert "Activity of regulators, by lineage" in page
    assert page.count('src="data:image/png') == 2


def test_a_column_is_needed_and_expression_and_a_run(folder: Path) -> None:
    pytest.importorskip("decoupler")
    (folder / "metrics.json").write_text("{}")
    with pytest.raises(InputError, match=r"no groups of cells.*--activity KEY"):
        write_activity(folder)
    with pytest.raises(InputError, match="clusters"):
        write_activity(folder, "clusters")
    assert not (folder / ACTIVITY).exists()
    cells = anndata.read_h5ad(folder / "network.h5ad")
    cells.X = None
    cells.write_h5ad(folder / "network.h5ad")
    with pytest.raises(InputError, match="holds no expression, because"):
        write_activity(folder, "lineage")
    (folder / "network.h5ad").unlink()
    with pytest.raises(InputError, match=r"holds no network\.h5ad"):
        write_activity(folder, "lineage")
