"""How far to trust an edge: stability over bootstraps, p-value against independent genes."""

import copy
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float
from omegaconf import DictConfig, open_dict
from scipy.stats import false_discovery_control

from grn.data.dataset import CellDataset
from grn.data.resampling import bootstrap, independent_genes
from grn.errors import InputError
from grn.evaluation.metrics import top_k
from grn.model.transformer import SphericalTransformer
from grn.moments import is_on_disk
from grn.readout import AttentionScores, read_attention, score_pairs, without_self
from grn.training.fit import build_loader, build_module, fit_aside
from grn.training.module import DenoisingModule
from grn.training.prior import start_from_prior

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

Matrix = Float[np.ndarray, "n_tfs n_genes"]

_TARGETS_PER_REGULATOR = 10
_LARGEST_SHARE = 0.1
# The first numbers of the seeds: bootstraps and permutations of one number differ.
_BOOTSTRAP, _PERMUTATION = 1, 2


@dataclass(frozen=True)
class Confidence:
    """Columns of the edge table, laid out as matrices, and how they came about.

    Parameters
    ----------
    columns
        `stability`, `p_value`, `fdr`: those that were asked for.
    summary
        `bootstraps`, `top_k` and `permutations`, likewise.
    """

    columns: dict[str, Matrix]
    summary: dict[str, int]


def check_confidence(config: DictConfig, *, applied: bool = False) -> None:
    """Make sure that what `confidence` asks for can be computed.

    Parameters
    ----------
    config
        As composed from conf/train.yaml.
    applied
        Whether a checkpoint is applied instead of training.

    Raises
    ------
    InputError
        A number is below 0, or the run is one whose edges cannot be judged this way.
    """
    bootstraps, permutations = config.confidence.bootstraps, config.confidence.permutations
    asked = f"confidence.bootstraps={bootstraps} and confidence.permutations={permutations}"
    if min(bootstraps, permutations) < 0:
        msg = f"got {asked}; expected 0 (none) or more."
        raise InputError(msg)
    if not (bootstraps or permutations):
        return
    if applied or config.split is not None:
        reason = (
            "a checkpoint is applied without training, so there is no fit to repeat"
            if applied
            else "known edges decide what a supervised run finds, not the cells alone"
        )
        msg = f"got {asked}, but {reason}. Set both to 0, or train on these cells without a split."
        raise InputError(msg)
    if permutations and config.prior is not None:
        msg = (
            f"got {asked} and a prior. Its edges come first even where genes are independent, so "
            "no p-value can say what the cells add. Set confidence.permutations=0, or leave the "
            "prior out."
        )
        raise InputError(msg)


def check_in_memory(config: DictConfig, adata: "AnnData") -> None:
    """Raise `InputError` where permutations are asked for and the cells are on disk."""
    if config.confidence.permutations and is_on_disk(adata.X):
        msg = (
            "confidence.permutations deals the values of every gene out to all cells, which takes "
            "cells in memory; these are on disk. Set data.on_disk=false, keep fewer cells "
            "(preprocess.cells_per_state), or set confidence.permutations=0."
        )
        raise InputError(msg)


def assess(
    config: DictConfig,
    adata: "AnnData",
    module: DenoisingModule,
    prior: pd.DataFrame | None = None,
) -> Confidence:
    r"""Fit again to other cells, as often as `confidence` says, and compare the edges.

    *Stability* of an edge is the share of the bootstraps (as many cells, drawn with replacement)
    in which it is among the `top_edges` by importance.

    *p-value.* Every gene's values are permuted over the cells, which leaves no dependence between
    genes, and the network is fitted to that. With B null importances, of all pairs and all
    permutations, b of them at least the edge's own, p = (1 + b) / (1 + B). `fdr` is what Benjamini
    and Hochberg (1995) make of the p-values of all pairs. A small p-value says: independent genes
    hardly give this. It does not say: this is regulation.

    What turns scores into importances is taken from the real fit (`score_pairs`), and so are the
    constants of the network (`like` of `SphericalTransformer`): on a scale of its own, chance
    would look like the real thing. What simulated networks have taught has no part in it, in the
    real fit neither: all of them had edges, so among independent genes it still finds some.

    Parameters
    ----------
    config
        As composed from conf/train.yaml, checked by `check_confidence`.
    adata
        The preprocessed cells.
    module
        Fitted to them with these settings.
    prior
        What it started from; the fits to bootstraps start from it too.
    """
    counts, tf_index = config.confidence, module.network.attention.tf_index.numpy()
    is_taught = module.network.attention.start is not None
    n_fits = counts.bootstraps + counts.permutations + (is_taught and counts.permutations > 0)
    refit = _Refit(config, module, prior, n_fits)
    columns: dict[str, Matrix] = {}
    summary: dict[str, int] = {}
    if counts.bootstraps:
        k = top_edges(len(tf_index), adata.n_vars)
        held = np.zeros((len(tf_index), adata.n_vars))
        for number in range(counts.bootstraps):
            cells = bootstrap(adata, np.random.default_rng((config.seed, _BOOTSTRAP, number)))
            held += among_top(score_pairs(refit(cells), tf_index)[1], tf_index, k)
        columns["stability"] = held / counts.bootstraps
        summary |= {"bootstraps": counts.bootstraps, "top_k": k}
    if counts.permutations:
        units: dict[str, float] = {}
        refit.forget_simulations()
        network = module.network
        attended = refit(CellDataset(adata), network) if is_taught else read_attention(network)
        real = score_pairs(attended, tf_index, units)[1]
        nulls = []
        for number in range(counts.permutations):
            generator = np.random.default_rng((config.seed, _PERMUTATION, number))
            found = refit(independent_genes(adata, generator), network)
            nulls.append(score_pairs(found, tf_index, units)[1])
        columns |= significance(real, nulls, tf_index)
        summary["permutations"] = counts.permutations
    return Confidence(columns, summary)


def top_edges(n_tfs: int, n_genes: int) -> int:
    """Return how many edges count as found: ten per regulator, but at most a tenth of the pairs.

    A network is sparse, and its size is not known: the number must not depend on a truth.
    """
    at_most = int(_LARGEST_SHARE * n_tfs * (n_genes - 1))
    return max(1, min(_TARGETS_PER_REGULATOR * n_tfs, at_most))


def among_top(importance: Matrix, tf_index: np.ndarray, k: int) -> Matrix:
    """Say which pairs are the k most important; those tied for the last place share it."""
    pairs = without_self(importance.shape, tf_index)
    found = np.zeros(importance.shape)
    found[pairs] = top_k(importance[pairs], k)
    return found


def significance(
    importance: Matrix, nulls: list[Matrix], tf_index: np.ndarray
) -> dict[str, Matrix]:
    """Compare importances with those of nulls, all pairs of all nulls taken together.

    Returns
    -------
    `p_value` and `fdr`, NaN on self-pairs.
    """
    pairs = without_self(importance.shape, tf_index)
    null = np.sort(np.concatenate([matrix[pairs] for matrix in nulls]))
    as_large = len(null) - np.searchsorted(null, importance[pairs])
    p_value = np.full(importance.shape, np.nan)
    p_value[pairs] = (1 + as_large) / (1 + len(null))
    fdr = np.full(importance.shape, np.nan)
    fdr[pairs] = false_discovery_control(p_value[pairs])
    return {"p_value": p_value, "fdr": fdr}


class _Refit:
    """Fits the network to other cells as it was fitted to the real ones, and tells how long.

    Parameters
    ----------
    config, module, prior
        As in `assess`.
    n_fits
        How many there will be.
    """

    def __init__(
        self,
        config: DictConfig,
        module: DenoisingModule,
        prior: pd.DataFrame | None,
        n_fits: int,
    ) -> None:
        self._config = copy.deepcopy(config)
        with open_dict(self._config):
            self._config.callbacks.progress_bar = None
            self._config.trainer.enable_progress_bar = False
        self._tfs = module.names["tfs"]
        self._prior = prior
        self._total = n_fits
        self._done, self._started = 0, time.perf_counter()

    def forget_simulations(self) -> None:
        """Start from profiles alone from now on."""
        self._config.model.pretrained = False

    def __call__(
        self, cells: CellDataset, like: SphericalTransformer | None = None
    ) -> AttentionScores:
        with _only_warnings():
            module = build_module(self._config, cells, self._tfs, like)
            if self._prior is not None:
                start_from_prior(module, self._prior)
            fit_aside(module, self._config, build_loader(self._config, cells))
        self._done += 1
        self._report()
        return read_attention(module.network)

    def _report(self) -> None:
        """Log how long the rest will take after the first fit, then at every tenth of the way."""
        each = (time.perf_counter() - self._started) / self._done
        if self._done == 1 or self._done % max(1, self._total // 10) == 0:
            logger.info(
                "confidence: %d of %d further fits done, about %.0f s to go",
                *(self._done, self._total, each * (self._total - self._done)),
            )


@contextmanager
def _only_warnings() -> Iterator[None]:
    """Keep what every fit says of itself from the log."""
    parent = logging.getLogger("grn.training")
    level = parent.level
    parent.setLevel(logging.WARNING)
    try:
        yield
    finally:
        parent.setLevel(level)
