"""GENIE3 and GRNBoost2: each gene regressed on the TFs by an ensemble of trees."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from joblib import Parallel, delayed
from sklearn import config_context
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor

from grn.benchmark.peers.dense import dense
from grn.errors import InputError
from grn.evaluation.scores import Scores
from grn.expression import Expression

_WINDOW = 25  # rounds of the early stopping, as in arboreto

Levels: TypeAlias = Float[np.ndarray, " n_cells"]
# (levels of the regulators, levels of the target, seed) → importance of each regulator
Regression: TypeAlias = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def genie3(
    expression: Expression,
    tf_index: Int[np.ndarray, " n_tfs"],
    *,
    seed: int = 0,
    n_trees: int = 100,
    n_jobs: int = -1,
) -> Scores:
    """Rank pairs by the variance of the target that a random forest explains with the TF.

    Huynh-Thu et al. 2010: target at unit variance, trees grown out on bootstrapped cells, √n_tfs
    TFs tried at each split; the importance is the drop in variance at the splits on a TF, mean
    over trees. No signs; 0 for constant genes and self-pairs.

    Parameters
    ----------
    expression
        (n_cells, n_genes), log-normalised, dense or sparse.
    tf_index
        Columns of the regulators.
    seed
        Of the forests; each target has its own.
    n_trees
        Trees per target. The authors grow 1000.
    n_jobs
        Processes; −1: one per core. The result is the same.

    Raises
    ------
    InputError
        `n_trees` is below 1.
    """
    _check(n_trees=n_trees)
    return _regress(partial(_forest, n_trees), expression, tf_index, seed, n_jobs)


def grnboost2(
    expression: Expression,
    tf_index: Int[np.ndarray, " n_tfs"],
    *,
    seed: int = 0,
    n_stages: int = 5000,
    n_jobs: int = -1,
) -> Scores:
    """Rank pairs by the importance of the TF in a boosted regression, times its stages.

    Moerman et al. 2019 with arboreto's settings: trees of depth 3 on 90 % of the cells and a
    tenth of the TFs at each split, learning rate 0.01; boosting stops when the last 25 stages
    together predict their left-out cells worse. No signs; 0 for constant genes and self-pairs.
    Parameters as in `genie3`.

    Parameters
    ----------
    n_stages
        Stages at most; as many as arboreto allows.

    Raises
    ------
    InputError
        `n_stages` is below 1.
    """
    _check(n_stages=n_stages)
    return _regress(partial(_boosting, n_stages), expression, tf_index, seed, n_jobs)


def _check(**count: int) -> None:
    ((name, value),) = count.items()
    if value < 1:
        msg = f"{name}={value}; expected at least 1."
        raise InputError(msg)


def _regress(
    regression: Regression,
    expression: Expression,
    tf_index: Int[np.ndarray, " n_tfs"],
    seed: int,
    n_jobs: int,
) -> Scores:
    levels = dense(expression)
    tfs = levels[:, tf_index].astype(np.float32)  # what the trees compare
    n_genes = levels.shape[1]
    seeds = np.random.default_rng(seed).integers(2**31, size=(n_genes,))
    importance = np.zeros((len(tf_index), n_genes))
    fits, places = [], []
    for gene in np.flatnonzero(np.ptp(levels, axis=0) > 0):
        others = tf_index != gene
        if others.any():
            places.append((others, gene))
            fits.append(delayed(_fit)(regression, tfs[:, others], levels[:, gene], seeds[gene]))
    for place, column in zip(places, Parallel(n_jobs)(fits), strict=True):
        importance[place] = column
    return Scores(None, importance)


def _fit(regression: Regression, tfs: np.ndarray, target: Levels, seed: np.integer) -> np.ndarray:
    # Thousands of small trees are grown, and checking their input is an eighth of the time.
    with config_context(assume_finite=True, skip_parameter_validation=True):
        return regression(tfs, target, int(seed))


def _forest(n_trees: int, tfs: np.ndarray, target: Levels, seed: int) -> np.ndarray:
    forest = RandomForestRegressor(n_trees, max_features="sqrt", random_state=seed)
    forest.fit(tfs, target / target.std())
    drops = [
        tree.tree_.compute_feature_importances(normalize=False) for tree in forest.estimators_
    ]
    return np.asarray(np.mean(drops, axis=0))


def _boosting(n_stages: int, tfs: np.ndarray, target: Levels, seed: int) -> np.ndarray:
    model = GradientBoostingRegressor(
        n_estimators=n_stages,
        learning_rate=0.01,
        max_features=0.1,
        subsample=0.9,
        random_state=seed,
    )
    model.fit(tfs, target, monitor=_LeftOutCells(target))
    return np.asarray(model.feature_importances_ * len(model.estimators_))


class _LeftOutCells:
    """Stops boosting when a window of stages has not improved the cells each left out.

    arboreto reads scikit-learn's `oob_improvement_`, which since release 1.3 compares the cells
    that one stage left out with those of the stage before: that is mostly noise, and ends a
    regression after some 30 stages. Here both errors are of the same cells, as they were.
    """

    def __init__(self, target: Levels) -> None:
        self._prediction = np.full(len(target), target.mean())
        self._improvements: list[float] = []

    def __call__(self, stage: int, model: GradientBoostingRegressor, fit: dict[str, Any]) -> bool:
        left_out, prediction = ~fit["sample_mask"], fit["raw_predictions"][:, 0]
        target = fit["y"][left_out]
        before = (target - self._prediction[left_out]) ** 2
        after = (target - prediction[left_out]) ** 2
        self._improvements.append(float((before - after).mean()))
        self._prediction = prediction.copy()  # the model adds to it in place
        window = self._improvements[-_WINDOW:]
        return len(window) == _WINDOW and sum(window) < 0
