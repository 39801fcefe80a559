"""`grn train` infers the network, trains the predictor, evaluates and logs both."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from grn.cli.hydra_job import run_with_hydra
from grn.cli.interruption import how_to_go_on
from grn.cli.table import report
from grn.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

HELP = "infer the network, train the predictor, evaluate and log; Hydra overrides (key=value)"


def train(overrides: list[str]) -> None:
    """Compose conf/train.yaml with the overrides, and execute the run, or those of a sweep."""
    try:
        run_with_hydra("train", overrides, lambda config: _job(config, overrides))
    finally:
        from grn.cli.sweep import show_sweeps

        show_sweeps()  # of a sweep that failed, too: other jobs have their results


def _check_sweep(config: "DictConfig") -> None:
    """Refuse several processes in a job of a sweep: they would run the whole sweep again."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    from grn.training.distributed import count_all

    if HydraConfig.get().mode == RunMode.MULTIRUN and count_all(config.trainer) > 1:
        msg = (
            f"got trainer.devices={config.trainer.devices} in a sweep; expected 1. The jobs of a "
            "sweep run side by side instead: hydra/launcher=joblib."
        )
        raise InputError(msg)


def _job(config: "DictConfig", overrides: list[str]) -> float | None:
    """Return R² on held-out cells, by which a search for settings decides; None without it."""
    from grn.cli.sweep import numbers_of
    from grn.runs.folder import remove_if_empty
    from grn.runs.run import run

    try:
        _check_sweep(config)
        result = run(config)
    except KeyboardInterrupt as stopped:
        folder = Path(config.paths.run)
        named = any(one.startswith("hydra.run.dir=") for one in overrides)
        said = how_to_go_on(
            folder,
            without="overwrite=true" if config.overwrite else None,
            added=None if named else f"hydra.run.dir={shlex.quote(str(folder))}",
        )
        remove_if_empty(folder)
        raise KeyboardInterrupt(said) from stopped
    except BaseException:
        remove_if_empty(Path(config.paths.run))
        raise
    report(result.metrics, result.folder)
    return numbers_of(result.folder).get("prediction/r2")
