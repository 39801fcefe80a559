"""A search for settings whose runs are a formula, so that it takes no time."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from grn.errors import InputError
from hydra_plugins.grn_optuna import _distribution, _has

pytest.importorskip("optuna")
Cli = Callable[..., tuple[int, str, str]]
SEARCH = ("train", "hparams_search=optuna", "hydra.sweep.dir=sweep", "logger=none")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The settings of each run. R² is highest at a learning rate of 0.02; above 0.08 it fails."""
    seen: list[Any] = []

    def run(config: Any) -> Any:
        seen.append(config)
        if config.optimizer.lr > 0.08:
            msg = "training diverged"
            raise InputError(msg)
        folder = Path(config.paths.run)
        score = 1 - math.log10(config.optimizer.lr / 0.02) ** 2
        record = {"prediction": {"r2": score, "ridge": 0.5}, "evaluation": {"auprc_ratio": 9}}
        (folder / "metrics.json").write_text(json.dumps(record))
        return SimpleNamespace(metrics=None, folder=folder)

    monkeypatch.setattr("grn.runs.run.run", run)
    return seen


def test_a_search_comes_near_the_optimum_and_goes_on_after_a_failure(
    cli: Cli, asked: list[Any], tmp_path: Path
) -> None:
    code, out, err = cli(*SEARCH, "hydra.sweeper.n_trials=9", "optimizer=adamw")
    assert code == 0, err
    assert len(asked) == 9
    assert {type(one.model.predictor.n_channels) for one in asked} == {int}
    assert all(one.optimizer._target_ == "torch.optim.AdamW" for one in asked)
    best = OmegaConf.load(tmp_path / "sweep" / "best.yaml")
    assert best.value > 0.95
    table = pd.read_csv(tmp_path / "sweep" / "sweep.tsv", sep="\t")
    assert table["prediction/r2"].max() == pytest.approx(best.value)
    assert table["job"][0] == best.job
    failed = table[table["optimizer.lr"] > 0.08]
    assert (failed["error"] == "training diverged").all()
    assert len(failed) > 0
    assert table["prediction/r2"].isna().sum() == len(failed)
    assert "ridge" in out
    assert "sweep.tsv" in out
    assert f"best of 9: {best.value:.4f}, by grn train {' '.join(best.overrides)}" in err
    assert best.overrides[:2] == ["logger=none", "optimizer=adamw"]


def test_a_search_that_a_bug_ends_keeps_its_best_trial(
    cli: Cli, asked: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grn.runs import run

    good = run.run

    def fails_late(config: Any) -> Any:
        if len(asked) == 2:
            raise ZeroDivisionError
        return good(config)

    monkeypatch.setattr("grn.runs.run.run", fails_late)
    code, _, err = cli(*SEARCH, "hydra.sweeper.n_trials=5", "optimizer.lr=0.01,0.02")
    assert code == 1
    assert "ZeroDivisionError" in err
    assert OmegaConf.load(tmp_path / "sweep" / "best.yaml").value > 0.9


@pytest.mark.parametrize(
    ("key", "exists"),
    [
        ("a.b", True),
        ("a.c", True),
        ("a.d.0", True),
        ("a.x", False),
        ("e.b", False),
        ("x.b", False),
    ],
)
def test_a_setting_whose_value_is_null_exists(key: str, exists: bool) -> None:
    settings = OmegaConf.create({"a": {"b": None, "c": "???", "d": [1]}, "e": None})
    assert _has(settings, key) is exists


def test_the_same_seed_asks_the_same(cli: Cli, asked: list[Any]) -> None:
    for number in range(2):
        assert cli(*SEARCH, "hydra.sweeper.n_trials=2", f"hydra.sweep.dir=sweep{number}")[0] == 0
    rates = [one.optimizer.lr for one in asked]
    assert rates[:2] == rates[2:]
    assert rates[0] != rates[1]


def test_of_the_space_only_what_a_model_of_ones_own_has_is_searched(
    cli: Cli, asked: list[Any]
) -> None:
    own = ("model/predictor=own", "model.predictor._target_=torch.nn.Linear")
    searched = ("+model.predictor.rank=range(2,4)", "hydra.sweeper.n_trials=1")
    code, _, err = cli(*SEARCH, *own, *searched)
    assert code == 0, err
    assert "not searched, since there is no such setting: model.predictor.n_channels" in err
    (settings,) = asked
    assert settings.model.predictor.rank in (2, 3)
    assert "n_channels" not in settings.model.predictor


def test_what_cannot_be_searched_is_refused_before_any_run(cli: Cli, asked: list[Any]) -> None:
    code, _, err = cli(*SEARCH, "objective=supervised", "split=unseen_tf")
    assert code == 2
    assert "a search needs R² on held-out cells" in err
    fixed = ("optimizer.lr=1", "objective.least_noise=1", "objective.most_noise=2")
    code, _, err = cli(*SEARCH, *fixed, "model.predictor.n_channels=3")
    assert code == 2
    assert "nothing is searched" in err
    code, _, err = cli(*SEARCH, "hydra.sweeper.n_trials=0")
    assert code == 2
    assert "n_trials=0" in err
    assert asked == []


def test_a_search_without_any_result_fails_as_its_runs_did(cli: Cli, asked: list[Any]) -> None:
    code, out, err = cli(
        *SEARCH, "hydra.sweeper.n_trials=3", "optimizer.lr=0.09", "objective.most_noise=2"
    )
    assert code == 2
    assert len(asked) == 3
    assert "grn: training diverged" in err
    assert out.count("training diverged") == 3


def test_without_optuna_it_says_what_to_install(
    cli: Cli, asked: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    code, _, err = cli(*SEARCH)
    assert code == 2
    assert "pip install 'spherical-grn[sweep]'" in err
    assert asked == []


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("x=interval(0.5,2.5)", ("FloatDistribution", 0.5, 2.5, False)),
        ("x=tag(log, interval(0.001,0.1))", ("FloatDistribution", 0.001, 0.1, True)),
        ("x=int(interval(2,9))", ("IntDistribution", 2, 9, False)),
        ("x=range(2,9,2)", ("IntDistribution", 2, 8, 2)),
    ],
)
def test_numbers_keep_their_kind_and_range(override: str, expected: tuple[Any, ...]) -> None:
    found = _distribution(OverridesParser.create().parse_override(override))
    name, low, high, last = expected
    assert (type(found).__name__, found.low, found.high) == (name, low, high)
    assert last in (found.log, found.step)


@pytest.mark.parametrize(
    ("override", "choices"),
    [("x=a,b", ("a", "b")), ("x=choice(8,16)", ("8", "16")), ("x=range(0,1,0.5)", ("0.0", "0.5"))],
)
def test_everything_else_is_a_choice(override: str, choices: tuple[str, ...]) -> None:
    assert _distribution(OverridesParser.create().parse_override(override)).choices == choices
