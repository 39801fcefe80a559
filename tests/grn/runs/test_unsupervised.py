import json
import re
from pathlib import Path

import anndata
import pandas as pd
import pytest
from omegaconf import OmegaConf

from grn.errors import InputError
from grn.runs.run import Result, run
from tests.helpers import fast_config, file_config, written

README = Path(__file__).resolve().parents[3] / "README.md"


def bytes_of(folder: Path, files: dict[str, Path], *overrides: str, train: bool = True) -> bytes:
    run(file_config(folder, files, *overrides), train=train)
    return (folder / "edges.tsv").read_bytes()


def test_training_leaves_the_edges_alone(tmp_path: Path, files: dict[str, Path]) -> None:
    without = bytes_of(tmp_path / "without", files, train=False)
    assert bytes_of(tmp_path / "with", files) == without
    longer = bytes_of(tmp_path / "longer", files, "trainer.max_steps=16", "optimizer.lr=1")
    assert longer == without
    record = json.loads((tmp_path / "without/metrics.json").read_text())
    assert record["prediction"] is None
    assert "steps" not in record
    found = {name for name in written(tmp_path / "without") if name.startswith("checkpoints/")}
    assert found == {"checkpoints/network.ckpt"}


def test_the_log_says_what_was_done(
    tmp_path: Path, files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="grn"):
        run(file_config(tmp_path / "without", files), train=False)
    assert "no predictor of expression is trained: the edges do not depend on it" in caplog.text
    assert "scores start from the transformer pretrained on simulated networks (" in caplog.text
    caplog.clear()
    with caplog.at_level("INFO", logger="grn"):
        run(file_config(tmp_path / "with", files))
    assert "share of variance predicted: r2 " in caplog.text
    assert "no predictor" not in caplog.text


def test_same_cells_same_bytes_and_another_sample_others(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    few = "model.max_cells=30"
    first = bytes_of(tmp_path / "first", files, few)
    assert bytes_of(tmp_path / "again", files, few) == first
    assert bytes_of(tmp_path / "other", files, few, "seed=1") != first
    # Where every cell is looked at, nothing is left to the seed.
    everyone = bytes_of(tmp_path / "everyone", files, train=False)
    assert bytes_of(tmp_path / "all", files, "seed=1", train=False) == everyone


def test_a_prior_that_comes_first_is_left_alone_by_training(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    prior = f"prior='{files['truth']}'"
    without = bytes_of(tmp_path / "without", files, prior, train=False)
    assert bytes_of(tmp_path / "with", files, prior) == without


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Result]:
    """The demo before and after training."""
    folder = tmp_path_factory.mktemp("demo")
    settings = ("data=demo", "trainer.max_steps=50", "trainer.val_check_interval=25")
    before, after = (
        run(fast_config(folder / str(train), *settings), train=train) for train in (False, True)
    )
    return before, after


def test_the_demo_beats_every_control(demo: tuple[Result, Result]) -> None:
    for result in demo:
        assert result.metrics is not None
        ratio = result.metrics["auprc_ratio"]
        controls = ratio.drop("edges")
        expected = {"random", "untrained", "pearson", "closed_form", "closed_form_max"}
        assert expected <= set(controls.index)
        assert ratio["edges"] > controls.max()


def test_the_demo_reaches_what_the_readme_says(demo: tuple[Result, Result]) -> None:
    readme = " ".join(README.read_text(encoding="utf-8").split())
    said = re.search(
        r"AUPRC ratio of ([\d.]+); the same transformer with random weights has ([\d.]+), and "
        r"Pearson's correlation has ([\d.]+\d)",
        readme,
    )
    assert said is not None
    assert demo[0].metrics is not None
    ratio = demo[0].metrics["auprc_ratio"]
    found = [ratio[name] for name in ("edges", "untrained", "pearson")]
    assert found == pytest.approx([float(number) for number in said.groups()], abs=0.006)


def test_training_makes_no_edge_worse(demo: tuple[Result, Result]) -> None:
    before, after = (result.metrics for result in demo)
    assert before is not None
    assert after is not None
    assert after.loc["edges", "auprc"] >= before.loc["edges", "auprc"]
    pd.testing.assert_frame_equal(demo[1].edges, demo[0].edges, check_exact=True)


def test_training_predicts_what_its_start_does_not(demo: tuple[Result, Result]) -> None:
    record = json.loads((demo[1].folder / "metrics.json").read_text())["prediction"]
    assert record["r2"] > record["start"]
    assert record["ridge"] > record["mean"] == 0


@pytest.mark.parametrize("train", [False, True])
def test_checkpoint_on_the_same_cells_gives_the_same_edges(
    tmp_path: Path, files: dict[str, Path], monkeypatch: pytest.MonkeyPatch, train: bool
) -> None:
    first = bytes_of(tmp_path / "first", files, train=train)
    name = "best" if train else "network"
    # Its network is taken as it is.
    monkeypatch.delattr("grn.runs.unsupervised.infer_network")
    applied = tmp_path / "applied"
    run(file_config(applied, files), tmp_path / f"first/checkpoints/{name}.ckpt", train=False)
    assert (applied / "edges.tsv").read_bytes() == first
    record = json.loads((applied / "metrics.json").read_text())
    assert record["checkpoint"].endswith(f"{name}.ckpt")


def test_a_checkpoint_is_where_training_may_go_on_from(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    run(file_config(tmp_path / "first", files))
    run(file_config(tmp_path / "more", files), tmp_path / "first/checkpoints/best.ckpt")
    before, after = (
        json.loads((tmp_path / name / "metrics.json").read_text())["prediction"]
        for name in ("first", "more")
    )
    assert after["start"] == pytest.approx(before["r2"])


def test_the_network_of_other_cells_is_found_anew(
    tmp_path: Path, files: dict[str, Path], caplog: pytest.LogCaptureFixture
) -> None:
    run(file_config(tmp_path / "first", files, "model.max_cells=40"), train=False)
    cells = anndata.read_h5ad(files["cells"])[:50]
    cells.write_h5ad(files["cells"])
    config = file_config(tmp_path / "applied", files)
    with caplog.at_level("INFO", logger="grn"):
        run(config, tmp_path / "first/checkpoints/network.ckpt", train=False)
    assert "belongs to other cells: their network is computed" in caplog.text
    stored = OmegaConf.load(tmp_path / "applied/config.yaml")
    assert (stored.model.max_cells, config.model.max_cells) == (40, 2000)  # a copy has both
    anew = bytes_of(tmp_path / "anew", files, "model.max_cells=40", train=False)
    assert (tmp_path / "applied/edges.tsv").read_bytes() == anew


def test_a_checkpoint_beside_a_prior_or_a_split_is_refused(
    tmp_path: Path, files: dict[str, Path]
) -> None:
    run(file_config(tmp_path / "first", files), train=False)
    path = tmp_path / "first/checkpoints/network.ckpt"
    with pytest.raises(InputError, match="a checkpoint together with a prior or a split"):
        run(file_config(tmp_path / "out", files, f"prior='{files['truth']}'"), path)
    assert not (tmp_path / "out").exists()
