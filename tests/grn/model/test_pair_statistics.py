import math

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from grn.model.pair_statistics import N_OF_PAIR, N_STATISTICS, pair_statistics

N_CELLS, TFS = 400, torch.tensor([4, 1])
# Columns by what they hold; `back` is the same of the reverse pair.
PARTIAL, PEARSON, SPEARMAN, THIRD, THIRD_BACK, RATIO, RATIO_BACK = range(4, 11)
LOW_MEAN, HIGH_MEAN, SHARE_LOW = 11, 15, 19
ZEROS_OF_TARGET, IS_TF = 36, 41


@pytest.fixture(scope="module")
def roots() -> torch.Tensor:
    """Gene 0 needs gene 1, and saturates; gene 2 is alone; gene 3 never varies."""
    rng = np.random.default_rng(0)
    amounts = rng.gamma(2, 1, (N_CELLS, 6))
    amounts[:, 0] = np.minimum(amounts[:, 1], 1) * rng.uniform(0.2, 1, N_CELLS)
    amounts[:, 3] = 1
    amounts[:40, 5] = 0
    return torch.from_numpy(np.sqrt(amounts).astype(np.float32))


@pytest.fixture(scope="module")
def statistics(roots: torch.Tensor) -> torch.Tensor:
    return pair_statistics(roots, TFS)


def test_shape_and_self_pairs(statistics: torch.Tensor) -> None:
    assert statistics.shape == (2, 6, N_STATISTICS)
    assert statistics.dtype == torch.float32
    assert statistics.isfinite().all()
    assert not statistics[[0, 1], TFS, :N_OF_PAIR].any()


def test_correlations_are_those_of_numpy_and_scipy(
    roots: torch.Tensor, statistics: torch.Tensor
) -> None:
    x = roots.numpy()
    for gene in (0, 2, 5):
        pearson = np.corrcoef(x[:, 1], x[:, gene])[0, 1]
        spearman = spearmanr(x[:, 1], x[:, gene]).statistic
        assert statistics[1, gene, PEARSON] == pytest.approx(pearson, abs=1e-5)
        assert statistics[1, gene, SPEARMAN] == pytest.approx(spearman, abs=1e-5)


def test_quarters_by_hand(roots: torch.Tensor, statistics: torch.Tensor) -> None:
    x = roots.numpy().astype(float)
    z = (x - x.mean(0)) / np.maximum(x.std(0), 1e-9)
    order = np.argsort(x[:, 1])
    quarters = np.split(order, 4)
    bounded = np.clip(z[:, 0], -4, 4)
    means = [bounded[quarter].mean() for quarter in quarters]
    assert statistics[1, 0, RATIO] == pytest.approx(np.sqrt(np.mean(np.square(means))), abs=1e-4)
    assert statistics[1, 0, LOW_MEAN] == pytest.approx(means[0], abs=1e-4)
    assert statistics[1, 0, HIGH_MEAN] == pytest.approx(means[3], abs=1e-4)
    share = (z[quarters[0], 0] > 0).mean() - (z[:, 0] > 0).mean()
    assert statistics[1, 0, SHARE_LOW] == pytest.approx(share, abs=1e-4)


def test_the_reverse_pair_has_the_reverse_statistics(roots: torch.Tensor) -> None:
    both = pair_statistics(roots, torch.arange(6))
    torch.testing.assert_close(both[..., THIRD], both[..., THIRD_BACK].T)
    torch.testing.assert_close(both[..., RATIO], both[..., RATIO_BACK].T)
    # 1 is needed for 0: where 1 is low, 0 is; where 0 is low, 1 may be anything.
    assert both[1, 0, LOW_MEAN] < both[0, 1, LOW_MEAN] - 0.1


def test_ridge_partial_correlation_by_inversion(
    roots: torch.Tensor, statistics: torch.Tensor
) -> None:
    x = roots[:, [0, 1, 2, 4, 5]].double()
    z = (x - x.mean(0)) / x.std(0, correction=0)
    gamma = 6 / N_CELLS
    ridge = 0.1 * (gamma + 2 * math.sqrt(gamma))
    precision = torch.linalg.inv(z.T @ z / N_CELLS + ridge * torch.eye(5)).numpy()
    expected = -precision[1, 0] / np.sqrt(precision[0, 0] * precision[1, 1])
    assert statistics[1, 0, PARTIAL] == pytest.approx(expected, abs=1e-5)


def test_facts_of_genes_and_cells(statistics: torch.Tensor) -> None:
    assert statistics[0, 5, ZEROS_OF_TARGET] == pytest.approx(0.1)
    assert statistics[0, :, IS_TF].tolist() == [0, 1, 0, 0, 1, 0]
    of_cells = statistics[..., IS_TF - 4]
    assert of_cells.flatten().tolist() == pytest.approx([math.log(N_CELLS)] * 12)


def test_order_of_cells_and_genes_changes_nothing(
    roots: torch.Tensor, statistics: torch.Tensor
) -> None:
    rng = np.random.default_rng(1)
    cells, genes = (torch.from_numpy(rng.permutation(n)) for n in roots.shape)
    place = torch.argsort(genes)
    moved = pair_statistics(roots[cells][:, genes], place[TFS])
    torch.testing.assert_close(moved[:, place], statistics, atol=1e-4, rtol=1e-4)
