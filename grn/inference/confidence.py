"""How far to trust an edge: stability over bootstraps, p-value against independent genes."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from omegaconf import DictConfig
from scipy.stats import false_discovery_control

from grn.data.dataset import CellDataset
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.evaluation.metrics import top_k
from grn.expression import is_on_disk
from grn.inference.infer import batch_of, infer_network
from grn.inference.resampling import bootstrap, decoy_names, with_decoys
from grn.model.pretrained import GeneNetwork
from grn.readout import read_map, without_self

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

Matrix = Float[np.ndarray, "n_tfs n_genes"]

_TARGETS_PER_REGULATOR = 10
_LARGEST_SHARE = 0.1
_SECONDS_BETWEEN_LINES = 10.0
# First number of the seeds, so that bootstrap k and permutation k draw different numbers.
_BOOTSTRAP, _PERMUTATION = 1, 2


@dataclass(frozen=True)
class Confidence:
    """Columns of the edge table as matrices, and the settings that they were computed with.

    Parameters
    ----------
    columns
        Those of `stability`, `p_value` and `fdr` that were requested.
    summary
        `bootstraps`, `top_k` and `permutations`, as far as they apply.
    """

    columns: dict[str, Matrix]
    summary: dict[str, int]


def check_confidence(config: DictConfig) -> None:
    """Make sure that the numbers that `confidence` requests can be computed.

    Raises
    ------
    InputError
        A number is below 0, or the columns are not defined for this kind of run.
    """
    bootstraps, permutations = config.confidence.bootstraps, config.confidence.permutations
    asked = f"confidence.bootstraps={bootstraps} and confidence.permutations={permutations}"
    if min(bootstraps, permutations) < 0:
        msg = f"got {asked}; expected 0 (none) or more."
        raise InputError(msg)
    if not (bootstraps or permutations):
        return
    if config.split is not None:
        msg = (
            f"got {asked}, but known edges decide what a supervised run finds, not the cells "
            "alone. Set both to 0, or run without a split."
        )
        raise InputError(msg)
    if permutations and config.prior is not None:
        msg = (
            f"got {asked} and a prior. Its edges come first even where genes are independent, so "
            "no p-value can say what the cells add. Set confidence.permutations=0, or leave the "
            "prior out."
        )
        raise InputError(msg)


def check_in_memory(config: DictConfig, adata: "AnnData") -> None:
    """Raise `InputError` if permutations are requested and the cells are on disk."""
    if config.confidence.permutations and is_on_disk(adata.X):
        msg = (
            "confidence.permutations permutes values of regulators over all cells, which needs "
            "cells in memory; these are on disk. Set data.on_disk=false, keep fewer cells "
            "(preprocess.cells_per_state), or set confidence.permutations=0."
        )
        raise InputError(msg)


def assess(
    config: DictConfig,
    adata: "AnnData",
    tfs: Sequence[str],
    network: GeneNetwork,
    prior: pd.DataFrame | None = None,
) -> Confidence:
    r"""Find the networks of resampled cells, and compare their edges with those of the cells.

    *Stability* of an edge is the share of the bootstraps (as many cells, drawn with replacement)
    in which it is among the `top_edges` by importance.

    *p-value.* Every regulator is joined by a decoy, its own values permuted over the cells, and
    the network of regulators and decoys is found by the same transformer, blended as for the real
    cells. The null importances are those of the decoys for the real genes: the cells are still
    such as have a network, and only what a decoy knows of a gene is chance. They are compared
    with those of the regulators in the same network, in the mean over the permutations. With B
    of them, of all pairs and all permutations, b at least the edge's own, p = (1 + b) / (1 + B).
    `fdr` is what Benjamini and Hochberg (1995) make of the p-values of all pairs. A small p-value
    says: a
    regulator that has nothing to do with the gene hardly gives this. It does not say: this is
    regulation.

    Parameters
    ----------
    config
        As composed from conf/train.yaml, checked by `check_confidence`.
    adata
        The preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    network
        Network of these cells.
    prior
        Known edges that are ranked first, in the bootstraps too.
    """
    counts, tf_index = config.confidence, locate(tfs, adata.var_names)
    batch = batch_of(config, adata.obs)
    repeat = _Repeat(config, tfs, counts.bootstraps + counts.permutations)
    columns: dict[str, Matrix] = {}
    summary: dict[str, int] = {}
    if counts.bootstraps:
        k = top_edges(len(tf_index), adata.n_vars)
        held = np.zeros((len(tf_index), adata.n_vars))
        for number in range(counts.bootstraps):
            generator = np.random.default_rng((config.seed, _BOOTSTRAP, number))
            cells = bootstrap(adata, generator, batch)
            held += among_top(repeat(cells, prior=prior), tf_index, k)
        columns["stability"] = held / counts.bootstraps
        summary |= {"bootstraps": counts.bootstraps, "top_k": k}
    if counts.permutations:
        real, nulls = [], []
        for number in range(counts.permutations):
            generator = np.random.default_rng((config.seed, _PERMUTATION, number))
            of_tfs, of_decoys = repeat.beside_decoys(adata, generator, network, batch)
            real.append(of_tfs)
            nulls.append(of_decoys)
        columns |= significance(np.mean(real, axis=0), nulls, tf_index)
        summary["permutations"] = counts.permutations
    return Confidence(columns, summary)


def top_edges(n_tfs: int, n_genes: int) -> int:
    """Return the number k of top edges: ten per regulator, but at most a tenth of the pairs.

    Networks are sparse and their size is unknown, so the number must not depend on a truth.
    """
    at_most = int(_LARGEST_SHARE * n_tfs * (n_genes - 1))
    return max(1, min(_TARGETS_PER_REGULATOR * n_tfs, at_most))


def among_top(importance: Matrix, tf_index: np.ndarray, k: int) -> Matrix:
    """Mark the k most important pairs by 1; pairs that tie for the last places share them."""
    pairs = without_self(importance.shape, tf_index)
    found = np.zeros(importance.shape)
    found[pairs] = top_k(importance[pairs], k)
    return found


def significance(
    importance: Matrix, nulls: list[Matrix], tf_index: np.ndarray
) -> dict[str, Matrix]:
    """Compare importances with the null distribution of all pairs of all permutations.

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


class _Repeat:
    """Finds networks of resampled cells with the settings of the real ones, and logs progress.

    Parameters
    ----------
    config, tfs
        As in `assess`.
    n_networks
        Number of networks that will be found.
    """

    def __init__(self, config: DictConfig, tfs: Sequence[str], n_networks: int) -> None:
        self._config, self._tfs, self._total = config, tfs, n_networks
        self._done, self._started = 0, time.perf_counter()
        self._said = self._started
        if n_networks:
            logger.info(
                "confidence: finding %d further networks, each as long as the first took",
                n_networks,
            )

    def __call__(
        self,
        cells: CellDataset,
        *,
        prior: pd.DataFrame | None = None,
    ) -> Matrix:
        return self._importance(cells, self._tfs, prior=prior)

    def beside_decoys(
        self,
        adata: "AnnData",
        generator: np.random.Generator,
        network: GeneNetwork,
        batch: Int[np.ndarray, " n_cells"] | None,
    ) -> tuple[Matrix, Matrix]:
        """Return importances of the regulators and of their decoys in one joint network."""
        cells = with_decoys(adata, locate(self._tfs, adata.var_names), generator, batch)
        tfs = [*self._tfs, *decoy_names(self._tfs)]
        found = self._importance(cells, tfs, like=network)[:, : adata.n_vars]
        return found[: len(self._tfs)], found[len(self._tfs) :]

    def _importance(
        self,
        cells: CellDataset,
        tfs: Sequence[str],
        *,
        prior: pd.DataFrame | None = None,
        like: GeneNetwork | None = None,
    ) -> Matrix:
        found = infer_network(self._config, cells, tfs, prior=prior, like=like)
        self._done += 1
        now = time.perf_counter()
        each = (now - self._started) / self._done
        last, due = self._done == self._total, now - self._said >= _SECONDS_BETWEEN_LINES
        if self._done == 1 or last or due:
            self._said = now
            logger.info(
                "confidence: %d of %d further networks found, about %.0f s to go",
                *(self._done, self._total, each * (self._total - self._done)),
            )
        return read_map(found.scores, locate(tfs, cells.genes)).importance
