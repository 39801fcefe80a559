"""Runs a subcommand under Hydra, which parses overrides, sweeps and launches."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from grn.cli.log import log_to_stderr
from grn.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

# A note, since notes stay with an error that comes from another process; its traceback does not.
_OF_A_JOB = "raised by a job, not by its settings"


def run_with_hydra(
    config_name: str, overrides: list[str], job: "Callable[[DictConfig], object]"
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

    from grn.config import config_folder, import_from, register

    register()
    # Otherwise Hydra handles errors itself, and always exits with 1.
    os.environ["HYDRA_FULL_ERROR"] = "1"

    begun, here = False, Path.cwd()

    def begin(config: "DictConfig") -> object:
        nonlocal begun
        begun = True
        import_from(here, config)
        if not logging.getLogger().handlers:  # a job of a sweep, in a process of its own
            log_to_stderr()
        # Lightning starts the other processes of a training by the command of this one.
        sys.argv = command
        try:
            return job(config)
        except Exception as error:
            error.add_note(_OF_A_JOB)
            raise

    command = sys.argv
    sys.argv = [f"grn {config_name}", *overrides]
    try:
        decorate = hydra.main(
            version_base="1.3", config_path=config_folder(), config_name=config_name
        )
        decorate(begin)()
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        # Of another process only the error itself is known here.
        if begun or _of_a_job(error) or isinstance(error, InputError):
            raise
        raise _explained(error, overrides, config_name) from error
    except OSError as error:
        if begun or _of_a_job(error):
            raise
        # Hydra could not create the run folder.
        msg = f"{error}. Choose a folder you may write to: hydra.run.dir=DIR."
        raise InputError(msg) from error
    finally:
        sys.argv = command


def _of_a_job(error: Exception) -> bool:
    return _OF_A_JOB in getattr(error, "__notes__", ())


def _explained(error: Exception, overrides: list[str], config_name: str) -> InputError:
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from grn.config import config_folder, explain

    GlobalHydra.instance().clear()
    with initialize_config_dir(config_folder(), version_base="1.3"):
        return explain(error, overrides, config_name)
