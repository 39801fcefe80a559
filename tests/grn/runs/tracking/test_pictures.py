from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from grn.runs.tracking.pictures import NAME, AttentionPictures, trained_map
from grn.runs.tracking.tracker import Tracker


class Silent(Tracker):
    """A tracker that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def attempt(self, what: str, action: Any) -> None:
        action()

    @property
    def experiment(self) -> Any:
        return SimpleNamespace(log=self.told.append)


def module(weights: torch.Tensor) -> Any:
    return SimpleNamespace(predictor=SimpleNamespace(attention_map=lambda: weights))


def trainer(logger: Any, step: int = 0, first: bool = True) -> Any:
    sizes = {"max_steps": 200, "val_check_interval": 10, "global_step": step}
    return SimpleNamespace(logger=logger, is_global_zero=first, **sizes)


def test_at_most_eight_pictures_and_all_of_the_same_genes() -> None:
    pictures, tracker = AttentionPictures(["A", "B"], ["A", "B", "C"]), Silent()
    for number in range(20):
        pictures.on_validation_end(trainer(tracker, 10 * number + 10), module(torch.eye(3, 2)))
    assert [one["trainer/global_step"] for one in tracker.told] == [10, 40, 70, 100, 130, 160, 190]
    assert all(one[NAME]._caption.startswith("step ") for one in tracker.told)


def test_other_loggers_and_models_without_a_map_have_none() -> None:
    pictures, tracker = AttentionPictures(["A"], ["A", "B"]), Silent()
    pictures.on_validation_end(trainer(None), module(torch.ones(2, 1)))
    pictures.on_validation_end(trainer(tracker, first=False), module(torch.ones(2, 1)))
    pictures.on_validation_end(trainer(tracker), SimpleNamespace(predictor=object()))
    assert tracker.told == []


def test_what_is_trained_is_read_by_regulator() -> None:
    weights, what = trained_map(module(torch.arange(6.0).reshape(3, 2)))
    assert weights.tolist() == [[0, 2, 4], [1, 3, 5]]
    assert "predicts" in what
    odds, what = trained_map(SimpleNamespace(log_odds=lambda: np.ones((2, 3))))
    assert odds.shape == (2, 3)
    assert what == "log odds of an edge"


@pytest.mark.parametrize("seed", [0, 1])
def test_weights_of_cell_attention_are_those_it_applies(seed: int) -> None:
    from grn.model.cell_attention import CellAttention

    torch.manual_seed(seed)
    tokens = torch.nn.functional.normalize(torch.randn(5, 4), dim=1)
    attention = CellAttention(tokens, torch.randn(5, 3), torch.tensor([0, 2, 4]))
    torch.nn.init.normal_(attention.bias)
    # Values that are the unit vectors return the weights themselves.
    applied = attention(torch.eye(3).unsqueeze(0))[0]
    torch.testing.assert_close(attention.weights(), applied, atol=1e-5, rtol=1e-4)
    assert attention.weights()[[0, 2, 4], [0, 1, 2]].tolist() == [0, 0, 0]
