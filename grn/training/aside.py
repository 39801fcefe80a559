"""Trains a predictor of some cells, or restores one, without a run folder."""

from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.training.checkpoint import load_predictor
from grn.training.fit import build_loader, build_predictor, fit_aside
from grn.training.module import PredictionModule
from grn.training.prediction import judge_start, r_squared


def train_predictor(
    config: DictConfig, cells: CellDataset, tfs: Sequence[str], origin: dict[str, Any]
) -> tuple[PredictionModule, dict[str, float | None]]:
    """Train a predictor of expression as configured, and judge it on held-out cells.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    cells, tfs, origin
        As in `grn.training.fit.build_predictor`.

    Returns
    -------
    The predictor, and its R² on held-out cells (`r2`) beside those of `judge_start`.
    """
    loader = build_loader(config, cells)
    module = build_predictor(config, cells, tfs, loader, origin)
    prediction = judge_start(module, loader, tfs, config.seed)
    fit_aside(module, config, loader)
    return module, {"r2": r_squared(module, loader), **prediction}


def restore_predictor(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    origin: dict[str, Any],
    checkpoint: dict[str, Any],
    *,
    same_cells: bool,
) -> PredictionModule:
    """Build the predictor of some cells with the parameters of a checkpoint.

    Parameters
    ----------
    config, cells, tfs, origin
        As in `train_predictor`.
    checkpoint, same_cells
        As in `grn.training.checkpoint.load_predictor`.
    """
    module = build_predictor(config, cells, tfs, build_loader(config, cells), origin)
    load_predictor(module, checkpoint, same_cells=same_cells)
    return module
