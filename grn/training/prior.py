"""The prior-guided regime: a known network is where the pair bias starts from."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.evaluation.controls import Scores
from grn.network import adjacency, hint, locate
from grn.readout import read_attention, score_pairs
from grn.training.fit import build_loader, build_module, fit_aside
from grn.training.module import DenoisingModule

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

# Scores start with a root mean square of 1: edges of the prior come first, ordered by expression.
# With 2 or 4 the result was below the prior alone (mDC, Non-Specific ChIP for STRING).
_STRENGTH = 8.0


def start_from_prior(module: DenoisingModule, prior: pd.DataFrame) -> None:
    """Let the pair bias of the prior's edges start at eight times the scores' root mean square.

    Training may change it: a prior says where to look, not what is found. Its signs are not used,
    nor are edges of genes that the network lacks.

    Parameters
    ----------
    module
        Untrained.
    prior
        Known edges, as `grn.network.read_truth` returns them.

    Raises
    ------
    InputError
        No edge of the prior is among the regulators and genes.
    """
    tfs, genes = module.names["tfs"], module.names["genes"]
    known = prior[prior["source"].isin(tfs) & prior["target"].isin(genes)]
    if known.empty:
        msg = f"No edge of the prior is among the genes. {hint(prior['source'].unique(), tfs)}"
        raise InputError(msg)
    logger.info("%d of %d edges of the prior are among the genes", len(known), len(prior))
    mask = prior_alone(known, tfs, genes).importance
    attention = module.network.attention
    with torch.no_grad():
        attention.bias[0] += _STRENGTH * torch.from_numpy(mask.T).to(attention.bias)


def prior_alone(prior: pd.DataFrame, tfs: Sequence[str], genes: Sequence[str]) -> Scores:
    """Score the prior's edges 1 and all other pairs 0: what a prior-guided result has to beat."""
    known = prior.assign(known=1)
    return Scores(None, (adjacency(known, tfs, genes, "known") == 1).astype(np.float32))


def fit_prior_guided(
    config: DictConfig, adata: "AnnData", tfs: Sequence[str], prior: pd.DataFrame
) -> Scores:
    """Train to denoise from a prior's edges on, and score every pair.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; nothing is written.
    adata
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    prior
        As in `start_from_prior`.

    Raises
    ------
    InputError
        A setting is out of its range, or no edge of the prior is among the genes.
    """
    cells = CellDataset(adata)
    module = build_module(config, cells, tfs)
    start_from_prior(module, prior)
    fit_aside(module, config, build_loader(config, cells))
    return Scores(*score_pairs(read_attention(module.network), locate(tfs, cells.genes)))
