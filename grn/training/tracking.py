"""What a finished run tells wandb beyond its losses: configuration, final metrics, edges."""

from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import WandbLogger
from omegaconf import DictConfig, OmegaConf

# Enough to browse; the complete list is the artifact beside it.
_TABLE_ROWS = 10_000


def log_result(
    run_logger: Any,
    config: DictConfig,
    edges: pd.DataFrame,
    metrics: pd.DataFrame | None,
    folder: Path,
) -> None:
    """Add configuration, final metrics and the edge table to a wandb run, and end it.

    Parameters
    ----------
    run_logger
        Lightning logger of the run; any but wandb's is left alone.
    config
        The run's configuration.
    edges, metrics
        The result; metrics None without a truth.
    folder
        The run folder, complete.
    """
    if not isinstance(run_logger, WandbLogger):
        return
    import wandb

    experiment = run_logger.experiment
    experiment.config.update(OmegaConf.to_container(config, resolve=True), allow_val_change=True)
    experiment.log({"edges": wandb.Table(dataframe=edges.head(_TABLE_ROWS))})
    if metrics is not None:
        named = metrics.rename_axis("method").reset_index()
        experiment.log({"evaluation": wandb.Table(dataframe=named)})
        final = metrics.loc["edges"].dropna()
        experiment.summary.update({f"final/{key}": float(value) for key, value in final.items()})
    artifact = wandb.Artifact(f"edges-{experiment.id}", type="edge-list")
    artifact.add_file(str(folder / "edges.tsv"))
    experiment.log_artifact(artifact)
    wandb.finish()
