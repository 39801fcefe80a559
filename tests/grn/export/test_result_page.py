import re
import shutil
import subprocess
from pathlib import Path

import anndata
import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import edge_table
from grn.export import write_edges, write_network, write_regulons
from grn.export.result_page import update_result_page, write_result_page

GENES = [f"g{number}" for number in range(13)]


@pytest.fixture
def edges() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    weight = generator.normal(size=(7, 13))
    columns = {"row_norm": np.abs(weight).sum(axis=0), "fdr": np.linspace(0, 1, 91).reshape(7, 13)}
    return edge_table(weight, np.abs(weight), GENES[:7], GENES, **columns)


@pytest.fixture
def run(edges: pd.DataFrame, tmp_path: Path) -> Path:
    """A folder with a network and its cells."""
    values = np.random.default_rng(1).normal(size=(23, 13)).astype(np.float32)
    adata = anndata.AnnData(values, var=pd.DataFrame(index=GENES))
    write_network(edges, adata, tmp_path / "network.h5ad", {})
    write_regulons(edges, tmp_path / "regulons.gmt")
    write_result_page(tmp_path, edges)
    write_edges(edges, tmp_path / "edges.tsv")
    return tmp_path


def page(folder: Path) -> str:
    return (folder / "RESULT.md").read_text(encoding="utf-8")


def code(folder: Path, language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", page(folder), flags=re.DOTALL)
    assert found is not None
    return found[1]


def test_files_that_are_there_and_columns_of_the_table_are_explained(
    run: Path, edges: pd.DataFrame
) -> None:
    files, columns = re.findall(r"\n## \w+.*?(?=\n## )", page(run), flags=re.DOTALL)[:2]
    assert set(re.findall(r"^\| `(.+?)`", files, flags=re.MULTILINE)) == {
        *("edges.tsv", "network.h5ad", "regulons.gmt")
    }
    assert "report.html" not in page(run)
    write_result_page(run, edges, report=True)
    assert "| `report.html` |" in page(run)
    assert re.findall(r"^\| `(.+?)`", columns, flags=re.MULTILINE) == edges.columns.tolist()


def test_the_activity_is_listed_once_it_is_written(run: Path, edges: pd.DataFrame) -> None:
    (run / "edges_by_group.tsv").touch()
    write_result_page(run, edges, report=True)
    assert "activity.tsv" not in page(run)
    (run / "report.html").touch()
    before = page(run)
    update_result_page(run)
    assert page(run) == before
    (run / "activity.tsv").touch()
    update_result_page(run)
    lines = page(run).splitlines()
    (added,) = [line for line in lines if line not in before.splitlines()]
    assert added.startswith("| `activity.tsv` | which regulators are active")
    assert "\n".join(line for line in lines if line != added) + "\n" == before


def test_a_page_that_is_not_ours_stays_as_it_is(tmp_path: Path) -> None:
    update_result_page(tmp_path)
    assert not (tmp_path / "RESULT.md").exists()
    (tmp_path / "RESULT.md").write_text("# Mine\n\n## Files\n")
    update_result_page(tmp_path)
    assert page(tmp_path) == "# Mine\n\n## Files\n"


def test_cuts_are_counted_in_this_network(edges: pd.DataFrame, tmp_path: Path) -> None:
    write_result_page(tmp_path, edges, top=5)
    said = page(tmp_path)
    assert "7 regulators × 13 genes give 84 possible edges" in said
    assert "holds the 5 best of them" in said
    assert f"By importance: {(edges['importance'] >= 0.5).sum()} edges" in said
    assert f"By FDR: {(edges['fdr'] < 0.05).sum()} edges" in said
    assert "the 8 best" in said  # a tenth of the pairs
    assert "By stability" not in said


def test_a_supervised_list_claims_no_sign(edges: pd.DataFrame, tmp_path: Path) -> None:
    write_result_page(tmp_path, edges, regime="supervised")
    said = page(tmp_path)
    assert "| `weight` | log odds" in said
    assert "By importance" not in said
    write_result_page(tmp_path, edges, regime="prior-guided")
    assert "raised for the edges of the prior" in page(tmp_path)


def test_the_lines_of_python_run_in_the_folder(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("decoupler")
    monkeypatch.chdir(run)
    names: dict[str, anndata.AnnData] = {}
    exec(code(run, "python"), names)
    activity = names["adata"].obsm["score_ulm"]
    assert activity.shape == (23, 7)
    assert np.isfinite(activity.to_numpy()).all()


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_the_lines_of_r_run_in_the_folder(run: Path) -> None:
    counted = 'cat(nrow(best), length(regulons[["g0(-)"]]))\n'
    (run / "read.R").write_text(code(run, "r") + counted)
    done = subprocess.run(["Rscript", "read.R"], cwd=run, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    edges = pd.read_csv(run / "edges.tsv", sep="\t")
    repressed = (edges["source"] == "g0") & (edges["weight"] < 0)
    assert done.stdout.split()[-2:] == ["84", str(repressed.sum())]
