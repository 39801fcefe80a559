"""Builds the module for some cells and fits it with Lightning."""

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
import numpy as np
import torch
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.model.embeddings import GeneProfiles, gene_profiles
from grn.model.pair_encoder import edge_log_odds, is_encodable
from grn.model.transformer import SphericalTransformer
from grn.network import locate
from grn.training.module import DenoisingModule, NetworkModule

logger = logging.getLogger(__name__)

# Above, what simulated networks have taught would count for less than a hundredth.
_DOMINATED = 0.99


def build_module(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    like: SphericalTransformer | None = None,
) -> DenoisingModule:
    """Build the untrained module for some cells.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model`, `objective`, `optimizer` and `seed` are read.
    cells
        What the profiles are computed on.
    tfs
        Regulators, in the order of the genes.
    like
        Network of other cells with which the scores are to be compared (`SphericalTransformer`).

    Raises
    ------
    InputError
        A setting is out of its range.
    """
    network, profiles = build_network(config, cells, tfs, like)
    return DenoisingModule(
        network=network,
        objective=instantiate(config.objective)(profiles.sampling_variance),
        optimizer=instantiate(config.optimizer),
        names={"genes": cells.genes, "tfs": list(tfs)},
        settings={"model": OmegaConf.to_container(config.model), "seed": config.seed},
    )


def build_network(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    like: SphericalTransformer | None = None,
) -> tuple[SphericalTransformer, GeneProfiles]:
    """Build the network as it starts, and the profiles it stands on; as `build_module`."""
    if not 0 <= config.seed < 2**32:
        msg = f"seed is {config.seed}; expected a whole number from 0 to 4294967295."
        raise InputError(msg)
    n_sampled = min(config.model.profiles.max_cells, len(cells))
    sampled = np.random.default_rng(config.seed).choice(len(cells), n_sampled, replace=False)
    sampled.sort()
    profiles = gene_profiles(cells.rows(sampled), config.model.profiles.n_axes)
    tf_index = torch.from_numpy(locate(tfs, cells.genes))
    # The network's own start is drawn here; the seed is set again before training.
    torch.manual_seed(config.seed)
    network: SphericalTransformer = instantiate(config.model.network)(
        profiles, tf_index, like=like
    )
    if config.model.pretrained and network.dominated < _DOMINATED:
        if is_encodable(len(tf_index), len(cells.genes)):
            log_odds = edge_log_odds(cells.roots(sampled), tf_index)
            network.attention.start_from(log_odds, 1 - network.dominated)
        else:
            logger.info(
                "too many pairs for what simulated networks have taught: scores start from "
                "profiles alone (docs/pretraining.md)"
            )
    return network, profiles


def build_trainer(
    config: DictConfig, callbacks: Sequence[L.Callback] = (), run_logger: Any = False
) -> L.Trainer:
    """Build Lightning's trainer; a setting that it does not take shows here, before any work.

    Parameters
    ----------
    config
        `trainer` and `callbacks` are read.
    callbacks
        Added to the configured ones.
    run_logger
        Lightning logger, or False.

    Raises
    ------
    InputError
        Training would end before its first validation.
    """
    if config.trainer.val_check_interval > config.trainer.max_steps:
        msg = (
            f"trainer.max_steps={config.trainer.max_steps} ends before the first validation, at "
            f"step {config.trainer.val_check_interval}. Lower trainer.val_check_interval."
        )
        raise InputError(msg)
    configured = [instantiate(c) for c in config.callbacks.values() if c is not None]
    with quiet_libraries():
        trainer: L.Trainer = instantiate(
            config.trainer, callbacks=[*configured, *callbacks], logger=run_logger
        )
    return trainer


def fit(
    module: NetworkModule,
    trainer: L.Trainer,
    loader: L.LightningDataModule,
    *,
    seed: int,
    resume_from: Path | None = None,
) -> None:
    """Fit the module in place and leave it with the parameters of the least validation loss.

    Parameters
    ----------
    module, trainer, loader
        From `build_module`, `build_trainer` and `build_loader`; the trainer not used before.
    seed
        Of minibatches and noise.
    resume_from
        Checkpoint of an interrupted fit.

    Raises
    ------
    KeyboardInterrupt
        The user stopped it.
    """
    train(module, trainer, loader, seed=seed, resume_from=resume_from)
    keeper = next(c for c in trainer.checkpoint_callbacks if isinstance(c, ModelCheckpoint))
    best = torch.load(keeper.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    # Reading the edges off needs one map: on the CPU it is exact in fp32 and the same everywhere.
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
    """Run the trainer; as `fit`, but the module is left with its last parameters."""
    L.seed_everything(seed, workers=True, verbose=False)
    on_interrupt = signal.getsignal(signal.SIGINT)
    try:
        with quiet_libraries():
            trainer.fit(module, datamodule=loader, ckpt_path=resume_from)
    except SystemExit as stopped:
        # Lightning ends the process with 1 on Ctrl+C, and leaves later ones ignored.
        if trainer.interrupted:
            raise KeyboardInterrupt from stopped
        raise
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, on_interrupt)


def fit_aside(module: NetworkModule, config: DictConfig, loader: L.LightningDataModule) -> None:
    """Fit as configured, with the checkpoints in a temporary folder: nothing is left behind."""
    with tempfile.TemporaryDirectory() as folder:
        config = OmegaConf.merge(config, {"paths": {"run": folder}})  # type: ignore[assignment]
        fit(module, build_trainer(config), loader, seed=config.seed)


def build_loader(config: DictConfig, cells: CellDataset) -> L.LightningDataModule:
    """Build the configured minibatches of some cells."""
    loader: L.LightningDataModule = instantiate(config.data.loader)(cells)
    return loader


def no_logger() -> bool:
    """Return what Lightning takes for: log nowhere."""
    return False


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keep tips and remarks of Lightning and rich from the user, warnings of ours not."""
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
