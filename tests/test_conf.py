"""Every file of conf/ composes and builds what it names, and the demo runs end to end."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from grn.config import compose_config, config_folder
from grn.errors import InputError
from grn.training.components import check_components
from tests.helpers import QUIET, written

CONF = Path(config_folder())
DOCS = Path(__file__).resolve().parents[1] / "docs"


def choices(group: str) -> list[str]:
    return [f"{group}={path.stem}" for path in sorted((CONF / group).glob("*.yaml"))]


# What the user names, by the choice that leaves it open.
OWN = {
    "objective=own": "grn.training.objectives.Denoising",
    "scheduler=own": "torch.optim.lr_scheduler.StepLR",
}
RECIPES = [recipe for group in ("experiment", "debug") for recipe in choices(group)]
COMPONENTS = [
    choice
    for folder in sorted(CONF.iterdir())
    if folder.is_dir()
    and folder.name not in ("experiment", "debug", "paths", "stage", "hparams_search")
    for choice in choices(folder.name)
    if choice != "data=loader"  # a part of every other one
]


def test_recipes_exist() -> None:
    assert {"experiment=mdc_string", "debug=fast"} <= set(RECIPES)


@pytest.mark.parametrize("choice", ["seed=0", *COMPONENTS, *RECIPES])
def test_what_is_named_can_be_built(choice: str, tmp_path: Path) -> None:
    config = compose_config(["paths=folder", f"paths.run='{tmp_path}'", "logger=none", choice])
    assert config.trainer.max_steps >= config.trainer.val_check_interval > 0
    if choice == "data=file":
        config.data.cells = "cells.h5ad"
    if choice in OWN:
        config[choice.partition("=")[0]]._target_ = OWN[choice]
    assert not OmegaConf.missing_keys(config)
    for name in ("objective", "optimizer", "preprocess"):
        assert callable(instantiate(config[name]))
    assert callable(instantiate(config.model.predictor))
    assert callable(instantiate(config.data.loader))
    callbacks = [instantiate(c) for c in config.callbacks.values() if c is not None]
    assert isinstance(
        instantiate(config.trainer, callbacks=callbacks, logger=False, accelerator="cpu"),
        L.Trainer,
    )
    if choice == "logger=tensorboard":
        pytest.importorskip("tensorboardX")
    assert (instantiate(config.logger) is False) == (not choice.startswith("logger=")) or (
        choice == "logger=none"
    )
    assert written(tmp_path) == set()


def test_the_seed_of_the_data_is_that_of_training_unless_it_is_set_apart() -> None:
    def seeds(*overrides: str) -> list[int]:
        config = compose_config(
            ["paths=folder", "paths.run=out", "split=unseen_tf", "seed=3", *overrides]
        )
        data = config.data
        of_data = [data.seed, data.source.seed, data.loader.seed]
        return [config.seed, *of_data, config.preprocess.seed, config.split.seed]

    assert seeds() == [3] * 6
    assert seeds("data.seed=1") == [3, 1, 1, 1, 1, 1]
    assert seeds("data=simulated", "data.seed=1") == [3, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_says_how_it_is_run_and_what_to_expect(recipe: str) -> None:
    group, name = recipe.split("=")
    lines = (CONF / group / f"{name}.yaml").read_text().splitlines()
    assert lines[0] == "# @package _global_"
    assert lines[1].startswith(f"# python train.py {recipe}")
    if group == "experiment":
        assert re.match(r"# AUPRC ratio \d\.\d\d \(", lines[2]), "state the metric it should reach"


def test_the_metric_of_a_recipe_is_that_of_the_benchmarks() -> None:
    line = (CONF / "experiment/mdc_string.yaml").read_text().splitlines()[2]
    tables = (DOCS / "benchmarks.md").read_text(encoding="utf-8").split("### AUPRC ratio\n")[1]
    rows = [row.strip("| ").split(" | ") for row in tables.strip().splitlines()]
    column = rows[0].index("mDC STRING")
    ours = next(row[column] for row in rows if row[0] == "spherical")
    assert float(line.split()[3]) == pytest.approx(float(ours), abs=0.005)


@pytest.fixture
def with_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Compose from a copy of conf/ that holds one more experiment, `mine`."""
    folder = tmp_path / "conf"
    shutil.copytree(CONF, folder)
    monkeypatch.setattr("grn.config.config_folder", lambda: str(folder))

    def add(body: str) -> None:
        (folder / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{body}\n")

    return add


def test_an_experiment_wins_over_the_root(with_recipe: Callable[[str], None]) -> None:
    with_recipe("seed: 3\ntrainer: {max_steps: 77}")
    config = compose_config(["paths=folder", "paths.run=out", "experiment=mine"])
    assert (config.seed, config.trainer.max_steps) == (3, 77)


@pytest.mark.parametrize(
    "body",
    [
        *("sed: 3", "seed: seven", "overwrite: 2.5", "model: {pretraind: false}"),
        *("model: {max_cells: many}", "data: {cell: x}"),
    ],
)
def test_a_typo_in_an_experiment_is_an_error(
    with_recipe: Callable[[str], None], body: str
) -> None:
    with_recipe(body)
    with pytest.raises(InputError):
        compose_config(["paths=folder", "paths.run=out", "experiment=mine"])


@pytest.mark.usefixtures("with_recipe")
def test_a_typo_in_the_root_is_an_error(tmp_path: Path) -> None:
    root = tmp_path / "conf" / "train.yaml"
    root.write_text(root.read_text().replace("overwrite: false", "overwite: false"))
    with pytest.raises(InputError):
        compose_config(["paths=folder", "paths.run=out"])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("trainer: {max_step: 3}", r"trainer\.max_step is no .*Did you mean trainer\.max_steps"),
        ("objective: {least_nose: 1}", r"objective\.least_nose"),
        ("optimizer: {learning_rate: 1}", r"optimizer\.learning_rate"),
        ("preprocess: {min_cell: 3}", r"preprocess\.min_cell "),
        ("data: {loader: {minibatchsize: 3}}", r"data\.loader\.minibatchsize"),
        ("model: {predictor: {n_axis: 5}}", r"model\.predictor\.n_axis .*n_axes"),
        ("callbacks: {early_stopping: {patiance: 3}}", r"callbacks\.early_stopping\.patiance"),
    ],
)
def test_a_typo_in_a_component_is_an_error_before_any_work(
    with_recipe: Callable[[str], None], body: str, message: str
) -> None:
    with_recipe(body)
    config = compose_config(["paths=folder", "paths.run=out", "experiment=mine"])
    with pytest.raises(InputError, match=message):
        check_components(config)


def test_the_demo_runs_end_to_end(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, out, err = cli("train", "debug=fast", "logger=none", "hydra.run.dir=demo", *QUIET)
    assert code == 0, err
    found = written(tmp_path / "demo")
    assert {"edges.tsv", "metrics.json", "config.yaml", "network.h5ad"} <= found
    assert "checkpoints/best.ckpt" in found
    for name in ("edges", "random", "untrained", "closed form"):
        assert name in out
