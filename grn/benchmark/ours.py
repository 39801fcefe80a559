"""Spherical attention as a method of the benchmark, in every regime, and its own controls."""

from collections.abc import Collection
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from grn.config import NO_FOLDER, compose_config
from grn.data.dataset import CellDataset
from grn.data.preprocessing.labels import read_labels
from grn.edges.matrix import locate
from grn.evaluation.scores import Scores
from grn.inference.groups import infer_groups
from grn.inference.infer import infer_network, sample_rows, untrained_network
from grn.interventions import Interventions
from grn.model.background import alike_beyond_background
from grn.model.profiles import gene_profiles
from grn.readout import read_map, without_self
from grn.supervised.module import fit_supervised
from grn.supervised.splits import Split

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.model.pretrained import GeneNetwork

_READ = ("model", "objective", "optimizer", "trainer", "callbacks")
# The benchmark shows its own progress.
_QUIET = ("callbacks.progress_bar=null", "+trainer.enable_progress_bar=false")
_SUPERVISED = "objective=supervised"
_GENES_PER_BLOCK = 1024
GROUP = "group"
"""Column of `obs` that names the groups of simulated contexts."""


def spherical(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    left_out: str | None = None,
    overrides: Collection[str] = (),
) -> Scores:
    """Find the network with the pretrained transformer; nothing is trained on the cells.

    Parameters
    ----------
    adata
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    seed
        Seed of the sample of cells, if there are more than are used.
    left_out
        Study whose known networks must not have been used in fitting the blend.
    overrides
        Other settings, as on the command line of `grn train`.
    """
    cells, config = CellDataset(adata), _configure(seed, overrides)
    return _scores(infer_network(config, cells, list(tfs), left_out=left_out), adata, tfs)


def untrained(adata: "AnnData", tfs: Collection[str], *, seed: int) -> Scores:
    """Apply a transformer of the same sizes with random weights; parameters as in `spherical`."""
    cells, config = CellDataset(adata), _configure(seed)
    return _scores(untrained_network(config, cells, list(tfs)), adata, tfs)


def beyond_background(adata: "AnnData", tfs: Collection[str], *, seed: int) -> Scores:
    """Rank pairs by the mean of six closed forms (`alike_beyond_background`), without learning.

    The transformer is blended with this score, which dominates if programmes dominate the cells.
    Parameters as in `spherical`.
    """
    cells, config = CellDataset(adata), _configure(seed)
    index = locate(tfs, adata.var_names)
    roots = cells.roots(sample_rows(config, np.arange(len(cells))))
    alike = alike_beyond_background(roots, torch.from_numpy(index))
    score, pairs = (
        alike.beyond_background.T.numpy(),
        without_self((len(index), len(roots.T)), index),
    )
    importance = np.where(pairs, score - score[pairs].min(), 0)
    return Scores(importance * np.sign(alike.cosine.T.numpy()), importance)


def ridge_profiles(adata: "AnnData", tfs: Collection[str], *, seed: int) -> Scores:
    r"""Rank pairs by the cosine of their ridge profiles beyond their background.

    With r the cosines (`GeneProfiles.tokens` on all axes) and dc(A) = A − row means − column
    means over all other genes: the larger of dc(r) and dc(|r|), each at unit variance, signed by
    r. Nothing of n_genes² is in memory. Parameters as in `spherical`.
    """
    cells, config = CellDataset(adata), _configure(seed)
    z = cells.rows(sample_rows(config, np.arange(len(cells))))
    profiles = gene_profiles(z)
    u = profiles.tokens(len(profiles.variances)).numpy()
    index = locate(tfs, adata.var_names)
    pairs = without_self((len(index), len(u)), index)
    cosines = np.where(pairs, u[index] @ u.T, 0)
    own = (u**2).sum(axis=1)
    ranked = []
    for transform in (np.asarray, np.abs):
        blocks = np.array_split(u, max(1, len(u) // _GENES_PER_BLOCK))
        totals = np.concatenate([transform(block @ u.T).sum(axis=1) for block in blocks])
        mean = (totals - own) / max(len(u) - 1, 1)
        beyond = transform(cosines) - mean[index, None] - mean
        ranked.append((beyond - beyond[pairs].mean()) / (beyond[pairs].std() or 1))
    return Scores(cosines, np.maximum(*ranked))


def supervised(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    split: Split,
    left_out: str | None = None,
    overrides: Collection[str] = (),
) -> Scores:
    """Train on the training part of a split; other parameters as in `spherical`."""
    config = _configure(seed, [_SUPERVISED, *_QUIET, *overrides])
    return fit_supervised(config, adata, list(tfs), split, left_out=left_out)


def prior_guided(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    prior: pd.DataFrame,
    left_out: str | None = None,
    overrides: Collection[str] = (),
) -> Scores:
    """Rank the edges of a known network first; other parameters as in `spherical`."""
    cells, config = CellDataset(adata), _configure(seed, overrides)
    found = infer_network(config, cells, list(tfs), prior=prior, left_out=left_out)
    return _scores(found, adata, tfs)


def interventional(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    interventions: Interventions,
    overrides: Collection[str] = (),
) -> Scores:
    """Find the network of cells whose perturbations are known; the rest is as in `spherical`."""
    cells, config = CellDataset(adata, interventions=interventions), _configure(seed, overrides)
    return _scores(infer_network(config, cells, list(tfs)), adata, tfs)


def cells_of(adata: "AnnData", group: str) -> "AnnData":
    """Return the cells of one group."""
    return adata[(adata.obs[GROUP] == group).to_numpy()]


def pooled_centred(adata: "AnnData", tfs: Collection[str], *, seed: int) -> Scores:
    """Find one network of all groups from cells that are centred within their group.

    Parameters as in `spherical`; `obs["group"]` names the groups.
    """
    groups = read_labels(adata.obs, GROUP, "--batch").codes
    cells, config = CellDataset(adata, batch=groups), _configure(seed)
    return _scores(infer_network(config, cells, list(tfs)), adata, tfs)


def partial_pooling(adata: "AnnData", tfs: Collection[str], *, seed: int, group: str) -> Scores:
    """Find the network of one group, which the cells of the others inform too.

    Parameters as in `spherical`; `obs["group"]` names the groups.
    """
    cells, config = CellDataset(adata), _configure(seed)
    labels = read_labels(adata.obs, GROUP, "--groupby")
    shared = infer_network(config, cells, list(tfs))
    found = infer_groups(config, cells, list(tfs), labels, shared)
    return _scores(found[group].network, adata, tfs)


def _scores(network: "GeneNetwork", adata: "AnnData", tfs: Collection[str]) -> Scores:
    found = read_map(network.scores, locate(tfs, adata.var_names))
    return Scores(found.weight, found.importance)


def _configure(seed: int, overrides: Collection[str] = ()) -> Any:
    config = deepcopy(_settings(*overrides))  # the settings themselves are kept for others
    config.seed = seed
    return config


def read_settings() -> str:
    """Return the settings of conf/train.yaml without known edges, as one text."""
    return str(_settings().model)


def read_supervised_settings() -> str:
    """Return the settings of conf/train.yaml for training on known edges, as one text."""
    config = _settings(_SUPERVISED)
    return str([config[key] for key in _READ])


@cache
def _settings(*choices: str) -> Any:
    """Compose conf/train.yaml once, which takes longer than finding a small network."""
    return compose_config([*NO_FOLDER, *choices])
