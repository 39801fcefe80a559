"""A sweeper of Hydra that searches, by Optuna, for the settings with the highest value of a job.

Hydra finds it here, in the namespace that it scans for plugins. Its own one,
hydra-optuna-sweeper 1.3, needs an Optuna below 3.
"""

import logging
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, OmegaConf

from grn.config import import_from
from grn.errors import USER_CAN_FIX, InputError, exit_code

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.study import Study
    from optuna.trial import Trial

logger = logging.getLogger(__name__)

BEST = "best.yaml"


@dataclass
class OptunaSweeperConfig:
    """Keys of conf/hparams_search/optuna.yaml below hydra.sweeper."""

    _target_: str = "hydra_plugins.grn_optuna.OptunaSweeper"
    _recursive_: bool = False  # so that it is we who say that Optuna is missing
    sampler: Any = MISSING
    n_trials: int = MISSING
    n_jobs: int = MISSING
    params: dict[str, str] = field(default_factory=dict)


ConfigStore.instance().store(
    group="hydra/sweeper", name="grn_optuna", node=OptunaSweeperConfig, provider="spherical-grn"
)


class OptunaSweeper(Sweeper):
    """Asks Optuna for settings, launches jobs with them, and tells it what they returned.

    Parameters
    ----------
    sampler
        A sampler of Optuna, by `_target_`.
    n_trials
        How many jobs.
    n_jobs
        How many of them the launcher gets at a time.
    params
        What is searched, in the words of Hydra's sweeps: `choice(a,b)`, `range(2,9)`,
        `interval(0,1)`, `tag(log, interval(1e-4,1e-1))`; other values are fixed. Overrides of the
        command line replace them.
    """

    def __init__(
        self, sampler: DictConfig, n_trials: int, n_jobs: int, params: DictConfig
    ) -> None:
        if min(n_trials, n_jobs) < 1:
            msg = (
                f"hydra.sweeper.n_trials={n_trials}, n_jobs={n_jobs}; expected at least 1 of each."
            )
            raise InputError(msg)
        self._sampler, self._n_trials, self._n_jobs = sampler, n_trials, n_jobs
        self._params = params

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Remember the settings, and build the launcher."""
        # The first two by these names, since `validate_batch_is_legal` reads them.
        self.hydra_context, self.config = hydra_context, config
        self._loader, self._settings = hydra_context.config_loader, config
        self._launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> None:
        """Launch the trials, and write the best one to best.yaml in the folder of the sweep.

        Raises
        ------
        InputError
            Optuna is not installed, nothing is searched, or no trial has a value.
        """
        try:
            import optuna
        except ImportError as error:
            msg = "a search needs optuna. Install it: pip install 'spherical-grn[sweep]'."
            raise InputError(msg) from error
        fixed, space = self._space(arguments)
        space = self._served(fixed, space)
        folder = Path(self._settings.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(self._settings, folder / "multirun.yaml")
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # we say it ourselves
        import_from(Path.cwd(), self._sampler)
        study = optuna.create_study(direction="maximize", sampler=instantiate(self._sampler))
        try:
            failure = self._search(study, fixed, space)
        finally:  # of a search that a bug or Ctrl+C ends, too
            has_best = any(trial.value is not None for trial in study.trials)
            if has_best:
                _write_best(study, fixed, folder)
        if failure is not None and not has_best:
            raise failure

    def _search(
        self, study: "Study", fixed: list[str], space: "dict[str, BaseDistribution]"
    ) -> Exception | None:
        """Launch the trials; the last error of those that failed by their settings is returned."""
        failure: Exception | None = None
        while len(study.trials) < self._n_trials:
            n_now = min(self._n_jobs, self._n_trials - len(study.trials))
            trials = [study.ask(space) for _ in range(n_now)]
            jobs = [[*fixed, *_chosen(trial)] for trial in trials]
            self.validate_batch_is_legal(jobs)
            done = self._launcher.launch(jobs, initial_job_idx=trials[0].number)
            for trial, job in zip(trials, done, strict=True):
                failure = self._tell(study, trial, job) or failure
        return failure

    def _space(self, arguments: Sequence[str]) -> "tuple[list[str], dict[str, BaseDistribution]]":
        """Return the overrides of every job, and what is searched, by key."""
        parser = OverridesParser.create(config_loader=self._loader)
        asked = [f"{key!s}={value}" for key, value in self._params.items()]
        by_key: dict[str, Override] = {}
        for override in parser.parse_overrides([*asked, *arguments]):
            by_key[override.get_key_element()] = override
        fixed = [
            f"{key}={one.get_value_element_as_str()}"
            for key, one in by_key.items()
            if not one.is_sweep_override()
        ]
        swept = {key: one for key, one in by_key.items() if one.is_sweep_override()}
        return fixed, {key: _distribution(one) for key, one in swept.items()}

    def _served(
        self, fixed: list[str], space: "dict[str, BaseDistribution]"
    ) -> "dict[str, BaseDistribution]":
        """Return what of the space these settings have: a model of one's own has others."""
        settings = self._loader.load_sweep_config(self._settings, fixed)
        absent = [
            key
            for key in space
            if not key.startswith("+") and "." in key and not _has(settings, key)
        ]
        of_ours = {key for key in absent if key in self._params}
        if of_ours:
            logger.info("not searched, since there is no such setting: %s", ", ".join(of_ours))
        space = {key: one for key, one in space.items() if key not in of_ours}
        if not space:
            msg = (
                "nothing is searched: every setting has one value. Expected at least one like "
                "'optimizer.lr=tag(log, interval(0.001, 0.1))'."
            )
            raise InputError(msg)
        if settings.get("split") is not None or "split" in space:
            msg = (
                "a search needs R² on held-out cells, which a supervised run does not have. Leave "
                "split and objective=supervised out: known edges judge settings and choose none."
            )
            raise InputError(msg)
        return space

    def _tell(self, study: "Study", trial: "Trial", job: JobReturn) -> Exception | None:
        """Tell the value of a job; of one that failed by its settings, the error is returned."""
        from optuna.trial import TrialState

        if job.status == JobStatus.COMPLETED and job.return_value is not None:
            study.tell(trial, float(job.return_value))
            logger.info("trial %d: %.4f, %s", *_said(trial, float(job.return_value)))
            return None
        error = job._return_value
        if not isinstance(error, Exception) or exit_code(error) != USER_CAN_FIX:
            raise error if isinstance(error, BaseException) else InputError(str(job))
        study.tell(trial, state=TrialState.FAIL)
        logger.warning("trial %d failed (%s): %s", trial.number, " ".join(_chosen(trial)), error)
        return error


def _write_best(study: "Study", fixed: list[str], folder: Path) -> None:
    of_search = ("hparams_search", "hydra")
    kept = [one for one in fixed if not one.startswith(of_search)]
    best = [*kept, *_chosen(study.best_trial)]
    found = {"value": study.best_value, "job": study.best_trial.number, "overrides": best}
    OmegaConf.save(OmegaConf.create(found), folder / BEST)
    logger.info(
        "best of %d: %.4f, by grn train %s",
        *(len(study.trials), study.best_value, shlex.join(best)),
    )


def _has(settings: DictConfig, key: str) -> bool:
    """Return whether there is a setting, whose value may be null."""
    group, _, name = key.rpartition(".")
    node = OmegaConf.select(settings, group)
    exists = OmegaConf.is_dict(node) and name in node.keys()  # noqa: SIM118 - `in` leaves out ???
    return exists or OmegaConf.select(settings, key) is not None


def _said(trial: Any, value: float) -> tuple[int, float, str]:
    return trial.number, value, " ".join(_chosen(trial))


def _chosen(trial: Any) -> list[str]:
    """Return what a trial chose, as overrides."""
    return [f"{key}={value}" for key, value in trial.params.items()]


def _distribution(override: Override) -> "BaseDistribution":
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    value: Any = override.value()
    if override.is_interval_sweep():
        whole = isinstance(value.start, int) and isinstance(value.end, int)
        kind = IntDistribution if whole else FloatDistribution
        return kind(value.start, value.end, log="log" in value.tags)
    if override.is_range_sweep() and not value.shuffle:
        numbers: list[Any] = list(override.sweep_iterator())
        if all(isinstance(number, int) for number in numbers):
            return IntDistribution(min(numbers), max(numbers), step=abs(int(value.step)))
    return CategoricalDistribution(list(override.sweep_string_iterator()))
