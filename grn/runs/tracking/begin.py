"""Builds the configured logger, names the run, and records what goes into it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from grn.errors import InputError, causes, first_line
from grn.runs.inputs import Inputs
from grn.runs.tracking.tracker import Tracker
from grn.text import short
from grn.version import VERSION

# Discarded together with the checkpoints, so that a run that starts anew has an identity anew.
RUN_ID = "checkpoints/wandb_run_id"

# Overrides that the name says already, or that do not change what is computed.
_NOT_NAMED = (
    *("data=", "seed", "paths", "logger", "hydra", "overwrite", "report", "hparams_search"),
    *("callbacks.progress_bar", "data.dataset", "data.network"),
)


def build_logger(config: DictConfig) -> Any:
    """Build the configured logger of Lightning, or return False if none is configured.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `logger` is read.

    Raises
    ------
    InputError
        The logger does not take its settings, or its package is not installed.
    """
    try:
        return instantiate(config.logger)
    except HydraException as error:
        *_, first = causes(error)
        if isinstance(first, InputError):
            raise first from error
        target = config.logger.get("_target_")
        msg = f"logger._target_={target} cannot be built: {first_line(first)}."
        if isinstance(first, ModuleNotFoundError):
            msg += (
                " Expected its package beside grn: pip install 'spherical-grn[tensorboard]' for "
                "logger=tensorboard. logger=csv needs no further package."
            )
        raise InputError(msg) from error


def log_start(
    run_logger: Any, config: DictConfig, inputs: Inputs, cells: str, folder: Path, job_type: str
) -> None:
    """Name the run, and record its settings and the cells it uses.

    A run that was interrupted in the folder goes on under the same identity.

    Parameters
    ----------
    run_logger
        From `build_logger`.
    config
        As composed from conf/train.yaml.
    inputs
        Inputs of the run.
    cells
        Fingerprint of the cells.
    folder
        Run folder, which is open.
    job_type
        `infer`, `train` or `supervised`.
    """
    if not run_logger:
        return
    facts = {
        "name": inputs.name,
        "fingerprint": cells,
        "n_cells": int(inputs.adata.n_obs),
        "n_genes": int(inputs.adata.n_vars),
        "n_regulators": len(inputs.tfs),
        "n_known_edges": None if inputs.truth is None else len(inputs.truth),
    }
    settings: Any = OmegaConf.to_container(config, resolve=True)
    if isinstance(run_logger, Tracker):
        stored = folder / RUN_ID
        swept, group = _sweep()
        run_logger.name_run(
            ", ".join([f"{inputs.name} seed {config.seed}", *swept]),
            group=group,
            job_type=job_type,
            run_id=stored.read_text().strip() if stored.exists() else None,
        )
    run_logger.log_hyperparams({**settings, "inputs": facts, "version": VERSION})
    if isinstance(run_logger, Tracker):
        run_logger.attempt("the identity of the run", lambda: _keep_id(run_logger, stored))
        preprocessing = inputs.adata.uns.get("grn_preprocess")
        content = json.dumps({**facts, "preprocessing": preprocessing}, indent=2, default=str)
        run_logger.attempt(
            "the fingerprint of the cells", lambda: _use_cells(run_logger, facts, content)
        )


def log_references(run_logger: Any, values: Mapping[str, float | None], step: int) -> None:
    """Record constants at a step, which draw a horizontal line beside a curve.

    Parameters
    ----------
    run_logger
        From `build_logger`.
    values
        Constants by the name of the curve; those that are None are left out.
    step
        Optimisation step: called at the first and the last one, they make a line.
    """
    if run_logger:
        known = {name: value for name, value in values.items() if value is not None}
        run_logger.log_metrics(known, step=step)


def _sweep() -> tuple[list[str], str | None]:
    """Return the overrides that tell the runs of a Hydra sweep apart, and the sweep's name."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return [], None
    hydra = HydraConfig.get()
    alike = _alike(Path(hydra.sweep.dir) / "multirun.yaml")
    named = [
        f"{key.lstrip('+~')}={short(value)}"
        for key, _, value in (one.partition("=") for one in hydra.overrides.task)
        if key not in alike and not f"{key}=".lstrip("+~").startswith(_NOT_NAMED)
    ]
    return named, "sweep " + " ".join(Path(hydra.sweep.dir).parts[-2:])


def _alike(file: Path) -> set[str]:
    """Return the keys that have one value in all runs of a sweep, by what it began with."""
    if not file.is_file():
        return set()
    asked = OverridesParser.create().parse_overrides([*OmegaConf.load(file).hydra.overrides.task])
    return {str(one.get_key_element()) for one in asked if not one.is_sweep_override()}


def _keep_id(tracker: Tracker, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(tracker.experiment.id + "\n")


def _use_cells(tracker: Tracker, facts: Mapping[str, Any], content: str) -> None:
    """Declare the cells as an input of the run; equal cells are one version of the artifact."""
    import wandb

    kept = {key: value for key, value in facts.items() if value is not None}
    cells = wandb.Artifact(f"cells-{_plain(facts['name'])}", type="dataset", metadata=kept)
    with cells.new_file("cells.json") as file:
        file.write(content)
    run = tracker.experiment
    if not run.offline:
        run.use_artifact(cells)
        return
    # `use_artifact` refuses to work offline, although the record it makes can be synchronised.
    publish = getattr(run, "_log_artifact", None)
    if publish is not None:
        publish(cells, is_user_created=True, use_after_commit=True)


def _plain(name: str) -> str:
    """Return a name of letters, digits and the signs that wandb allows, of at most 100."""
    return "".join(c if c.isalnum() or c in "-_." else "-" for c in name)[:100]
