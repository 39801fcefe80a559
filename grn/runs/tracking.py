"""What a finished run, a benchmark or a pretraining tells wandb beyond its losses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import WandbLogger

# Enough to browse; the complete list is the artifact beside it.
_TABLE_ROWS = 10_000


def log_result(
    run_logger: Any,
    edges: pd.DataFrame,
    metrics: pd.DataFrame | None,
    folder: Path,
    record: Mapping[str, Any],
) -> None:
    """Add final metrics and the edge table to a wandb run, and end it.

    Parameters
    ----------
    run_logger
        Lightning logger of the run; any but wandb's is left alone.
    edges, metrics
        The result; metrics None without a truth.
    folder
        The run folder, complete.
    record
        As in metrics.json; R² of prediction and its baselines go to the summary.
    """
    if not isinstance(run_logger, WandbLogger):
        return
    import wandb

    experiment = run_logger.experiment
    experiment.log({"edges": wandb.Table(dataframe=edges.head(_TABLE_ROWS))})
    if metrics is not None:
        named = metrics.rename_axis("method").reset_index()
        experiment.log({"evaluation": wandb.Table(dataframe=named)})
        final = metrics.loc["edges"].dropna()
        experiment.summary.update({f"final/{key}": float(value) for key, value in final.items()})
    predicted = record.get("prediction") or {}
    experiment.summary.update({f"prediction/{key}": value for key, value in predicted.items()})
    artifact = wandb.Artifact(f"edges-{experiment.id}", type="edge-list")
    artifact.add_file(str(folder / "edges.tsv"))
    experiment.log_artifact(artifact)
    wandb.finish()


def log_benchmark(
    run_logger: Any, results: pd.DataFrame, pictures: Mapping[str, Path], config: Any
) -> None:
    """Add the tidy table and the pictures of a benchmark to a wandb run, and end it.

    Parameters
    ----------
    run_logger
        As in `log_result`.
    results
        One row per method, network, seed and metric.
    pictures
        Files by name.
    config
        The benchmark's configuration, as plain values.
    """
    if not isinstance(run_logger, WandbLogger):
        return
    import wandb

    experiment = run_logger.experiment
    experiment.config.update(config)
    experiment.log({"results": wandb.Table(dataframe=results)})
    experiment.log({name: wandb.Image(str(path)) for name, path in pictures.items()})
    wandb.finish()


def log_pretraining(run_logger: Any, facts: Mapping[str, Any]) -> None:
    """Add to a wandb run what was trained, and end it.

    Parameters
    ----------
    run_logger
        As in `log_result`.
    facts
        Plain values by name.
    """
    if not isinstance(run_logger, WandbLogger):
        return
    import wandb

    run_logger.experiment.config.update(dict(facts))
    wandb.finish()
