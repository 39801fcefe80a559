"""`grn train` infers the network, trains the predictor, evaluates and logs both."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from grn.cli.hydra_job import run_with_hydra
from grn.cli.interruption import how_to_go_on
from grn.cli.table import report

if TYPE_CHECKING:
    from omegaconf import DictConfig

HELP = "infer the network, train the predictor, evaluate and log; Hydra overrides (key=value)"


def train(overrides: list[str]) -> None:
    """Compose conf/train.yaml with the overrides, and execute the run."""
    run_with_hydra("train", overrides, lambda config: _job(config, overrides))


def _job(config: "DictConfig", overrides: list[str]) -> None:
    from grn.runs.folder import remove_if_empty
    from grn.runs.run import run

    try:
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
