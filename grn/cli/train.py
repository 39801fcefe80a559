"""`grn train`: find the network, train the predictor, judge and log, configured by Hydra."""

from pathlib import Path
from typing import TYPE_CHECKING

from grn.cli.hydra_job import run_with_hydra
from grn.cli.table import report

if TYPE_CHECKING:
    from omegaconf import DictConfig

HELP = "find the network, train the predictor, judge and log; Hydra overrides (key=value)"


def train(overrides: list[str]) -> None:
    """Compose conf/train.yaml with the overrides, and run."""
    run_with_hydra("train", overrides, _job)


def _job(config: "DictConfig") -> None:
    from grn.runs.folder import remove_if_empty
    from grn.runs.run import run

    try:
        result = run(config)
    except BaseException:
        remove_if_empty(Path(config.paths.run))
        raise
    report(result.metrics, result.folder)
