"""`grn train`: train, read out, judge and log, configured by Hydra."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grn.cli.report import report
from grn.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

HELP = "train, read out, judge and log, configured by Hydra overrides (key=value)"


def train(overrides: list[str]) -> None:
    """Hand over to Hydra, which parses overrides, sweeps and launches."""
    import hydra

    from grn.config import CONFIG_NAME, config_folder, register

    register()
    # Errors come to us instead of Hydra's own handler, which always exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"

    begun = False

    def job(config: "DictConfig") -> None:
        from grn.training.run import run
        from grn.training.run_folder import remove_if_empty

        nonlocal begun
        begun = True
        try:
            result = run(config)
        except BaseException:
            remove_if_empty(Path(config.paths.run))
            raise
        report(result.metrics, result.folder)

    command = sys.argv
    sys.argv = ["grn train", *overrides]
    try:
        hydra.main(version_base="1.3", config_path=config_folder(), config_name=CONFIG_NAME)(job)()
    except OSError as error:
        if begun:
            raise
        # Hydra could not make the run folder.
        msg = f"{error}. Choose a folder you may write to: hydra.run.dir=DIR."
        raise InputError(msg) from error
    finally:
        sys.argv = command
