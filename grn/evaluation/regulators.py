"""Targets that can be judged, and which regulators of each a method chooses."""

import logging
from dataclasses import dataclass

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Float, Int

from grn.edges.matrix import adjacency, locate
from grn.errors import InputError
from grn.expression import column_moments
from grn.names.regulators import hint

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """What is judged: names sorted, so that the order of genes changes nothing."""

    genes: list[str]
    """Targets and regulators."""
    tf_index: Int[np.ndarray, " n_tfs"]
    targets: Int[np.ndarray, " n_targets"]
    """Both are positions among the genes."""
    chosen: Int[np.ndarray, "n_targets k"]
    """The network's regulators of each target, −1 where it has no more."""
    own: Int[np.ndarray, " n_targets"]
    """Position of each target among the regulators, −1 for none."""
    n_left_out: int


def choose_task(
    edges: pd.DataFrame, adata: AnnData, fit_on: AnnData | None, k: int, where: str
) -> Task:
    """Choose the targets that can be judged, and the network's k regulators of each.

    Parameters
    ----------
    edges
        From `grn.edges.read.read_edges`.
    adata, fit_on, k
        As in `grn.evaluation.predictability.predictability`.
    where
        Begins messages.

    Raises
    ------
    InputError
        Names do not meet, values are not finite, or no target can be judged.
    """
    measured = set(adata.var_names)
    varying = _varying(adata)
    if fit_on is not None:
        measured &= set(fit_on.var_names)
        varying &= _varying(fit_on)
    sources, asked = edges["source"].unique(), edges["target"].unique()
    for role, names in (("regulator", sources), ("target", asked)):
        if not measured & set(names):
            said = hint(names, adata.var_names)
            msg = f"{where}no {role} of the edges is among the genes of the cells. {said}"
            raise InputError(msg)
    tfs = sorted(varying.intersection(sources))
    strength = adjacency(edges, tfs, asked, "importance")
    listed = strength.max(axis=0, initial=0.0) > 0
    judged = np.array([gene in varying for gene in asked]) & listed
    n_judged, n_unmeasured = int(judged.sum()), len(set(asked) - measured)
    if not n_judged:
        msg = f"{where}no target that varies has a regulator that varies, of importance above 0."
        raise InputError(msg)
    n_flat = len((set(asked) & measured) - varying)
    logger.info(
        "%s%d of %d targets are judged by %d regulators; %d are not measured, %d do not vary and "
        "%d have no regulator among these",
        *(where, n_judged, len(asked), len(tfs), n_unmeasured, n_flat),
        len(asked) - n_judged - n_unmeasured - n_flat,
    )
    if k >= len(tfs) - 1:
        logger.warning(
            "%sk=%d regulators per target are all of the %d: every choice is the same. Judge by "
            "fewer",
            *(where, k, len(tfs)),
        )
    targets = sorted(asked[judged])
    genes = sorted({*tfs, *targets})
    strength = strength[:, locate(targets, asked)].T
    order = np.argsort(-strength, axis=1, kind="stable")[:, :k]
    enough = np.take_along_axis(strength, order, axis=1) > 0
    chosen = np.where(enough, order, -1)
    where_tfs, where_targets = locate(tfs, genes), locate(targets, genes)
    own = locate(targets, tfs)
    return Task(genes, where_tfs, where_targets, chosen, own, len(asked) - n_judged)


def _varying(adata: AnnData) -> set[str]:
    mean, sd = column_moments(adata.X)
    if not np.isfinite(mean).all():
        msg = "the cells hold NaN or infinite values. Pass what grn.preprocess returns."
        raise InputError(msg)
    return set(adata.var_names[sd > 0])


def random_regulators(
    task: Task, generator: np.random.Generator
) -> Int[np.ndarray, "n_targets k"]:
    """Draw as many regulators as the network has, each target for itself."""
    shape = len(task.targets), len(task.tf_index)
    return best_regulators(generator.random(shape, dtype=np.float32), task)


def best_regulators(
    scores: Float[np.ndarray, "n_targets n_tfs"], task: Task
) -> Int[np.ndarray, "n_targets k"]:
    """Take as many regulators of the largest scores as the network has; never the gene itself."""
    regulates = np.flatnonzero(task.own >= 0)
    scores[regulates, task.own[regulates]] = -np.inf
    k = task.chosen.shape[1]
    order = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    order = np.take_along_axis(
        order, np.argsort(-np.take_along_axis(scores, order, axis=1), axis=1), axis=1
    )
    return np.where(task.chosen < 0, -1, order)
