import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anndata
import pandas as pd
import pytest

from grn.errors import InputError
from tests.helpers import FAST, broken, changed, refuses, written

Cli = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[3]
METRICS = {
    "auprc",
    "auprc_ratio",
    "auroc",
    "early_precision_ratio",
    "per_tf_auroc",
    "sign_accuracy",
    "density",
    "n_candidates",
}


def test_help_and_version_load_neither_torch_nor_scanpy() -> None:
    program = (
        "import sys\n"
        "from grn.cli import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end\n"
        "heavy = {'torch', 'scanpy', 'pandas', 'hydra', 'lightning'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    for argument, expected in (("--help", "infer"), ("--version", "grn ")):
        done = subprocess.run(
            [sys.executable, "-c", program, argument],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.returncode == 0, done.stderr
        assert expected in done.stdout


def test_infer_writes_every_pair(infer: Cli, tmp_path: Path) -> None:
    code, out, err = infer("--threads", 1, "--device", "cpu")
    assert code == 0, err
    assert "out/edges.tsv" in out
    assert "Traceback" not in err
    edges = pd.read_csv(tmp_path / "out/edges.tsv", sep="\t")
    assert len(edges) == 4 * 16 - 4
    assert set(edges["source"]) == {"TF01", "TF02", "TF03", "TF04"}
    assert "wandb" not in written(tmp_path / "out")


def test_without_tfs_every_gene_is_a_candidate(infer: Cli, tmp_path: Path) -> None:
    assert infer(tfs=None)[0] == 0
    assert len(pd.read_csv(tmp_path / "out/edges.tsv", sep="\t")) == 16 * 15


def test_seed_and_settings_arrive(infer: Cli, tmp_path: Path) -> None:
    assert infer("--seed", 3, "--set", "optimizer.lr=0.01")[0] == 0
    record = (tmp_path / "out/config.yaml").read_text()
    assert "seed: 3" in record
    assert "lr: 0.01" in record


def test_confidence_adds_columns(infer: Cli, cli: Cli, tmp_path: Path) -> None:
    assert infer("--bootstraps", 2, "--permutations", 1)[0] == 0
    edges = pd.read_csv(tmp_path / "out/edges.tsv", sep="\t")
    added = ["stability", "p_value", "fdr"]
    assert edges.columns.tolist()[-3:] == added
    assert set(edges["stability"]) <= {0, 0.5, 1}
    assert edges["p_value"].between(0, 1, inclusive="right").all()
    expected = {"bootstraps": 2, "top_k": 6, "permutations": 1}
    assert json.loads((tmp_path / "out/metrics.json").read_text())["confidence"] == expected
    network = anndata.read_h5ad(tmp_path / "out/network.h5ad")
    assert network.uns["grn"]["confidence"] == expected
    first = edges.iloc[0]
    at = network.var_names.get_indexer([first["source"], first["target"]])
    for name in added:
        assert network.varp[f"grn_{name}"][*at] == pytest.approx(first[name], rel=1e-5)
    assert infer(output="plain")[0] == 0
    plain = pd.read_csv(tmp_path / "plain/edges.tsv", sep="\t")
    pd.testing.assert_frame_equal(edges[plain.columns], plain)
    assert edges.columns.drop(added).equals(plain.columns)
    assert json.loads((tmp_path / "plain/metrics.json").read_text())["confidence"] is None
    truth = "in/truth.csv"
    for name in ("out", "plain"):
        arguments = (f"{name}/edges.tsv", "--truth", truth, "--json", f"{name}.json")
        assert cli("evaluate", *arguments)[0] == 0
    assert (tmp_path / "out.json").read_text() == (tmp_path / "plain.json").read_text()


def test_only_the_best_edges_where_asked_for(infer: Cli, tmp_path: Path) -> None:
    assert infer("--top", 7)[0] == 0
    for name in ("edges.tsv", "adjacencies.tsv"):
        assert len(pd.read_csv(tmp_path / "out" / name, sep="\t")) == 7
    refuses(infer("--top", 0, output="none"), "top=0", "at least 1")


def test_confidence_that_cannot_be_is_refused_before_anything(infer: Cli, tmp_path: Path) -> None:
    refuses(infer("--bootstraps", -1), "confidence.bootstraps=-1", "expected 0")
    refuses(infer("--permutations", 1, "--set", "data.on_disk=true"), "these are on disk")
    assert not (tmp_path / "out").exists()


def test_paths_may_hold_what_hydra_would_read(infer: Cli, tmp_path: Path) -> None:
    odd = tmp_path / "a=b, {c} 'd'"
    assert infer(output=odd)[0] == 0
    assert (odd / "edges.tsv").exists()


def test_a_predictor_is_trained_only_where_asked_for(infer: Cli, tmp_path: Path) -> None:
    outputs = {"plain": [], "no": ["--no-train"], "yes": ["--train"]}
    said = {name: infer(*flags, output=name) for name, flags in outputs.items()}
    assert all(code == 0 for code, _, _ in said.values())
    for name in ("plain", "no"):
        assert "no predictor of expression is trained" in said[name][2]
        assert json.loads((tmp_path / name / "metrics.json").read_text())["prediction"] is None
    assert "share of variance predicted: r2" in said["yes"][2]
    assert json.loads((tmp_path / "yes/metrics.json").read_text())["prediction"]["r2"] < 1
    tables = {(tmp_path / name / "edges.tsv").read_bytes() for name in outputs}
    assert len(tables) == 1


def test_a_checkpoint_is_applied(infer: Cli, tmp_path: Path) -> None:
    assert infer()[0] == 0
    checkpoint = tmp_path / "out/checkpoints/network.ckpt"
    result = infer("--checkpoint", checkpoint, "--permutations", 1, output="applied")
    assert result[0] == 0, result[2]
    first, second = (
        pd.read_csv(tmp_path / name / "edges.tsv", sep="\t") for name in ("out", "applied")
    )
    pd.testing.assert_frame_equal(second[first.columns], first)


def test_an_old_checkpoint_is_refused(infer: Cli, tmp_path: Path) -> None:
    import torch

    old = {"grn": {"genes": [], "tfs": []}, "settings": {}, "state_dict": {}}
    torch.save(old, tmp_path / "old.ckpt")
    refuses(infer("--checkpoint", "old.ckpt"), "earlier version of spherical-grn", "train again")
    assert not (tmp_path / "out").exists()


def test_dropped_genes_are_counted_in_a_warning(infer: Cli, files: dict[str, Path]) -> None:
    def flatten(adata: anndata.AnnData) -> None:
        adata.X[:, 6:9] = 2

    changed(files, flatten)
    code, _, err = infer()
    assert code == 0
    assert "dropped 3 gene(s) with the same value in every cell" in err


@pytest.mark.parametrize("with_cells", [False, True])
def test_evaluate_prints_and_writes_the_metrics(
    infer: Cli, cli: Cli, files: dict[str, Path], tmp_path: Path, with_cells: bool
) -> None:
    assert infer()[0] == 0
    cells = ["--cells", files["cells"]] if with_cells else []
    code, out, err = cli(
        "evaluate", "out/edges.tsv", "--truth", files["truth"], "--json", "m.json", *cells
    )
    assert code == 0, err
    metrics = json.loads((tmp_path / "m.json").read_text())
    assert set(metrics) == METRICS | {"controls"} | ({"predictability"} if with_cells else set())
    controls = {"random"}
    if with_cells:
        controls |= {"target_mean", "tf_variance", "pearson", "closed_form", "closed_form_max"}
    assert set(metrics["controls"]) == controls
    for name, row in metrics["controls"].items():
        assert set(row) == METRICS, name
        assert name.replace("_", " ") in out
    assert f"{metrics['auprc']:.3f}" in out
    assert metrics["auprc_ratio"] == pytest.approx(metrics["auprc"] / metrics["density"])
    if with_cells:
        assert metrics["controls"]["target_mean"]["sign_accuracy"] is None


def test_train_judges_beside_controls(cli: Cli, files: dict[str, Path], tmp_path: Path) -> None:
    paths = [f"data.{name}={path}" for name, path in files.items()]
    arguments = ("train", "data=file", *paths, "logger=none", *FAST, "hydra.run.dir=run")
    code, out, err = cli(*arguments)
    assert code == 0, err
    assert "untrained" in out
    assert "random" in out
    metrics = json.loads((tmp_path / "run/metrics.json").read_text())
    assert {"untrained", "closed_form", "random"} <= set(metrics["evaluation"]["controls"])
    before = (tmp_path / "run/edges.tsv").read_bytes()
    refuses(cli(*arguments, "seed=1"), "already holds a result", "overwrite=true")
    assert (tmp_path / "run/edges.tsv").read_bytes() == before
    fewer = "model.max_cells=30"
    assert cli(*arguments, fewer, "overwrite=true")[0] == 0
    assert (tmp_path / "run/edges.tsv").read_bytes() != before


def test_a_bug_of_ours_exits_with_1(infer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grn.runs.run.run", broken(RuntimeError("inner")))
    code, _, err = infer()
    assert code == 1
    assert "Traceback" not in err
    assert "grn: RuntimeError: inner (" in err
    assert "helpers.py, line" in err
    for part in ("bug of ours", "--debug", "grn doctor"):
        assert part in err
    code, _, err = infer("--debug")
    assert code == 1
    assert "Traceback" in err
    assert "report the lines above" in err


def test_a_bug_of_ours_behind_hydra_exits_with_1(
    infer: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grn.data.sources.read_cells", broken(ZeroDivisionError("inner")))
    assert infer()[0] == 1


@pytest.mark.parametrize("error", [MemoryError("no room"), RuntimeError("CUDA out of memory.")])
def test_too_little_memory_is_no_bug(
    infer: Cli, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr("grn.runs.run.read_inputs", broken(error))
    refuses(infer(), "memory ran out", str(error), "preprocess.n_top_genes")


def test_an_output_that_nobody_reads_is_no_error(infer: Cli, tmp_path: Path) -> None:
    assert infer()[0] == 0
    command = (
        "import sys; from grn.cli import main; sys.exit(main(['show', 'out', '--tf', 'TF01']))"
    )
    code = f'"{sys.executable}" -c "{command}" | true; echo ${{PIPESTATUS[0]}}'
    said = subprocess.run(
        ["bash", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'kernels'}"},
    )  # fmt: skip
    assert said.stdout.strip() in ("141", "0")  # 0: all was written before the reader went
    assert said.stderr == ""


def test_debug_shows_the_traceback(infer: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grn.runs.run.run", broken(InputError("got this, expected that")))
    assert "Traceback" not in infer()[2]
    code, _, err = infer("--debug")
    assert code == 2
    assert "Traceback" in err
    assert err.rstrip().endswith("grn: got this, expected that")


def test_commands_that_do_not_exist(cli: Cli) -> None:
    for arguments in ([], ["guess"], ["infer"], ["evaluate", "edges.tsv"]):
        assert cli(*arguments)[0] == 2, arguments


def test_an_error_that_is_its_own_cause_ends(
    cli: Cli, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_options: object) -> None:
        error = InputError("going round")
        error.__cause__ = error
        raise error

    monkeypatch.setattr("grn.cli.infer._infer", fail)
    code, _, err = cli("infer", files["cells"])
    assert code == 2
    assert "grn: going round" in err
