"""From preprocessed cells to their gene network, as configured."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from omegaconf import DictConfig

from grn.data.dataset import CellDataset
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.inference.prior import add_prior
from grn.model import pretrained
from grn.model.pretrained import PRETRAINED, GeneNetwork, find_network

logger = logging.getLogger(__name__)


def infer_network(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    *,
    rows: Int[np.ndarray, " n_rows"] | None = None,
    prior: pd.DataFrame | None = None,
    left_out: str | None = None,
    like: GeneNetwork | None = None,
) -> GeneNetwork:
    """Apply the pretrained transformer to a sample of the cells.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model` and `seed` are read.
    cells
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    rows
        Rows that may be looked at; None: all.
    prior
        Known edges that are to come first (`grn.inference.prior.add_prior`).
    left_out
        Study whose known networks must not have trained the transformer.
    like
        Network of the real cells where these are drawn from them: it is blended alike, so that
        scores can be compared.

    Raises
    ------
    InputError
        A setting is out of its range, there is no such transformer, or no edge of the prior is
        among the genes.
    """
    sampled = sample_rows(config, np.arange(len(cells)) if rows is None else rows)
    tf_index = torch.from_numpy(locate(tfs, cells.genes))
    file = transformer_file(config)
    share = None if like is None else like.share
    found = find_network(cells.roots(sampled), tf_index, file, left_out, share)
    if prior is None:
        return found
    return replace(found, scores=add_prior(found.scores, prior, tfs, cells.genes))


def untrained_network(config: DictConfig, cells: CellDataset, tfs: Sequence[str]) -> GeneNetwork:
    """Apply a transformer of the same sizes with random weights: the control without training.

    Parameters
    ----------
    config
        `seed` draws the weights; else as `infer_network`.
    cells, tfs
        As in `infer_network`.
    """
    sampled = sample_rows(config, np.arange(len(cells)))
    tf_index = torch.from_numpy(locate(tfs, cells.genes))
    roots = cells.roots(sampled)
    return pretrained.untrained_network(roots, tf_index, transformer_file(config), config.seed)


def sample_rows(
    config: DictConfig, rows: Int[np.ndarray, " n_rows"]
) -> Int[np.ndarray, " n_sampled"]:
    """Draw the rows that statistics are computed on, by the seed: at most `model.max_cells`.

    Raises
    ------
    InputError
        The seed or the number is out of its range.
    """
    seed, at_most = config.seed, config.model.max_cells
    if not 0 <= seed < 2**32:
        msg = f"seed is {seed}; expected a whole number from 0 to 4294967295."
        raise InputError(msg)
    if at_most < 2:
        msg = f"model.max_cells is {at_most}; expected at least 2."
        raise InputError(msg)
    n_sampled = min(at_most, len(rows))
    return np.sort(np.random.default_rng(seed).choice(rows, n_sampled, replace=False))


def transformer_file(config: DictConfig) -> Path:
    """Return the configured weights: those that come with the package, unless others are named."""
    named = config.model.transformer
    return PRETRAINED if named is None else Path(named)


def describe_transformer(config: DictConfig) -> dict[str, Any]:
    """Say which weights are used: file, format, and the start of the SHA-256 digest."""
    file = transformer_file(config)
    if not file.is_file():
        pretrained.read_pretrained(file)  # says what is missing
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    name = "of the package" if file == PRETRAINED else str(file)
    return {"file": name, "format": pretrained.FORMAT, "sha256": digest}


def log_belief(found: GeneNetwork) -> None:
    """Log in words what the scores start from, and of what kind of cells they are."""
    n_genes, n_tfs = found.scores.shape
    of_cells = ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in found.belief.items()
        if name != "share_of_closed_form"
    )
    logger.info(
        "found the network of %d regulators and %d genes. Its scores start from the transformer "
        "pretrained on simulated networks (%.3g %%) and from closed forms of the genes' profiles "
        "(%.3g %%), as these cells ask for: %s",
        *(n_tfs, n_genes, 100 * (1 - found.share), 100 * found.share, of_cells),
    )
