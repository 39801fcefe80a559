"""What an offline run on a small demo leaves, as wandb's own reader prints it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from grn.config import compose_config
from grn.runs.inputs import Found
from grn.runs.run import run
from grn.runs.tracking import log_result
from grn.runs.tracking.begin import RUN_ID
from grn.runs.tracking.pictures import NAME
from grn.runs.tracking.result import _test_curves
from tests.helpers import FAST

SIZE = ("+data.source.n_tfs=4", "+data.source.n_targets=12", "+data.source.n_cells=60")
Records = list[dict[str, Any]]


def read_log(run_folder: Path) -> Records:
    (log,) = run_folder.glob("wandb/offline-run-*/*.wandb")
    wandb = Path(sys.executable).with_name("wandb")
    printed = subprocess.run(
        [wandb, "leet", "inspect", "--json", log], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in printed.stdout.splitlines()]


def of(records: Records, *kinds: str) -> str:
    return json.dumps([r for r in records if r["type"] in kinds])


@pytest.fixture(scope="module")
def quiet_wandb() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_SILENT", "true")
        patch.setenv("WANDB__DISABLE_STATS", "true")
        patch.setenv("WANDB_CONSOLE", "off")
        # Lightning sets it for good; here it is put back.
        patch.setenv("WANDB_MODE", "offline")
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, quiet_wandb: None) -> Path:
    path = tmp_path_factory.mktemp("tracked") / "run"
    steps = (
        "trainer.max_steps=24", "trainer.val_check_interval=4", "trainer.log_every_n_steps=1",
        "optimizer.lr=1e-4",
    )  # fmt: skip
    run(compose_config(["paths=folder", f"paths.run='{path}'", *FAST, *SIZE, *steps]))
    return path


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return read_log(folder)


@pytest.fixture(scope="module")
def history(records: Records) -> pd.DataFrame:
    return pd.DataFrame([r["history"]["item"] for r in records if r["type"] == "history"])


def test_losses_are_in_the_history(history: pd.DataFrame) -> None:
    losses = history.dropna(subset="train/loss")
    assert len(losses) >= 20
    assert losses["trainer/global_step"].is_monotonic_increasing
    assert (losses["train/loss"] > 0).all()
    assert history["val/loss"].notna().sum() >= 5


def test_learning_rate_and_gradient_norm_are_in_the_history(history: pd.DataFrame) -> None:
    rates = history["train/learning_rate"].dropna()
    assert rates.iloc[0] == pytest.approx(1e-4)
    assert rates.is_monotonic_decreasing
    assert rates.iloc[-1] < 1e-6 < rates.iloc[0]
    norms = history["train/gradient_norm"].dropna()
    assert len(norms) == len(rates) >= 20
    assert (norms > 0).all()


def test_r2_is_in_the_history_beside_lines_of_its_baselines(history: pd.DataFrame) -> None:
    judged = history.dropna(subset="val/r2")
    assert judged["trainer/global_step"].nunique() >= 5
    for name in ("mean", "ridge", "start"):
        line = history.dropna(subset=f"val/r2_{name}")
        assert line["trainer/global_step"].agg(["min", "max"]).tolist() == [0, 24]
        assert line[f"val/r2_{name}"].nunique() == 1


def test_final_numbers_and_their_controls_are_in_the_summary(records: Records) -> None:
    summary = of(records, "summary")
    for name in ("r2", "mean", "ridge", "start"):
        assert f"prediction/{name}" in summary
    for name in ("final/auprc_ratio", "control/random/auprc_ratio", "control/pearson/auroc"):
        assert name in summary
    assert "run/n_edges" in summary


def test_config_name_and_job_type_are_kept(records: Records) -> None:
    (begun,) = (r["run"] for r in records if r["type"] == "run")
    assert begun["display_name"] == "simulated/0 seed 0"
    assert begun["job_type"] == "train"
    text = of(records, "config", "run")
    for name in ("val_check_interval", "least_noise", "fingerprint", "n_regulators"):
        assert name in text


def test_tables_and_pictures_are_kept(records: Records, folder: Path) -> None:
    logged: dict[str, Any] = {}
    for record in records:
        if record["type"] == "history":
            logged |= record["history"]["item"]
    assert logged["edges.nrows"] == 4 * 16 - 4
    assert logged["edges.ncols"] >= 4
    assert logged["evaluation.nrows"] > 5
    assert logged["attention._type"] == "image-file"
    assert min(logged["attention.width"], logged["attention.height"]) > 300
    assert logged["precision_recall_picture._type"] == "image-file"
    assert logged["row_norm._type"] == "histogram"
    tables = {name for name in logged if "_table" in name}
    for name in ("precision_recall", "evaluation/auprc_ratio", "evaluation/auroc"):
        assert any(table.startswith(name) for table in tables), tables
    (curves,) = folder.glob("wandb/offline-run-*/files/media/table/precision_recall_*.json")
    methods = {row[0] for row in json.loads(curves.read_text())["data"]}
    assert {"edges", "random", "pearson"} <= methods


def test_attention_is_drawn_over_steps(history: pd.DataFrame) -> None:
    drawn = history.dropna(subset=f"{NAME}._type")
    assert drawn[f"{NAME}._type"].unique().tolist() == ["image-file"]
    assert drawn["trainer/global_step"].tolist() == [4, 8, 12, 16, 20, 24]
    assert drawn[f"{NAME}.sha256"].nunique() > 1  # training changes it


def test_artifacts_lead_from_cells_to_run_to_edges(records: Records) -> None:
    artifacts = {r["artifact"]["type"]: r["artifact"] for r in records if r["type"] == "artifact"}
    assert set(artifacts) >= {"dataset", "edge-list", "model"}
    used = {kind: bool(a.get("use_after_commit")) for kind, a in artifacts.items()}
    assert used["dataset"]
    assert not used["edge-list"]
    assert not used["model"]
    files = json.dumps(artifacts["model"]) + json.dumps(artifacts["edge-list"])
    assert "best.ckpt" in files
    assert "edges.tsv" in files
    assert "fingerprint" in json.dumps(artifacts["dataset"])


def test_a_run_that_is_not_trained_is_recorded_and_goes_on_with_its_identity(
    tmp_path: Path, quiet_wandb: None
) -> None:
    path = tmp_path / "run"
    (path / RUN_ID).parent.mkdir(parents=True)
    (path / RUN_ID).write_text("earlier1\n")
    settings = ["paths=folder", f"paths.run='{path}'", *FAST, *SIZE, "logger=none", "logger=wandb"]
    run(compose_config(settings), train=False)
    found = read_log(path)
    assert next(path.glob("wandb/offline-run-*")).name.endswith("earlier1")
    text = of(found, "run", "summary", "artifact")
    assert '"infer"' in text
    assert "network.ckpt" in text
    assert "final/auprc_ratio" in text


def test_other_loggers_keep_the_curves_and_the_final_numbers(tmp_path: Path) -> None:
    settings = ["paths=folder", f"paths.run='{tmp_path}'", *FAST, *SIZE, "logger=csv"]
    run(compose_config([*settings, "trainer.log_every_n_steps=1", "callbacks=none"]))
    table = pd.read_csv(tmp_path / "csv/version_0/metrics.csv")
    assert table["train/learning_rate"].notna().sum() == 8
    assert table["val/r2"].notna().sum() == 2
    assert table["val/r2_ridge"].nunique() == 1
    last = table.dropna(subset="final/auprc_ratio")
    assert last["step"].tolist() == [8]
    assert last["control/random/auprc_ratio"].notna().all()


def test_what_is_no_logger_is_left_alone(tmp_path: Path) -> None:
    nothing: Any = None
    for other in (object(), False):
        log_result(other, Found(pd.DataFrame(), None), nothing, tmp_path)
    assert not list(tmp_path.iterdir())


def test_curves_of_a_supervised_run_are_those_of_its_test_part() -> None:
    edges = pd.DataFrame(
        {
            "source": list("AAAAB"),
            "target": list("BCDEC"),
            "importance": [5.0, 4.0, 3.0, 2.0, 1.0],
            "part": ["training", "test", "test", "test", "none"],
        }
    )
    truth = pd.DataFrame({"source": list("AAB"), "target": list("BDC")})
    curves = _test_curves(edges, truth).set_index("method")
    # C, D and E are ranked in this order, and D alone is true.
    assert curves.loc["edges", "recall"].tolist() == [0, 1, 1]
    assert curves.loc["edges", "precision"].tolist() == pytest.approx([0, 1 / 2, 1 / 3])
    assert curves.loc["random", "precision"].tolist() == pytest.approx([1 / 3, 1 / 3])
