"""`grn benchmark` runs methods × data sets × networks × seeds, configured by Hydra."""

import logging
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.cli.hydra_job import run_with_hydra
from grn.errors import InputError

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from grn.benchmark.failures import Failure

HELP = "compare methods and controls on named data sets, configured by Hydra overrides (key=value)"

logger = logging.getLogger(__name__)


def benchmark(overrides: list[str]) -> None:
    """Compose conf/benchmark.yaml with the overrides, run what is missing, evaluate and write."""
    command = shlex.join(["grn", "benchmark", *overrides])
    run_with_hydra("benchmark", overrides, lambda config: _job(config, command))


def _job(config: "DictConfig", command: str) -> None:
    from hydra.utils import instantiate
    from omegaconf import OmegaConf

    from grn.benchmark.grid import make_grid
    from grn.benchmark.report import write_report
    from grn.benchmark.run import run_benchmark
    from grn.journal import open_journal, recorded, stage
    from grn.processes import count_processes
    from grn.runs.folder import check_folder, create_folder, remove_if_empty
    from grn.runs.tracking import log_benchmark

    folder = _folder(config)
    plain: Any = OmegaConf.to_container(config, resolve=True)
    try:
        with recorded("benchmark"):
            asked = (config.methods, config.datasets, config.seeds, config.regimes)
            count_processes(config.n_jobs)
            grid = make_grid(*asked, plain["settings"], plain["not_on"])
            run_logger = instantiate(config.logger)
            check_folder(folder, overwrite=True)
            create_folder(folder)
            open_journal(folder, anew=False)
            with stage("run and evaluate the jobs"):
                outcome = run_benchmark(grid, Path(config.cache), config.n_jobs)
            with stage("write the report"):
                pictures = write_report(outcome, folder, command=command, skipped=grid.skipped)
            log_benchmark(run_logger, outcome.results, pictures, plain)
            logger.info("%d jobs run; the others were cached. Results: %s", outcome.n_run, folder)
            _raise_worst(outcome.failures)
    finally:
        remove_if_empty(folder)


def _folder(config: "DictConfig") -> Path:
    """Return the folder of the result; each job of a sweep (`-m`) has one of its own."""
    from hydra.core.hydra_config import HydraConfig
    from hydra.types import RunMode

    hydra = HydraConfig.get()
    swept = hydra.mode == RunMode.MULTIRUN
    return Path(hydra.runtime.output_dir if swept else config.output)


def _raise_worst(failures: "Sequence[Failure]") -> None:
    """Raise one of the failures, which sets the exit code; a bug of ours before a user error."""
    if failures:
        logger.error("%d jobs failed; their rows are missing", len(failures))
        ours = (one for one in failures if not isinstance(one.error, InputError))
        raise next(ours, failures[0]).error
