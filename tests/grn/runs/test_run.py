import gc
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import anndata
import numpy as np
import pandas as pd
import pytest
import torch
from omegaconf import OmegaConf

from grn.errors import InputError
from grn.runs.run import run
from tests.helpers import file_config, write_inputs, written

if TYPE_CHECKING:
    from anndata import AnnData

FOLDER = {
    "RESULT.md",
    "adjacencies.tsv",
    "checkpoints",
    "checkpoints/best.ckpt",
    "checkpoints/last.ckpt",
    "config.yaml",
    "edges.tsv",
    "metrics.json",
    "network.graphml",
    "network.h5ad",
    "regulons.gmt",
    "run.jsonl",
}


def with_truth(files: dict[str, Path]) -> str:
    return f"data.truth='{files['truth']}'"


def bytes_of(folder: Path, files: dict[str, Path], *overrides: str, train: bool = True) -> bytes:
    run(file_config(folder, files, *overrides), train=train)
    return (folder / "edges.tsv").read_bytes()


def test_run_folder_is_complete(tmp_path: Path, files: dict[str, Path]) -> None:
    folder = tmp_path / "run"
    result = run(file_config(folder, files, with_truth(files)))
    assert result.folder == folder
    assert written(folder) == FOLDER
    page = (folder / "RESULT.md").read_text(encoding="utf-8")
    for name in FOLDER - {"RESULT.md"}:
        assert f"| `{name.partition('/')[0]}` |" in page, name
    edges = pd.read_csv(folder / "edges.tsv", sep="\t")
    assert edges.columns.tolist()[:4] == ["source", "target", "weight", "importance"]
    assert edges[["source", "target"]].equals(result.edges[["source", "target"]])
    np.testing.assert_allclose(edges["weight"], result.edges["weight"], rtol=1e-5)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert result.metrics is not None
    assert metrics["evaluation"]["auprc"] == pytest.approx(result.metrics.loc["edges", "auprc"])
    assert {"random", "untrained", "closed_form", "pearson"} <= set(
        metrics["evaluation"]["controls"]
    )
    assert metrics["steps"] == 8
    assert metrics["seed"] == 0
    assert set(metrics["prediction"]) == {"r2", "mean", "ridge", "start"}
    assert metrics["prediction"]["mean"] == 0
    assert metrics["belief"]["dominance"] > 0
    assert len(metrics["transformer"]["sha256"]) == 12
    network = anndata.read_h5ad(folder / "network.h5ad")
    assert network.varp["grn"].shape == (16, 16)
    assert network.uns["grn"]["belief"] == pytest.approx(metrics["belief"])
    assert network.uns["grn"]["transformer"] == metrics["transformer"]
    stored = torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["network"]
    assert stored["belief"] == metrics["belief"]
    assert stored["scores"].dtype == torch.float32
    strongest = result.edges.iloc[0]
    at = network.var_names.get_indexer([strongest["source"], strongest["target"]])
    assert network.varp["grn"][*at] == pytest.approx(strongest["weight"])


def test_every_pair_of_a_varying_gene_is_listed(
    tmp_path: Path,
    small: "AnnData",
    caplog: pytest.LogCaptureFixture,
) -> None:
    cells = small.copy()
    cells.X = cells.X.toarray()
    cells.X[:, [7, 9]] = [0, 3]
    files = write_inputs(cells, tmp_path / "constant")
    with caplog.at_level("WARNING", logger="grn"):
        edges = run(file_config(tmp_path / "run", files)).edges
    n_tfs, n_genes = 4, 16 - 2
    assert len(edges) == n_tfs * n_genes - n_tfs
    assert not edges.duplicated(["source", "target"]).any()
    assert set(edges["target"]) == set(np.delete(cells.var_names, [7, 9]))
    assert "dropped 2 gene(s) with the same value" in caplog.text


def test_same_bytes_whether_a_truth_is_known_or_not(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    without = bytes_of(tmp_path / "without", files)
    assert bytes_of(tmp_path / "with", files, with_truth(files)) == without
    # Nor does it matter what the truth says.
    truth = pd.read_csv(files["truth"])
    truth.sample(5, random_state=0).to_csv(files["truth"], index=False)
    assert bytes_of(tmp_path / "other", files, with_truth(files)) == without


def test_cells_on_disk_give_the_same_bytes_and_controls(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.expression._VALUES_PER_BLOCK", 200)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    results = {
        on_disk: run(
            file_config(tmp_path / on_disk, files, with_truth(files), f"data.on_disk={on_disk}")
        )
        for on_disk in ("true", "false")
    }
    tables = [(tmp_path / name / "edges.tsv").read_bytes() for name in results]
    assert tables[0] == tables[1]
    metrics = [result.metrics for result in results.values()]
    pd.testing.assert_frame_equal(*metrics, check_exact=True)
    recorded = [OmegaConf.load(tmp_path / name / "config.yaml") for name in results]
    assert recorded[0].cells == recorded[1].cells
    assert anndata.read_h5ad(tmp_path / "true" / "network.h5ad").X is None
    gc.collect()
    assert list(scratch.iterdir()) == []


def test_config_yaml_alone_gives_the_same_bytes_again(tmp_path: Path, small: "AnnData") -> None:
    cells = small.copy()
    cells.obs["state"] = ["HSC"] * 45 + ["B"] * 15
    files = write_inputs(cells, tmp_path / "states")
    settings = ("state_key=state", "cells_per_state=12", "min_cells=2", "n_top_genes=6")
    overrides = [f"preprocess.{setting}" for setting in settings]
    first = bytes_of(tmp_path / "first", files, *overrides)
    written_down = OmegaConf.load(tmp_path / "first" / "config.yaml")
    del written_down["cells"]
    written_down.paths.run = str(tmp_path / "again")
    run(written_down)
    assert (tmp_path / "again" / "edges.tsv").read_bytes() == first
    steps = json.loads((tmp_path / "first" / "metrics.json").read_text())["preprocessing"]["steps"]
    assert steps["states"]["removed_cells"] == 60 - 2 * 12
    assert set(pd.read_csv(tmp_path / "first" / "edges.tsv", sep="\t")["source"]) == {
        f"TF0{i}" for i in range(1, 5)
    }
    assert bytes_of(tmp_path / "other", files, *overrides, "preprocess.seed=1") != first


def test_without_a_truth_nothing_is_judged(tmp_path: Path, files: dict[str, Path]) -> None:
    result = run(file_config(tmp_path / "run", files))
    assert result.metrics is None
    assert json.loads((tmp_path / "run/metrics.json").read_text())["evaluation"] is None


def test_a_result_is_replaced_only_when_asked(tmp_path: Path, files: dict[str, Path]) -> None:
    folder = tmp_path / "run"
    first = bytes_of(folder, files)
    with pytest.raises(InputError, match="already holds a result"):
        run(file_config(folder, files, "model.max_cells=30"))
    assert (folder / "edges.tsv").read_bytes() == first
    assert bytes_of(folder, files, "model.max_cells=30", "overwrite=true") != first
    assert written(folder) == FOLDER


@pytest.mark.parametrize(
    "mistake",
    [
        "trainer.val_check_interval=9",
        "data.loader.minibatch_size=0",
        "objective.least_noise=-1",
        "model.max_cells=1",
        "model.predictor.n_channels=1",
        "optimizer.lr=-1",
        "trainer.accelerator=abacus",
    ],
)
def test_a_setting_out_of_range_leaves_nothing_behind(
    tmp_path: Path, files: dict[str, Path], mistake: str
) -> None:
    name = mistake.partition("=")[0].rpartition(".")[2]
    with pytest.raises(InputError, match=name):
        run(file_config(tmp_path / "run", files, mistake))
    assert not (tmp_path / "run").exists()


def test_truth_without_a_known_gene_is_refused_before_training(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    files["truth"].write_text("source,target\nSOX2,NANOG\nSOX2,KLF4\n")
    with pytest.raises(InputError, match=r"No TF of the truth occurs.*SOX2"):
        run(file_config(tmp_path / "run", files, with_truth(files)))
    assert not (tmp_path / "run").exists()


def test_edges_come_last_so_that_their_presence_means_complete(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        msg = "disk full"
        raise InputError(msg)

    monkeypatch.setattr("grn.runs.run.write_graphml", fail)
    with pytest.raises(InputError, match="disk full"):
        run(file_config(tmp_path / "run", files))
    assert "edges.tsv" not in written(tmp_path / "run")
