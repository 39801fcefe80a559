"""Split-half reliability: how alike the networks of two random halves of the cells are."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from jaxtyping import Float, Int
from omegaconf import DictConfig
from scipy.stats import spearmanr

from grn.data.dataset import CellDataset
from grn.data.preprocessing.perturbed_obs import interventions_of
from grn.edges.matrix import locate
from grn.errors import InputError
from grn.evaluation.controls import pearson
from grn.inference.confidence import among_top, top_edges
from grn.inference.infer import infer_network, sample_rows
from grn.progress import track
from grn.readout import read_map, without_self

if TYPE_CHECKING:
    from anndata import AnnData

logger = logging.getLogger(__name__)

Matrix = Float[np.ndarray, "n_tfs n_genes"]

_SPLITS, _RANDOM_DRAWS, _LEAST_CELLS = 3, 1000, 20


def split_halves(
    config: DictConfig,
    adata: "AnnData",
    tfs: Sequence[str],
    prior: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Find the network of each of two random halves of the cells, three times, and compare.

    The k edges of most importance are those of `grn.inference.confidence.top_edges`: ten per
    regulator, at most a tenth of the pairs. Beside the network stand |Pearson correlation| on the
    same halves, and two random rankings. Reliable is not true: what confounds two genes does so
    in both halves.

    Parameters
    ----------
    config
        As composed from conf/train.yaml; `model` and `seed` are read.
    adata
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    prior
        Known edges that come first, in both halves; they make halves alike.

    Returns
    -------
    A tidy table `method, metric, value, spread, k`. `jaccard` is the share that both sets of k
    edges have in common of all that are in one; `spearman` the rank correlation of the
    importances of all pairs but self. `value` is the mean over the splits, `spread` their
    standard deviation.

    Raises
    ------
    InputError
        A half has fewer than 20 cells, or a setting is out of its range.
    """
    if adata.n_obs < 2 * _LEAST_CELLS:
        msg = (
            f"got {adata.n_obs} cells; halves of at least {_LEAST_CELLS} need "
            f"{2 * _LEAST_CELLS}. Give more cells, or leave --halves out."
        )
        raise InputError(msg)
    cells = CellDataset(adata, interventions=interventions_of(adata))
    tf_index = locate(tfs, adata.var_names)
    pairs = without_self((len(tfs), adata.n_vars), tf_index)
    k, n_pairs = top_edges(len(tfs), adata.n_vars), int(pairs.sum())
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for split in track(range(_SPLITS), "halves of the cells"):
        order = np.random.default_rng((config.seed, split)).permutation(adata.n_obs)
        middle = adata.n_obs // 2
        halves = [np.sort(order[:middle]), np.sort(order[middle:])]
        by_method = {
            "network": [_importance(config, cells, tfs, prior, half) for half in halves],
            "most correlated": [
                pearson(adata.X[sample_rows(config, half)], tf_index).importance for half in halves
            ],
        }
        for method, (one, other) in by_method.items():
            found[method, "jaccard"].append(_jaccard(one, other, tf_index, k))
            rank = spearmanr(one[pairs], other[pairs]).statistic
            found[method, "spearman"].append(float(rank))
        logger.info("halves: %d of %d splits compared", split + 1, _SPLITS)
    generator = np.random.default_rng(config.seed)
    common = generator.hypergeometric(k, n_pairs - k, k, size=_RANDOM_DRAWS)
    found["random", "jaccard"] = (common / (2 * k - common)).tolist()
    rows = [
        (*key, float(np.mean(values)), float(np.std(values, ddof=1)))
        for key, values in found.items()
    ]
    # Of two random orders of n, without ties: mean 0, standard deviation 1 / √(n − 1).
    rows.append(("random", "spearman", 0.0, float(1 / np.sqrt(n_pairs - 1))))
    return pd.DataFrame(rows, columns=["method", "metric", "value", "spread"]).assign(k=k)


def _jaccard(one: Matrix, other: Matrix, tf_index: np.ndarray, k: int) -> float:
    """Return the share that the k best pairs of both have in common of all that are in one."""
    top_one, top_other = (among_top(matrix, tf_index, k) for matrix in (one, other))
    return float(np.minimum(top_one, top_other).sum() / np.maximum(top_one, top_other).sum())


def _importance(
    config: DictConfig,
    cells: CellDataset,
    tfs: Sequence[str],
    prior: pd.DataFrame | None,
    half: Int[np.ndarray, " n_rows"],
) -> Matrix:
    found = infer_network(config, cells, tfs, rows=half, prior=prior)
    return read_map(found.scores, locate(tfs, cells.genes)).importance
