"""Builds the module for some cells and fits it with Lightning."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning as L
import numpy as np
import torch
from hydra.utils import instantiate
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.model.embeddings import gene_profiles
from grn.network import locate
from grn.training.module import DenoisingModule

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)


def build_module(config: DictConfig, adata: "AnnData", tfs: Sequence[str]) -> DenoisingModule:
    """Build the untrained module for some cells.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model`, `objective`, `optimizer` and `seed` are read.
    adata
        Preprocessed cells × genes.
    tfs
        Regulators, in the order of the genes.
    """
    dataset = CellDataset(adata)
    n_sampled = min(config.model.profiles.max_cells, len(dataset))
    sampled = np.random.default_rng(config.seed).choice(len(dataset), n_sampled, replace=False)
    profiles = gene_profiles(dataset.rows(np.sort(sampled)), config.model.profiles.n_axes)
    tf_index = torch.from_numpy(locate(tfs, adata.var_names))
    # The network's own start is drawn here; the seed is set again before training.
    torch.manual_seed(config.seed)
    return DenoisingModule(
        network=instantiate(config.model.network)(profiles, tf_index),
        objective=instantiate(config.objective)(float(profiles.variances[0])),
        optimizer=instantiate(config.optimizer),
        names={"genes": adata.var_names.tolist(), "tfs": list(tfs)},
    )


def fit(
    config: DictConfig,
    module: DenoisingModule,
    adata: "AnnData",
    *,
    callbacks: Sequence[L.Callback] = (),
    run_logger: Any = False,
    resume_from: Path | None = None,
) -> L.Trainer:
    """Fit the module in place and leave it with the parameters of the least validation loss.

    Parameters
    ----------
    config
        `data.loader`, `trainer`, `callbacks` and `seed` are read.
    module
        From `build_module` for the same cells.
    adata
        Preprocessed cells × genes.
    callbacks
        Added to the configured ones.
    run_logger
        Lightning logger, or False.
    resume_from
        Checkpoint of an interrupted fit.

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
    L.seed_everything(config.seed, workers=True, verbose=False)
    loader = instantiate(config.data.loader)(CellDataset(adata))
    configured = [instantiate(c) for c in config.callbacks.values() if c is not None]
    trainer: L.Trainer = instantiate(
        config.trainer, callbacks=[*configured, *callbacks], logger=run_logger
    )
    trainer.fit(module, datamodule=loader, ckpt_path=resume_from)
    if trainer.interrupted:
        raise KeyboardInterrupt
    keeper = next(c for c in configured if isinstance(c, ModelCheckpoint))
    best = torch.load(keeper.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(best["state_dict"])
    # Reading the edges off needs one map: on the CPU it is exact in fp32 and the same everywhere.
    module.cpu().eval()
    logger.info(
        "trained for %d steps; kept step %d (val/loss %.5f)",
        *(trainer.global_step, best["global_step"], keeper.best_model_score),
    )
    return trainer


def no_logger() -> bool:
    """Return what Lightning takes for: log nowhere."""
    return False
