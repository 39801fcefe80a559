import math
from typing import Any

import numpy as np
import pytest
import torch

from grn.model.pair_encoder import PairEncoder
from grn.training.pretraining_data import Example, PairBatch, pad
from grn.training.pretraining_module import (
    PairEncoderModule,
    edge_loss,
    held_out_ratios,
    log_auprc_ratios,
)


def batch_of(*truths: list[list[int]], kind: str = "bulk") -> PairBatch:
    from grn.model.pair_statistics import N_STATISTICS

    examples = []
    for truth in truths:
        regulated = np.array(truth, dtype=bool)
        statistics = np.zeros((*regulated.shape, N_STATISTICS), dtype=np.float16)
        statistics[..., 0] = regulated
        examples.append(Example(kind, 0, statistics, regulated))
    return pad(examples)


SMALL, LARGE = [[0, 1], [0, 0]], [[0, 1, 0], [0, 0, 0], [1, 1, 0]]


def test_the_loss_is_a_mean_over_networks_of_means_over_candidates() -> None:
    batch = batch_of(SMALL, LARGE)
    log_odds = torch.full((2, 3, 3), 100.0)  # what is no candidate would be costly
    log_odds[0, :2, :2] = torch.tensor([[100.0, 1.0], [0.0, 100.0]])
    log_odds[1][~torch.eye(3, dtype=torch.bool)] = torch.tensor([2.0, 0.0, 0.0, 0.0, 0.0, 0.0])

    def cost(log_odds: float, edge: bool) -> float:
        return math.log1p(math.exp(-log_odds if edge else log_odds))

    first = (cost(1, True) + cost(0, False)) / 2
    second = (cost(2, True) + 5 * math.log(2)) / 6
    assert edge_loss(log_odds, batch).item() == pytest.approx((first + second) / 2)


def test_a_ratio_is_average_precision_over_density() -> None:
    batch = batch_of(SMALL, LARGE, [[0, 0], [0, 0]])
    log_odds = torch.zeros(3, 3, 3)
    log_odds[0, 0, 1] = 1  # the edge first: AP 1, density 1/2
    # Edges at ranks 1, 3 and 4 of six: AP (1 + 2/3 + 3/4) / 3, density 1/2.
    log_odds[1] = torch.tensor([[9.0, 5.0, 4.0], [1.0, 9.0, 0.0], [3.0, 2.0, 9.0]])
    ratios = log_auprc_ratios(log_odds, batch)  # the third network has no edge to be found
    assert ratios == pytest.approx([math.log(2), math.log((1 + 2 / 3 + 3 / 4) / 3 * 2)])


class Fixed(PairEncoder):
    """Says what it is told."""

    def __init__(self, factor: float) -> None:
        super().__init__(n_channels=2, n_blocks=1)
        self.factor = factor

    def forward(self, statistics: torch.Tensor, *_: Any) -> torch.Tensor:
        return self.factor * statistics[..., 0]


def test_encoders_are_judged_by_their_mean() -> None:
    batches = [batch_of(SMALL), batch_of(SMALL, LARGE, kind="boolean")]
    perfect = held_out_ratios([Fixed(3.0), Fixed(-1.0)], batches)
    assert perfect == pytest.approx({"bulk": 2.0, "boolean": 2.0})
    wrong = held_out_ratios([Fixed(1.0), Fixed(-3.0)], batches)
    assert wrong["bulk"] == pytest.approx(1.0)  # the edge last of two


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    module = PairEncoderModule(PairEncoder(n_channels=2, n_blocks=1), 1000, "it")
    configured = module.configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    rates = []
    for _ in range(1000):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert configured["lr_scheduler"]["interval"] == "step"
    assert rates[0] == pytest.approx(3e-5)
    assert rates[49] == pytest.approx(3e-3 / 2, rel=0.01)
    assert max(rates) == pytest.approx(3e-3, rel=0.03)
    assert rates[500] == pytest.approx(3e-3 / 2)
    assert 0 < rates[-1] < 1e-7
    assert optimizer.defaults["weight_decay"] == 1e-2
