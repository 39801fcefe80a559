"""Records runs, benchmarks and pretraining in wandb; its failures do not stop them."""

import inspect
import logging
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from lightning.pytorch.loggers import WandbLogger

from grn.errors import InputError

logger = logging.getLogger(__name__)

# The table is for browsing; an artifact beside it holds the complete list.
_TABLE_ROWS = 10_000
_YES = {"1", "true", "yes", "on"}


def wandb_logger(*, offline: bool = True, quiet: bool = True, **settings: Any) -> "Tracker | bool":
    """Return Lightning's logger of wandb, or False if wandb's own switches turn it off.

    These are `WANDB_MODE=disabled` and `WANDB_DISABLED=true`. In every other mode nothing is
    uploaded unless the settings request it.

    Parameters
    ----------
    offline
        Whether records stay on this machine.
    quiet
        As in `Tracker`.
    settings
        Arguments of Lightning's `WandbLogger` or of `wandb.init`.

    Raises
    ------
    InputError
        A setting belongs to neither of them.
    """
    mode = os.environ.get("WANDB_MODE", "").lower()
    if mode == "disabled" or os.environ.get("WANDB_DISABLED", "").lower() in _YES:
        return False
    if mode in ("online", "run") and offline:
        logger.info("wandb stays offline whatever WANDB_MODE says; logger.offline=false uploads")
    _check_settings(settings)
    return Tracker(offline=offline, quiet=quiet, **settings)


class Tracker(WandbLogger):
    """Lightning's logger of wandb, which warns once and then stops recording if wandb fails.

    An unwritable home folder, an unreachable server or a full disk must not cost a run its
    result.

    Parameters
    ----------
    quiet
        Whether wandb prints nothing, since the run prints metrics beside their controls.
    settings
        Arguments of Lightning's `WandbLogger`.
    """

    def __init__(self, *, quiet: bool = True, **settings: Any) -> None:
        super().__init__(**settings)
        self._quiet = quiet
        # Lightning passes this argument, which has no effect but makes wandb warn in every log.
        self._wandb_init.pop("anonymous", None)
        self._failed = False

    @property
    def experiment(self) -> Any:
        """Return the run of wandb, which starts on first use."""
        if self._experiment is None and "settings" not in self._wandb_init:
            import wandb

            self._wandb_init["settings"] = wandb.Settings(quiet=self._quiet)
        return super().experiment

    def attempt(self, what: str, action: Callable[[], Any]) -> None:
        """Call an action of wandb, unless one has failed before.

        Parameters
        ----------
        what
            Name of the records, for the warning.
        action
            Function that records them.
        """
        if self._failed:
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001 - no error of wandb may stop the run
            self._failed = True
            reason = (str(error).strip() or repr(error)).splitlines()[0]
            logger.warning(
                "wandb failed to keep %s (%s: %s). The run continues and its result is "
                "not affected; logger=none leaves wandb out.",
                *(what, type(error).__name__, reason),
            )

    def log_hyperparams(self, params: Any, *arguments: Any, **others: Any) -> None:
        """Record the settings."""
        self.attempt(
            "the settings", lambda: WandbLogger.log_hyperparams(self, params, *arguments, **others)
        )

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record the losses of a step."""
        self.attempt("the losses", lambda: WandbLogger.log_metrics(self, metrics, step))

    def after_save_checkpoint(self, checkpoint_callback: Any) -> None:
        """Record a checkpoint, if configured."""
        self.attempt(
            "a checkpoint", lambda: WandbLogger.after_save_checkpoint(self, checkpoint_callback)
        )

    def finalize(self, status: str) -> None:
        """Record the last checkpoints, if configured."""
        self.attempt("a checkpoint", lambda: WandbLogger.finalize(self, status))

    def finish(self) -> None:
        """End the run of wandb, even if it has failed."""
        import wandb

        self.attempt("the end of the run", wandb.finish)


def _check_settings(settings: Mapping[str, Any]) -> None:
    import wandb

    known = {*inspect.signature(WandbLogger).parameters, *inspect.signature(wandb.init).parameters}
    unknown = sorted(settings.keys() - known)
    if unknown:
        msg = (
            f"logger.{unknown[0]} is no setting of wandb. Expected one of "
            f"{', '.join(sorted(known - {'kwargs'}))}."
        )
        raise InputError(msg)


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
        Lightning logger of the run; loggers other than `Tracker` are ignored.
    edges, metrics
        The result; metrics are None without a truth.
    folder
        The complete run folder.
    record
        Entries of metrics.json; R² of prediction and its baselines go to the summary.
    """
    if not isinstance(run_logger, Tracker):
        return
    import wandb

    def tables() -> None:
        experiment = run_logger.experiment
        experiment.log({"edges": wandb.Table(dataframe=edges.head(_TABLE_ROWS))})
        if metrics is not None:
            named = metrics.rename_axis("method").reset_index()
            experiment.log({"evaluation": wandb.Table(dataframe=named)})

    def summary() -> None:
        experiment = run_logger.experiment
        final = {} if metrics is None else metrics.loc["edges"].dropna().to_dict()
        experiment.summary.update({f"final/{key}": float(value) for key, value in final.items()})
        predicted = record.get("prediction") or {}
        experiment.summary.update({f"prediction/{key}": value for key, value in predicted.items()})

    def artifact() -> None:
        experiment = run_logger.experiment
        listed = wandb.Artifact(f"edges-{experiment.id}", type="edge-list")
        listed.add_file(str(folder / "edges.tsv"))
        experiment.log_artifact(listed)

    run_logger.attempt("the summary", summary)
    run_logger.attempt("the tables", tables)
    run_logger.attempt("the edge list", artifact)
    run_logger.finish()


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
    if not isinstance(run_logger, Tracker):
        return
    import wandb

    def everything() -> None:
        experiment = run_logger.experiment
        experiment.config.update(config)
        experiment.log({"results": wandb.Table(dataframe=results)})
        experiment.log({name: wandb.Image(str(path)) for name, path in pictures.items()})

    run_logger.attempt("the table and the pictures", everything)
    run_logger.finish()


def log_pretraining(run_logger: Any, facts: Mapping[str, Any]) -> None:
    """Add the facts of a pretraining to a wandb run, and end it.

    Parameters
    ----------
    run_logger
        As in `log_result`.
    facts
        Plain values by name.
    """
    if not isinstance(run_logger, Tracker):
        return
    run_logger.attempt("the settings", lambda: run_logger.experiment.config.update(dict(facts)))
    run_logger.finish()
