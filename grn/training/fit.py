"""Builds the predictor for some cells, and fits modules with Lightning."""

import logging
import signal
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint, ProgressBar
from omegaconf import DictConfig, OmegaConf

from grn.data.datamodule import CellDataModule
from grn.data.dataset import CellDataset
from grn.edges.matrix import locate
from grn.errors import InputError, causes, first_line
from grn.inference.infer import infer_network, sample_rows
from grn.model.profiles import gene_profiles, noise_edge
from grn.training.components import build, try_out
from grn.training.curves import Curves
from grn.training.distributed import check_one_process, count_all, environment, leave_if_helper
from grn.training.module import PredictionModule, TrainedModule
from grn.training.protocols import OF_A_MODEL, OF_AN_OBJECTIVE
from grn.training.schedules import MONITORED, configured_schedule
from grn.training.settings import check_settings
from grn.training.stopping import EndsOnSigterm, end_children
from grn.training.whole_checkpoints import WholeCheckpoints

logger = logging.getLogger(__name__)


def build_predictor(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    loader: CellDataModule,
    origin: dict[str, Any],
    prior: pd.DataFrame | None = None,
) -> PredictionModule:
    """Build the untrained predictor of expression for some cells.

    The predictor and its gene network use the training cells alone. The network of the result
    uses all cells; predictions through it would look too good on held-out cells.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model`, `objective`, `optimizer`,
        `scheduler` and `seed` are read.
    cells
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    loader
        Minibatches from `build_loader`, which also defines the held-out cells.
    origin
        Contents of its checkpoints (`grn.training.checkpoint.describe_origin`).
    prior
        Known edges that are ranked first, as in `infer_network`.

    Raises
    ------
    InputError
        A setting is out of its range.
    """
    rows = loader.train_rows
    network = infer_network(config, cells, tfs, rows=rows, prior=prior)
    z = cells.rows(sample_rows(config, rows))
    tf_index = torch.from_numpy(locate(tfs, cells.genes))
    # The MLPs of the predictor are initialised at random; the seed is set again before training.
    torch.manual_seed(config.seed)
    made = (z, gene_profiles(z), network.scores, tf_index)
    predictor = build(config.model.predictor, "model.predictor", *OF_A_MODEL, given=made)
    noise = (noise_edge(len(rows), len(tfs)) - 1,)
    # The mean over all cells is 0, so the sum over training cells is −1 × that of held-out cells.
    of_others = cells.rows(loader.val_rows).sum(dim=0)
    objective = build(config.objective, "objective", *OF_AN_OBJECTIVE, given=noise)
    try_out(config, predictor, objective, z[:2], cells.genes, tf_index)
    return PredictionModule(
        predictor,
        objective,
        training_mean=-of_others / len(rows),
        max_steps=config.trainer.max_steps,
        optimizer=instantiate(config.optimizer),
        origin=origin,
        schedule=configured_schedule(config),
    )


def build_trainer(
    config: DictConfig, callbacks: Sequence[L.Callback] = (), run_logger: Any = False
) -> L.Trainer:
    """Build Lightning's trainer; settings that it does not take raise here, before any work.

    Parameters
    ----------
    config
        `trainer` and `callbacks` are read.
    callbacks
        Callbacks in addition to the configured ones.
    run_logger
        Lightning logger, or False for none.

    Raises
    ------
    InputError
        A setting cannot be served, or training would end before its first validation.
    """
    check_settings(config)
    if config.trainer.val_check_interval > config.trainer.max_steps:
        msg = (
            f"trainer.max_steps={config.trainer.max_steps} ends before the first validation, at "
            f"step {config.trainer.val_check_interval}. Lower trainer.val_check_interval."
        )
        raise InputError(msg)
    built = [
        *(build(c, f"callbacks.{name}") for name, c in config.callbacks.items() if c is not None),
        *callbacks,
        *([Curves()] if run_logger else []),
    ]
    # Either setting turns progress off, and Lightning's own bar must not replace it.
    shown = config.trainer.get("enable_progress_bar", True)
    if not shown:
        built = [one for one in built if not isinstance(one, ProgressBar)]
    shown = any(isinstance(one, ProgressBar) for one in built)
    given = {"callbacks": built, "logger": run_logger, "enable_progress_bar": shown}
    several = count_all(config.trainer) > 1
    given["plugins"] = [WholeCheckpoints(), *([] if several else environment())]
    given["devices"] = config.trainer.get("devices", 1)
    if several:
        given["use_distributed_sampler"] = False  # `own_share` divides the minibatches
    with quiet_libraries():
        try:
            trainer: L.Trainer = instantiate(config.trainer, **given)
        except HydraException as error:
            *_, first = causes(error)
            msg = f"the settings of trainer do not fit: {first}"
            raise InputError(msg) from error
    return trainer


def fit(
    module: TrainedModule,
    trainer: L.Trainer,
    loader: L.LightningDataModule,
    *,
    seed: int,
    resume_from: Path | None = None,
) -> None:
    """Fit the module in place and keep the parameters with the lowest validation loss.

    A resumed fit continues with the minibatches and random numbers of an uninterrupted one: on
    the same machine and with the same settings both end with the same parameters.

    Parameters
    ----------
    module, trainer, loader
        From `build_predictor` or `build_supervised`, `build_trainer`, and `build_loader` or
        `StepNumbers`. The trainer must not have been used before.
    seed
        Seed of minibatches and noise.
    resume_from
        Checkpoint of an interrupted fit.

    Raises
    ------
    InputError
        Training diverged, or ended before a validation.
    KeyboardInterrupt
        The user stopped it.
    """
    if resume_from is not None and hasattr(loader, "first_step"):
        loader.first_step = step_of(resume_from)
    train(module, trainer, loader, seed=seed, resume_from=resume_from)
    leave_if_helper(trainer)
    keeper = _keeper(trainer)
    if not keeper.best_model_path:
        msg = (
            f"training ended at step {trainer.global_step} without a validation, so that no step "
            f"could be chosen by {MONITORED}. Check what ends it or keeps it from validating: "
            "trainer.max_time, trainer.limit_val_batches, callbacks.checkpoint.every_n_epochs."
        )
        raise InputError(msg)
    best = _read_best(Path(keeper.best_model_path))
    module.load_state_dict(best["state_dict"])
    module.cpu().eval()
    logger.info(
        "trained for %d steps; kept step %d (val/loss %.5f)",
        *(trainer.global_step, best["global_step"], keeper.best_model_score),
    )


def train(
    module: L.LightningModule,
    trainer: L.Trainer,
    loader: L.LightningDataModule,
    *,
    seed: int,
    resume_from: Path | None = None,
) -> None:
    """Run the trainer as `fit` does, but keep the parameters of the last step."""
    L.seed_everything(seed, workers=True, verbose=False)
    on_interrupt = signal.getsignal(signal.SIGINT)
    trainer.callbacks.append(EndsOnSigterm())  # type: ignore[attr-defined]
    try:
        with quiet_libraries():
            trainer.fit(module, datamodule=loader, ckpt_path=resume_from)
    except SystemExit as stopped:
        # On Ctrl+C Lightning exits with status 1, and ignores later interrupts.
        if trainer.interrupted:
            end_children(trainer)
            kind = type(stopped.__context__)  # SIGTERM raises one of its own
            raise (kind if issubclass(kind, KeyboardInterrupt) else KeyboardInterrupt) from stopped
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, on_interrupt)


def step_of(checkpoint: Path) -> int:
    """Return the optimisation step at which a checkpoint was written."""
    return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])


def _read_best(path: Path) -> dict[str, Any]:
    try:
        best: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = first_line(error)
        msg = (
            f"{path} cannot be read ({reason}). It was changed after it was written: run again "
            "with --overwrite (train: overwrite=true)."
        )
        raise InputError(msg) from error
    return best


def training_record(trainer: L.Trainer) -> dict[str, Any]:
    """Return the entries of metrics.json about a finished training."""
    return {
        "steps": int(trainer.global_step),
        "best_validation_loss": float(_keeper(trainer).best_model_score),
    }


def _keeper(trainer: L.Trainer) -> Any:
    """Return the callback that keeps the step with the lowest validation loss."""
    return next(
        callback
        for callback in trainer.checkpoint_callbacks
        if isinstance(callback, ModelCheckpoint) and callback.monitor == MONITORED
    )


def fit_aside(module: TrainedModule, config: DictConfig, loader: L.LightningDataModule) -> None:
    """Fit as configured, with the checkpoints in a temporary folder that is removed."""
    check_one_process(config.trainer)
    with tempfile.TemporaryDirectory() as folder:
        config = OmegaConf.merge(config, {"paths": {"run": folder}})  # type: ignore[assignment]
        fit(module, build_trainer(config), loader, seed=config.seed)


def build_loader(config: DictConfig, cells: CellDataset) -> CellDataModule:
    """Build the configured minibatches of some cells."""
    needs = ("train_dataloader", "val_dataloader")
    loader: CellDataModule = build(config.data.loader, "data.loader", *needs, given=(cells,))
    return loader


def no_logger() -> bool:
    """Return False, by which Lightning logs nowhere."""
    return False


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hide tips and remarks of Lightning and rich; our own warnings are still shown."""
    loggers = [logging.getLogger(f"lightning.{name}") for name in ("pytorch", "fabric")]
    levels = [one.level for one in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"(lightning|rich)\.")
        for one in loggers:
            one.setLevel(logging.WARNING)
        try:
            yield
        finally:
            for one, level in zip(loggers, levels, strict=True):
                one.setLevel(level)
