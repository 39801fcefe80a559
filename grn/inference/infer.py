"""Finds the gene network of preprocessed cells, as configured."""

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
from grn.data.preprocessing.labels import read_labels
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.inference.effects import moments_of_groups
from grn.inference.prior import add_prior
from grn.interventions import Interventions
from grn.model import pretrained
from grn.model.centring import share_between
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

    Effects of perturbations are estimated from all of them.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model` and `seed` are read.
    cells
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    rows
        Rows of the cells to use; None uses all.
    prior
        Known edges that are ranked first (`grn.inference.prior.add_prior`).
    left_out
        Study whose known networks must not have been used in fitting the blend.
    like
        Network of the real cells if `cells` were resampled from them. Its share of the closed form
        is used again, so that scores can be compared.

    Raises
    ------
    InputError
        A setting is out of its range, there is no such transformer, or no edge of the prior is
        among the genes.
    """
    rows = np.arange(len(cells)) if rows is None else rows
    sampled = sample_rows(config, rows)
    tf_index = torch.from_numpy(locate(tfs, cells.genes))
    file = transformer_file(config)
    share = None if like is None else like.share
    batch = cells.batch(sampled)
    interventions, moments = cells.interventions(rows), None
    # All cells of a group may be perturbed alike: no effect seen would not mean none.
    if interventions is not None and not interventions.can_compare:
        interventions = None
    if interventions is not None:
        moments = moments_of_groups(cells, rows, interventions)
    found = find_network(
        cells.roots(sampled), tf_index, file, left_out, share, batch, interventions, moments
    )
    if prior is None:
        return found
    return replace(found, scores=add_prior(found.scores, prior, tfs, cells.genes))


def untrained_network(config: DictConfig, cells: CellDataset, tfs: Sequence[str]) -> GeneNetwork:
    """Apply a transformer of the same sizes with random weights, as a control without training.

    Parameters
    ----------
    config
        As in `infer_network`; `seed` also draws the weights.
    cells, tfs
        As in `infer_network`.
    """
    sampled = sample_rows(config, np.arange(len(cells)))
    tf_index = torch.from_numpy(locate(tfs, cells.genes))
    roots = cells.roots(sampled)
    return pretrained.untrained_network(roots, tf_index, transformer_file(config), config.seed)


def batch_of(config: DictConfig, obs: pd.DataFrame) -> Int[np.ndarray, " n_cells"] | None:
    """Return the batch of every cell as a number, None where `data.batch` names no column.

    Raises
    ------
    InputError
        There is no such column, cells have no batch, or all have the same one.
    """
    key = config.data.batch
    return None if key is None else read_labels(obs, key, "--batch").codes


def log_labels(config: DictConfig, cells: CellDataset) -> None:
    """Log what centring within batches removes.

    Warns where it removes the effect of a perturbation.
    """
    rows = sample_rows(config, np.arange(len(cells)))
    interventions = cells.interventions(rows)
    batch = cells.batch(rows)
    if batch is None:
        return
    logger.info(
        "centring within the batches of %s removes %.3g %% of a gene's variance (mean over genes; "
        "about %.2g %% by chance)",
        config.data.batch,
        100 * share_between(cells.roots(rows), batch),
        100 * (len(torch.unique(batch)) - 1) / len(batch),
    )
    if interventions is not None:
        _warn_of_lone_perturbations(config.data.batch, batch.numpy(), interventions)


def _warn_of_lone_perturbations(
    key: str, batch: Int[np.ndarray, " n_cells"], interventions: Interventions
) -> None:
    """Say where all cells of a batch are perturbed alike: centring removes that effect."""
    known = interventions.group >= 0
    pairs = np.unique(np.stack([batch[known], interventions.group[known]]), axis=1)
    n_groups = np.bincount(pairs[0], minlength=batch.max() + 1)
    lone = known & (n_groups[batch] == 1) & (interventions.group > 0)
    if lone.any():
        logger.warning(
            "%d of %d perturbed cells are in batches of %s whose cells are all perturbed alike: "
            "centring removes what the perturbation changed. Leave --batch out, or name a column "
            "whose batches hold controls too",
            *(int(lone.sum()), int((interventions.group > 0).sum()), key),
        )


def sample_rows(
    config: DictConfig, rows: Int[np.ndarray, " n_rows"]
) -> Int[np.ndarray, " n_sampled"]:
    """Draw at most `model.max_cells` rows, on which statistics are computed, by the seed.

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
    """Return the file of the configured weights; by default those of the package."""
    named = config.model.transformer
    return PRETRAINED if named is None else Path(named)


def describe_transformer(config: DictConfig, network: GeneNetwork) -> dict[str, Any]:
    """Return file, format and the first digits of the SHA-256 digest of the weights.

    Where perturbations were used for the network, the digest of the weights that take them is
    added.
    """
    file = transformer_file(config)
    if not file.is_file():
        pretrained.read_pretrained(file)  # raises with a message about the missing file
    name = "of the package" if file == PRETRAINED else str(file)
    described = {"file": name, "format": pretrained.FORMAT, "sha256": _digest(file)}
    if network.belief.get("n_perturbed_genes"):
        described["interventional_sha256"] = _digest(pretrained.INTERVENTIONAL)
    return described


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


def log_belief(found: GeneNetwork) -> None:
    """Log the share of the closed form, and the statistics of the cells that decided it."""
    n_genes, n_tfs = found.scores.shape
    of_cells = ", ".join(
        f"{name.replace('_', ' ')} {value:.4g}"
        for name, value in found.belief.items()
        if name != "share_of_closed_form"
    )
    logger.info(
        "found the network of %d regulators and %d genes. Its scores start from the transformer "
        "pretrained on simulated networks (%.3g %%) and from closed forms of the genes' profiles "
        "(%.3g %%), by statistics of these cells: %s",
        *(n_tfs, n_genes, 100 * (1 - found.share), 100 * found.share, of_cells),
    )
