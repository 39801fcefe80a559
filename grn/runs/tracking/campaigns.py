"""Records benchmarks and pretraining."""

from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import Any

import pandas as pd

from grn.runs.tracking.tracker import Tracker

_RUN_ID, _CHECKPOINT = "wandb_run_id", "last.ckpt"


def log_benchmark(
    run_logger: Any, results: pd.DataFrame, pictures: Mapping[str, Path], config: Any
) -> None:
    """Add the tidy table and the pictures of a benchmark to a wandb run, and end it.

    Parameters
    ----------
    run_logger
        Lightning logger; loggers other than `Tracker` are ignored.
    results
        One row per method, network, seed and metric.
    pictures
        Files by name.
    config
        The benchmark's configuration, as plain values.
    """
    if not isinstance(run_logger, Tracker):
        return
    import wandb

    sizes = {name: len(config.get(name) or ()) for name in ("methods", "datasets", "seeds")}
    named = ", ".join(f"{n} {name}" for name, n in sizes.items())
    run_logger.name_run(f"benchmark of {named}", group="benchmark", job_type="benchmark")

    def everything() -> None:
        experiment = run_logger.experiment
        experiment.config.update(config)
        experiment.log({"results": wandb.Table(dataframe=results)})
        experiment.log({name: wandb.Image(str(path)) for name, path in pictures.items()})

    run_logger.attempt("the table and the pictures", everything)
    run_logger.finish()


def name_pretraining(run_logger: Any, config: Mapping[str, Any], folder: Path) -> None:
    """Name the run of a pretraining and give it its settings, before it starts.

    The run starts in one of the processes that train. Its identity is chosen here, so that
    `log_pretraining` adds to the same run, as does a pretraining that resumes.

    Parameters
    ----------
    run_logger
        As in `log_benchmark`.
    config
        The settings, as plain values.
    folder
        Folder of the pretraining.
    """
    if not isinstance(run_logger, Tracker):
        return
    stored = folder / _RUN_ID
    resumes = stored.exists() and (folder / _CHECKPOINT).exists()
    run_id = stored.read_text().strip() if resumes else token_hex(4)
    folder.mkdir(parents=True, exist_ok=True)
    stored.write_text(run_id + "\n")
    n_networks = sum((config.get("n_networks") or {}).values())
    run_logger.name_run(
        f"pretraining on {n_networks} networks, seed {config.get('seed')}",
        group="pretrain",
        job_type="pretrain",
        run_id=run_id,
    )
    run_logger.begin_with(config)


def log_pretraining(run_logger: Any, facts: Mapping[str, float]) -> None:
    """Add the accuracy on held-out networks to the summary of a pretraining, and end its run.

    Parameters
    ----------
    run_logger
        As in `log_benchmark`.
    facts
        What `grn.pretraining.pretrain.pretrain` returns.
    """
    if not isinstance(run_logger, Tracker):
        return
    final = {f"held_out/{name}": value for name, value in facts.items()}
    run_logger.attempt("the accuracy", lambda: run_logger.experiment.summary.update(final))
    run_logger.finish()
