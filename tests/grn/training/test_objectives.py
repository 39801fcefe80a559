import math

import pytest
import torch

from grn.errors import InputError
from grn.training.objectives import Denoising


def test_range_of_noise_is_in_units_of_what_sampling_adds() -> None:
    objective = Denoising(50.0, least_noise=0.1, most_noise=2.0)
    torch.manual_seed(0)
    noisy, level = objective.corrupt(torch.zeros(300, 2000))
    share = noisy.var(dim=1)  # σ² / (1 + σ²)
    log_variance = (share / (1 - share)).log()
    expected = math.log(5.0) + (math.log(100.0) - math.log(5.0)) * level
    assert level.min() < 0.02
    assert level.max() > 0.98
    # The variance of 2000 draws is known to 3 %, amplified where σ² is 100.
    assert (share - expected.exp() / (1 + expected.exp())).abs().max() < 0.15
    assert (log_variance[level < 0.3] - expected[level < 0.3]).abs().max() < 1.0


def test_noisy_cells_keep_unit_variance_and_lose_the_cell_with_level() -> None:
    objective = Denoising(1.0, least_noise=0.01, most_noise=100.0)
    torch.manual_seed(0)
    cells = torch.randn(400, 500)
    noisy, level = objective.corrupt(cells)
    assert noisy.shape == cells.shape
    assert noisy.var(dim=1).mean().item() == pytest.approx(1, abs=0.02)
    kept = (noisy * cells).mean(dim=1)
    assert kept[level < 0.1].mean() > 0.95
    assert kept[level > 0.9].mean() < 0.2


def test_own_generator_fixes_the_noise_and_leaves_the_global_one_alone() -> None:
    objective, cells = Denoising(1.0, least_noise=0.1, most_noise=1.0), torch.randn(5, 7)
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = objective.corrupt(cells, torch.Generator().manual_seed(3))
    second = objective.corrupt(cells, torch.Generator().manual_seed(3))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(objective.corrupt(cells)[0], objective.corrupt(cells)[0])


def test_without_noise_the_signal_is_that_of_the_least_noise() -> None:
    objective, cells = Denoising(2.0, least_noise=0.5, most_noise=3.0), torch.randn(4, 6)
    signal, level = objective.without_noise(cells)
    torch.testing.assert_close(signal, cells / math.sqrt(1 + 1.0))
    assert not level.any()


def test_loss_is_the_mean_squared_error() -> None:
    objective = Denoising(1.0, least_noise=0.1, most_noise=1.0)
    loss = objective(torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 4.0]]))
    assert loss.item() == pytest.approx(2.5)


@pytest.mark.parametrize("noise", [(0.0, 1.0), (-1.0, 1.0), (1.0, 1.0), (2.0, 1.0), (1, math.inf)])
def test_a_range_without_noise_is_refused(noise: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="expected 0 < least_noise < most_noise"):
        Denoising(1.0, least_noise=noise[0], most_noise=noise[1])
