from pathlib import Path
from typing import Any

import pytest
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from grn.errors import InputError
from grn.runs.tracking.begin import _plain, _sweep, build_logger, log_references


def test_a_logger_whose_package_is_missing_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def absent(*_: Any, **__: Any) -> None:
        msg = "No module named 'tensorboardX'"
        raise ModuleNotFoundError(msg)

    monkeypatch.setattr("lightning.pytorch.loggers.TensorBoardLogger.__init__", absent)
    target = "lightning.pytorch.loggers.TensorBoardLogger"
    config = OmegaConf.create({"logger": {"_target_": target, "save_dir": str(tmp_path)}})
    with pytest.raises(InputError, match=r"pip install 'spherical-grn\[tensorboard\]'"):
        build_logger(config)


def test_a_setting_that_a_logger_does_not_take(tmp_path: Path) -> None:
    target = "lightning.pytorch.loggers.CSVLogger"
    given = {"_target_": target, "save_dir": str(tmp_path), "nme": "x"}
    with pytest.raises(InputError, match=r"CSVLogger cannot be built: .*nme"):
        build_logger(OmegaConf.create({"logger": given}))
    given = {"_target_": "grn.runs.tracking.wandb_logger", "projet": "x"}
    with pytest.raises(InputError, match=r"^logger\.projet is no setting of wandb"):
        build_logger(OmegaConf.create({"logger": given}))


def test_runs_of_a_sweep_are_named_by_what_tells_them_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    task = [
        "data=demo",
        "seed=1",
        "optimizer.lr=0.012345678",
        "optimizer=adamw",
        "+data.source.n_cells=9",
        "logger.offline=0",
        "hparams_search=optuna",
    ]
    job = {
        "mode": RunMode.MULTIRUN,
        "overrides": {"task": task},
        "sweep": {"dir": "runs/2026-01-02/03-04-05"},
    }
    monkeypatch.setattr(HydraConfig, "initialized", staticmethod(lambda: True))
    monkeypatch.setattr(HydraConfig, "get", staticmethod(lambda: OmegaConf.create(job)))
    named = ["optimizer.lr=0.0123", "optimizer=adamw", "data.source.n_cells=9"]
    assert _sweep() == (named, "sweep 2026-01-02 03-04-05")
    asked = ["data=demo", "optimizer=adamw", "optimizer.lr=0.1,0.012", "+data.source.n_cells=9,8"]
    began = {"hydra": {"overrides": {"task": asked}}, "trainer": {"steps": "${nowhere}"}}
    job["sweep"]["dir"] = str(tmp_path)
    OmegaConf.save(OmegaConf.create(began), tmp_path / "multirun.yaml")
    # adamw is the same in all of them.
    assert _sweep()[0] == ["optimizer.lr=0.0123", "data.source.n_cells=9"]
    job["mode"] = RunMode.RUN
    assert _sweep() == ([], None)


def test_lines_of_reference_leave_out_what_is_unknown() -> None:
    seen = []

    class Recorder:
        def log_metrics(self, values: dict[str, float], step: int) -> None:
            seen.append((values, step))

    log_references(Recorder(), {"val/r2_ridge": None, "val/r2_mean": 0.0}, 5)
    log_references(False, {"val/r2_mean": 0.0}, 5)
    assert seen == [({"val/r2_mean": 0.0}, 5)]


def test_any_name_of_cells_becomes_one_that_wandb_takes() -> None:
    assert _plain("../my cells:µ") == "..-my-cells-µ"
    assert len(_plain("x" * 5000)) == 100
