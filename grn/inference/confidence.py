"""Measures how far to trust an edge: stability over bootstraps, p-values against decoys."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from omegaconf import DictConfig
from scipy.stats import false_discovery_control, gmean

from grn.data.dataset import CellDataset
from grn.data.preprocessing.perturbed_obs import interventions_of
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.evaluation.metrics import top_k
from grn.expression import is_on_disk
from grn.inference.infer import batch_of, infer_network
from grn.inference.resampling import bootstrap, decoy_names, with_decoys
from grn.model.pretrained import GeneNetwork
from grn.progress import track
from grn.readout import read_map, without_self

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

Matrix = Float[np.ndarray, "n_tfs n_genes"]

# Number of top edges whose stability is counted: ten per regulator, at most a tenth of all pairs.
# Both were chosen by hand, as networks are sparse and their size is unknown; their effect on
# stability was not measured.
_TARGETS_PER_REGULATOR = 10
_LARGEST_SHARE = 0.1
_SECONDS_BETWEEN_LINES = 10.0  # of the log; chosen by hand
# Second number of each seed, so that bootstrap k and permutation k draw different numbers.
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


def check_permutations(config: DictConfig, adata: "AnnData") -> None:
    """Make sure that p-values can be computed for preprocessed cells, where they are requested.

    Raises
    ------
    InputError
        The cells are on disk, or some of them are perturbed.
    """
    if not config.confidence.permutations:
        return
    if is_on_disk(adata.X):
        msg = (
            "confidence.permutations permutes values of regulators over all cells, which needs "
            "cells in memory; these are on disk. Set data.on_disk=false, keep fewer cells "
            "(preprocess.cells_per_state), or set confidence.permutations=0."
        )
        raise InputError(msg)
    if interventions_of(adata) is not None:
        msg = (
            "confidence.permutations compares regulators with decoys, which nobody has perturbed: "
            "p-values of perturbed regulators would be too small. Set confidence.permutations=0 "
            "(confidence.bootstraps gives the stability of edges), or leave --perturbations out."
        )
        raise InputError(msg)


def assess(
    config: DictConfig,
    adata: "AnnData",
    tfs: Sequence[str],
    network: GeneNetwork,
    prior: pd.DataFrame | None = None,
) -> Confidence:
    r"""Infer the networks of resampled cells, and compare their edges with those of the cells.

    *Stability* of an edge is the share of the bootstraps (as many cells, drawn with replacement)
    in which it is among the `top_edges` by importance.

    *p-value.* Each permutation adds a decoy for every regulator: a gene with the regulator's
    values, permuted over the cells. The same transformer, blended as for the real cells, infers
    one network of regulators and decoys. The null importances are those of the decoys for the real
    genes. All other genes keep their dependences, so only the relation between a decoy and a gene
    is due to chance. The importance of an edge is its geometric mean over the permutations, in the
    same networks. If b of all B null importances (of all pairs and permutations) are at least as
    large, p = (1 + b) / (1 + B). `fdr` follows from the p-values of all pairs by the method of
    Benjamini and Hochberg (1995). A small p-value means that a regulator which is independent of
    the gene rarely reaches this importance; it does not mean that it regulates the gene.

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
    batch, interventions = batch_of(config, adata.obs), interventions_of(adata)
    repeat = _Repeat(config, tfs, counts.bootstraps + counts.permutations)
    columns: dict[str, Matrix] = {}
    summary: dict[str, int] = {}
    if counts.bootstraps:
        k = top_edges(len(tf_index), adata.n_vars)
        held = np.zeros((len(tf_index), adata.n_vars))
        for number in track(range(counts.bootstraps), "bootstraps"):
            generator = np.random.default_rng((config.seed, _BOOTSTRAP, number))
            cells = bootstrap(adata, generator, batch, interventions)
            held += among_top(repeat(cells, prior=prior), tf_index, k)
        columns["stability"] = held / counts.bootstraps
        summary |= {"bootstraps": counts.bootstraps, "top_k": k}
    if counts.permutations:
        real, nulls = [], []
        for number in track(range(counts.permutations), "permutations"):
            generator = np.random.default_rng((config.seed, _PERMUTATION, number))
            of_tfs, of_decoys = repeat.beside_decoys(adata, generator, network, batch)
            real.append(of_tfs)
            nulls.append(of_decoys)
        # A permutation with larger importances everywhere would dominate an arithmetic mean: on
        # independent genes the mean p-value was then 0.46 instead of 0.50.
        columns |= significance(gmean(real, axis=0), nulls, tf_index)
        summary["permutations"] = counts.permutations
    return Confidence(columns, summary)


def top_edges(n_tfs: int, n_genes: int) -> int:
    """Return the number k of top edges: ten per regulator, but at most a tenth of the pairs.

    The number does not depend on known edges, since those of the user's cells are unknown.
    """
    at_most = int(_LARGEST_SHARE * n_tfs * (n_genes - 1))
    return max(1, min(_TARGETS_PER_REGULATOR * n_tfs, at_most))


def among_top(importance: Matrix, tf_index: np.ndarray, k: int) -> Matrix:
    """Mark the k most important pairs by 1; tied pairs share the last places equally."""
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
    """Infers networks of resampled cells with the settings of the real ones, and logs progress.

    Parameters
    ----------
    config, tfs
        As in `assess`.
    n_networks
        Number of networks that will be inferred.
    """

    def __init__(self, config: DictConfig, tfs: Sequence[str], n_networks: int) -> None:
        self._config, self._tfs, self._total = config, tfs, n_networks
        self._done, self._started = 0, time.perf_counter()
        self._said = self._started
        if n_networks:
            logger.info(
                "confidence: inferring %d further networks; each takes as long as the first",
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
                "confidence: %d of %d further networks inferred, about %.0f s to go",
                *(self._done, self._total, each * (self._total - self._done)),
            )
        return read_map(found.scores, locate(tfs, cells.genes)).importance
