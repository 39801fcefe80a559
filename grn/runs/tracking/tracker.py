"""The logger of wandb, whose failures do not stop a run."""

import inspect
import logging
import os
from collections.abc import Callable, Mapping
from multiprocessing import parent_process
from typing import Any

from lightning.pytorch.loggers import WandbLogger

from grn.errors import InputError, first_line

logger = logging.getLogger(__name__)

# Variables by which wandb lets users name a run; they win over our names.
_VARIABLES = {
    "name": "WANDB_NAME",
    "job_type": "WANDB_JOB_TYPE",
    "group": "WANDB_RUN_GROUP",
    "id": "WANDB_RUN_ID",
}
_YES = {"1", "true", "yes", "on"}


def wandb_logger(*, offline: bool = True, quiet: bool = True, **settings: Any) -> "Tracker | bool":
    """Return Lightning's logger of wandb, or False if wandb's own switches turn it off.

    These are `WANDB_MODE=disabled`, `WANDB_DISABLED=true` and the setting `mode=disabled`. In
    every other mode nothing is uploaded unless the settings request it.

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

    Examples
    --------
    >>> from grn.runs.tracking import wandb_logger
    >>> wandb_logger(project="grn", mode="disabled")
    False
    """
    _check_settings(settings)
    mode = os.environ.get("WANDB_MODE", "").lower()
    switched_off = os.environ.get("WANDB_DISABLED", "").lower() in _YES
    if switched_off or "disabled" in (mode, settings.get("mode")):
        return False
    if "mode" in settings:
        offline = settings["mode"] == "offline"
    if mode in ("online", "run") and offline:
        logger.info("wandb stays offline whatever WANDB_MODE says; logger.offline=false uploads")
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

    def name_run(
        self,
        name: str,
        *,
        job_type: str,
        group: str | None = None,
        run_id: str | None = None,
    ) -> None:
        """Name a run that has not started, except where settings or the environment do.

        Parameters
        ----------
        name
            Readable name.
        job_type, group
            Kind of the run, and the runs it belongs with.
        run_id
            Identity of a run that goes on; None for a new one.
        """
        given = {"name": name, "job_type": job_type, "group": group, "id": run_id}
        for key, value in given.items():
            if value and not self._wandb_init.get(key) and _VARIABLES[key] not in os.environ:
                self._wandb_init[key] = value
        self._id = self._wandb_init.get("id")

    def begin_with(self, config: Mapping[str, Any]) -> None:
        """Give settings to a run that has not started, for one that starts in another process."""
        self._wandb_init["config"] = dict(config)

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
            reason = first_line(error)
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
        if self._experiment is not None and parent_process() is not None:
            self.finish()  # a process of its own leaves without what Python does at exit

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
