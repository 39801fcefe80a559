"""A judge without a truth: R² of every target from its top regulators, on cells left out."""

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from anndata import AnnData
from jaxtyping import Bool

from grn.edges.load import load
from grn.edges.matrix import locate
from grn.edges.read import read_edges
from grn.errors import InputError
from grn.evaluation.moments import Moments, moments
from grn.evaluation.regulators import Task, best_regulators, choose_task, random_regulators
from grn.evaluation.ridge import fit_ridge, squared_errors
from grn.expression import column_moments

logger = logging.getLogger(__name__)

EdgeList: TypeAlias = str | Path | pd.DataFrame
METHODS = ("network", "most correlated", "random")

_LEAST_CELLS = 20
_FOLDS, _SPLITS, _RANDOM_DRAWS = 5, 3, 15
_GROUP = "group"


def predictability(
    edges: EdgeList,
    adata: AnnData,
    fit_on: AnnData | None = None,
    k: int = 10,
    *,
    groupby: str | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    r"""Judge a network by how well its top regulators predict expression; no truth is needed.

    .. math:: R^2 = 1 - \sum_c (y_c - \hat y_c)^2 / \sum_c (y_c - \bar y)^2

    of every target over cells c that its regression has not seen, where the mean is that of the
    fitting cells: 0 is what the mean predicts, and regressions that do worse are below. The
    regression is ridge (`grn.evaluation.ridge.fit_ridge`) on the k regulators of most importance
    in the edge list. Three choices of regulators are judged on the same cells and targets, as
    many for each target: those of the *network*; the *most correlated*, by |Pearson correlation|
    over the fitting cells; and *random* ones, the mean of 15 draws. All come from the regulators
    of the edge list, and a gene never predicts itself. Expression can be predicted without
    any regulation, since genes of one cell state predict each other: what the network is worth
    is what it has above the random regulators, and beside the most correlated ones.

    Which cells are fitted and which judge:

    * With `fit_on`, regressions and correlations are fitted on those cells, which should be the
      ones that the network was found on, and judged on `adata`: network and correlations have
      learned from the same cells.
    * Without it, the cells of the network are unknown and those of `adata` are all there is:
      five-fold cross-validation within them, over three random partitions. Give cells that the
      network was not found on, or its choice of regulators has seen the answers.

    Parameters
    ----------
    edges
        Table or file, see `grn.edges.read.read_edges`. An edge of importance 0 counts for none.
    adata, fit_on
        Log-normalised cells × genes, both preprocessed alike.
    k
        Regulators per target; a target with fewer in the list has as many in every choice.
    groupby
        Column of `obs`: every group is judged by itself, on its own cells and the edges that name
        it in their column `group`.
    seed
        Of partitions and random regulators.

    Returns
    -------
    A tidy table `method, k, metric, value, spread, n_targets, n_left_out`, with groups a column
    `group` before. Metrics are `r2` and `median_r2` over the targets, and `above_random`: the
    share of targets that are predicted better than from random regulators. `spread` is the
    standard deviation over partitions or draws, NaN where nothing was drawn. Targets that are not
    measured or do not vary, in either set of cells, or have no such regulator, are left out.

    Raises
    ------
    InputError
        Names do not meet, there are fewer than 20 cells, or no target can be judged.

    Examples
    --------
    >>> found = grn.predictability(edges, grn.preprocess(adata), k=2)
    >>> found.loc[found["metric"] == "r2", "method"].tolist()
    ['network', 'most correlated', 'random']
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        msg = f"k is {k!r}; expected a whole number of regulators per target, at least 1."
        raise InputError(msg)
    if groupby is not None:
        parts = list(_groups(edges, adata, fit_on, groupby))
        tables = {group: _judge(*part, k, seed, f"group {group}: ") for group, part in parts}
        return pd.concat(tables, names=[_GROUP]).reset_index(_GROUP).reset_index(drop=True)
    return _judge(read_edges(edges), adata, fit_on, k, seed)


def predictability_json(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Turn the table of `predictability` into plain JSON values, null for NaN."""
    return [
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }
        for row in table.to_dict(orient="records")
    ]


def _judge(
    edges: pd.DataFrame,
    adata: AnnData,
    fit_on: AnnData | None,
    k: int,
    seed: int,
    where: str = "",
) -> pd.DataFrame:
    for cells, name in ((adata, "adata"), (fit_on, "fit_on")):
        if cells is not None and cells.n_obs < _LEAST_CELLS:
            msg = f"{where}{name} has {cells.n_obs} cells; at least {_LEAST_CELLS} are needed."
            raise InputError(msg)
    task = choose_task(edges, adata, fit_on, k, where)
    n_splits = 1 if fit_on is not None else _SPLITS
    found: dict[str, list[np.ndarray]] = {method: [] for method in METHODS}
    for split in range(n_splits):
        generator = np.random.default_rng((seed, split))
        draws = [random_regulators(task, generator) for _ in range(_RANDOM_DRAWS // n_splits)]
        choices = [("network", task.chosen), *(("random", draw) for draw in draws)]
        errors, total = np.zeros((len(choices) + 1, len(task.targets))), np.zeros(1)
        for fitting, judging in _parts(task, adata, fit_on, generator):
            fitted = fitting.covariance()
            judged = judging.about(fitting.sums / fitting.n_cells)
            correlated = best_regulators(np.abs(fitted.correlation()[:, task.targets]).T, task)
            for number, regulators in enumerate([*(c for _, c in choices), correlated]):
                ridge = fit_ridge(fitted, regulators, task.targets)
                errors[number] += squared_errors(judged, ridge, regulators, task.targets)
            total = total + judged.squares[task.targets] * judging.n_cells
        for (method, _), error in zip([*choices, ("most correlated", None)], errors, strict=True):
            found[method].append(1 - error / total)
    return _table(found, k, task)


def _table(found: dict[str, list[np.ndarray]], k: int, task: Task) -> pd.DataFrame:
    random = np.mean(found["random"], axis=0)
    rows = []
    for method, r2 in found.items():
        metrics = {"r2": np.mean(r2, axis=1), "median_r2": np.median(r2, axis=1)}
        if method != "random":
            metrics["above_random"] = np.mean(np.asarray(r2) > random, axis=1)
        for metric, values in metrics.items():
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
            rows.append((method, k, metric, float(np.mean(values)), spread))
    table = pd.DataFrame(rows, columns=["method", "k", "metric", "value", "spread"])
    return table.assign(n_targets=len(task.targets), n_left_out=task.n_left_out)


def _groups(
    edges: EdgeList, adata: AnnData, fit_on: AnnData | None, groupby: str
) -> Iterator[tuple[str, tuple[pd.DataFrame, AnnData, AnnData | None]]]:
    """Yield the edges and cells of every group that has enough of both."""
    table, where = load(edges)
    if _GROUP not in table:
        msg = (
            f"{where}: no column group, which groupby={groupby!r} asks for; found "
            f"{', '.join(map(str, table.columns))}. Give edges by group, or leave groupby out."
        )
        raise InputError(msg)
    for cells in (adata, fit_on):
        if cells is not None and groupby not in cells.obs:
            shown = ", ".join(map(str, cells.obs.columns)) or "none"
            msg = f"no column {groupby!r} in obs of the cells; there are: {shown}."
            raise InputError(msg)
    n_found = 0
    for group, part in table.groupby(table[_GROUP].astype(str), sort=True):
        own = [
            None if cells is None else cells[(cells.obs[groupby].astype(str) == group).to_numpy()]
            for cells in (adata, fit_on)
        ]
        n_cells = min(cells.n_obs for cells in own if cells is not None)
        if n_cells < _LEAST_CELLS:
            logger.warning(
                "group %s has %d cells and is left out: at least %d are needed",
                *(group, n_cells, _LEAST_CELLS),
            )
            continue
        n_found += 1
        yield str(group), (read_edges(part.drop(columns=_GROUP)), own[0], own[1])
    if not n_found:
        msg = (
            f"no group of the edges has {_LEAST_CELLS} cells with its name in obs[{groupby!r}]. "
            "Check that both name the groups alike."
        )
        raise InputError(msg)


def _parts(
    task: Task, adata: AnnData, fit_on: AnnData | None, generator: np.random.Generator
) -> Iterator[tuple[Moments, Moments]]:
    """Yield the moments of fitting and of judging cells."""
    first = adata if fit_on is None else fit_on
    genes = locate(task.genes, first.var_names)
    offset = column_moments(first.X)[0][genes]
    total = moments(first.X, genes, task.tf_index, offset)
    if fit_on is not None:
        yield total, moments(adata.X, locate(task.genes, adata.var_names), task.tf_index, offset)
        return
    fold = generator.permutation(adata.n_obs) % _FOLDS
    for number in range(_FOLDS):
        cells: Bool[np.ndarray, " n_cells"] = fold == number
        judging = moments(adata.X, genes, task.tf_index, offset, cells)
        yield total.without(judging), judging
