"""Runs a subcommand under Hydra, which parses overrides, sweeps and launches."""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from grn.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig


def run_with_hydra(
    config_name: str, overrides: list[str], job: "Callable[[DictConfig], None]"
) -> None:
    """Compose conf/<config_name>.yaml with the overrides and call the job with it.

    Raises
    ------
    InputError
        An override names no setting or has a wrong value, or Hydra cannot create the run folder.
    """
    import hydra
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from grn.config import config_folder, register

    register()
    # Otherwise Hydra handles errors itself, and always exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"

    begun = False

    def begin(config: "DictConfig") -> None:
        nonlocal begun
        begun = True
        job(config)

    command = sys.argv
    sys.argv = [f"grn {config_name}", *overrides]
    try:
        decorate = hydra.main(
            version_base="1.3", config_path=config_folder(), config_name=config_name
        )
        decorate(begin)()
    except (HydraException, OmegaConfBaseException, ValueError) as error:
        if begun:
            raise
        raise _explained(error, overrides, config_name) from error
    except OSError as error:
        if begun:
            raise
        # Hydra could not create the run folder.
        msg = f"{error}. Choose a folder you may write to: hydra.run.dir=DIR."
        raise InputError(msg) from error
    finally:
        sys.argv = command


def _explained(error: Exception, overrides: list[str], config_name: str) -> InputError:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from grn.config import config_folder, explain

    GlobalHydra.instance().clear()
    with initialize_config_dir(config_folder(), version_base="1.3"):
        return explain(error, overrides, config_name)
