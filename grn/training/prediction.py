"""Measures how well expression is predicted on held-out cells, compared with baselines."""

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from grn.data.datamodule import CellDataModule
from grn.edges.matrix import locate
from grn.model.threads import one_thread
from grn.training.module import PredictionModule

# From 0.01 to 82 in units of a gene's variance, in steps of 2. The range was not measured.
_PENALTIES = tuple(0.01 * 2**k for k in range(14))
_FOLDS = 5  # conventional
_ROWS_PER_BLOCK = 2000  # limits memory to 48 MB for 3000 genes, in float64
# Ridge regression inverts a matrix of regulators × regulators. Both limits bound the time of this
# baseline; they were chosen by hand and not measured.
_MOST_REGULATORS = 3000
_MOST_CELLS = 20_000


class _Sums(NamedTuple):
    """Sums over some cells, from which ridge regression is computed."""

    with_tfs: Float[Tensor, "n_tfs n_tfs"]
    """Sums of products of regulators with regulators."""
    with_genes: Float[Tensor, "n_tfs n_genes"]
    """Sums of products of regulators with genes."""
    genes: Float[Tensor, " n_genes"]
    """Sums of the genes."""
    n_cells: int

    def __add__(self, other: "_Sums") -> "_Sums":  # type: ignore[override]
        return _Sums(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))  # type: ignore[operator]


def judge_start(
    module: PredictionModule, loader: CellDataModule, tfs: Sequence[str], seed: int
) -> dict[str, float | None]:
    """Return R² of the baselines of training, on the same held-out cells.

    Returns
    -------
    `mean`, the mean of the training cells, whose R² is 0 by definition; `ridge`
    (`ridge_r_squared`); and `start`, the module before training.
    """
    ridge = ridge_r_squared(loader, locate(tfs, loader.dataset.genes), seed)
    return {"mean": 0.0, "ridge": ridge, "start": r_squared(module, loader)}


def r_squared(module: PredictionModule, loader: CellDataModule) -> float:
    """Return R² of a module on the held-out cells."""
    with torch.no_grad():
        blocks = _blocks(loader, loader.val_rows)
        error, total = sum(module.squares(block) for block in blocks)  # type: ignore[misc]
    return float(1 - error / total)


def ridge_r_squared(
    loader: CellDataModule, tf_index: Int[np.ndarray, " n_tfs"], seed: int
) -> float | None:
    r"""Return R² of ridge regression from the regulators to every gene, on the held-out cells.

    .. math:: W = (X^T X / n + \lambda I)^{-1} X^T Y / n

    where X are the regulators and Y all genes, both centred on the training cells. No gene
    predicts itself: with P the inverse above, leaving regulator g out of its own regression
    subtracts $P_{\cdot g} w_g / P_{gg}$. λ is the penalty that predicts best in five folds of the
    training cells.

    Returns
    -------
    R², or None if there are more than 3000 regulators. At most 20,000 training cells are used.
    """
    if len(tf_index) > _MOST_REGULATORS:
        return None
    index = torch.from_numpy(tf_index)
    rows = np.random.default_rng(seed).permutation(loader.train_rows)[:_MOST_CELLS]
    folds = [rows[k::_FOLDS] for k in range(_FOLDS)]
    sums = [_sum_products(loader, fold, index) for fold in folds]
    errors = np.zeros(len(_PENALTIES))
    for k, fold in enumerate(folds):
        others = reduce(add, sums[:k] + sums[k + 1 :])
        errors += [_ridge_squares(loader, fold, index, others, p)[0] for p in _PENALTIES]
    best = _PENALTIES[int(errors.argmin())]
    error, total = _ridge_squares(loader, loader.val_rows, index, reduce(add, sums), best)
    return 1 - error / total


def _sum_products(loader: CellDataModule, rows: np.ndarray, index: Tensor) -> _Sums:
    n_tfs, n_genes = len(index), len(loader.dataset.genes)
    sums = _Sums(
        torch.zeros(n_tfs, n_tfs, dtype=torch.float64),
        torch.zeros(n_tfs, n_genes, dtype=torch.float64),
        torch.zeros(n_genes, dtype=torch.float64),
        len(rows),
    )
    for block in _blocks(loader, rows):
        z = block.double()
        sums.with_tfs.addmm_(z[:, index].T, z[:, index])
        sums.with_genes.addmm_(z[:, index].T, z)
        sums.genes.add_(z.sum(dim=0))
    return sums


def _ridge_squares(
    loader: CellDataModule, rows: np.ndarray, index: Tensor, sums: _Sums, penalty: float
) -> tuple[float, float]:
    """Fit on `sums`; return the sums of squared errors and of squared deviations on `rows`."""
    mean = sums.genes / sums.n_cells
    covariance = sums.with_tfs / sums.n_cells - torch.outer(mean[index], mean[index])
    with_genes = sums.with_genes / sums.n_cells - torch.outer(mean[index], mean)
    ridge = covariance + penalty * torch.eye(len(index), dtype=torch.float64)
    with one_thread():
        inverse = torch.linalg.inv(ridge)
    coefficients = inverse @ with_genes
    own = coefficients[:, index].diagonal() / inverse.diagonal()
    coefficients[:, index] -= inverse * own
    error = total = 0.0
    for block in _blocks(loader, rows):
        z = block.double() - mean
        error += float((z - z[:, index] @ coefficients).square().sum())
        total += float(z.square().sum())
    return error, total


def _blocks(loader: CellDataModule, rows: np.ndarray) -> Iterator[Float[Tensor, "cells n_genes"]]:
    for start in range(0, len(rows), _ROWS_PER_BLOCK):
        yield loader.dataset.rows(rows[start : start + _ROWS_PER_BLOCK])
