import math

import pytest
import torch

from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR
from grn.model.transformer import Found, SphericalTransformer
from grn.pretraining.batches import Batch, pad
from grn.pretraining.examples import Example
from grn.pretraining.module import (
    PretrainingModule,
    edge_loss,
    in_words,
    judge,
    mean_over_networks,
    row_loss,
)


def batch_of(*truths: list[list[int]], kind: str = "bulk") -> Batch:
    """Return networks of these signs (targets × regulators), of which cells show nothing."""
    return pad(
        [
            Example(
                kind=kind,
                network=1,
                of_pairs=torch.randn(len(OF_PAIR), len(truth), len(truth[0])).half(),
                of_genes=torch.randn(len(truth), len(OF_GENE)),
                of_cells=torch.randn(len(OF_CELLS)),
                profiles=torch.eye(len(truth)).half(),
                sign=torch.tensor(truth, dtype=torch.int8),
            )
            for truth in truths
        ]
    )


# Three targets of two regulators: gene 0 is activated by 1, gene 2 by 0 and repressed by 1.
ONE = [[0, 1], [0, 0], [1, -1]]
SQUARE = [[0, -1], [0, 0]]


def certain(batch: Batch, sign: float = 1.0) -> Found:
    """Return the truth itself, or its opposite."""
    log_odds = torch.where(batch.sign != 0, 30.0, -30.0)
    return Found(log_odds, sign * batch.sign.float())


def cost(log_odds: float, *, edge: bool) -> float:
    return math.log1p(math.exp(-log_odds if edge else log_odds))


def test_the_loss_of_edges_is_a_mean_over_the_candidates() -> None:
    batch = batch_of(ONE)
    # What is no candidate would be costly.
    log_odds = torch.tensor([[[99.0, 2.0], [0.5, 99.0], [-1.0, 3.0]]])
    expected = [
        *(cost(2, edge=True), cost(0.5, edge=False)),
        *(cost(-1, edge=True), cost(3, edge=True)),
    ]
    found = Found(log_odds, torch.zeros(1, 3, 2))
    assert edge_loss(found, batch).item() == pytest.approx(sum(expected) / 4)


def test_networks_count_alike_whatever_their_size() -> None:
    batch = batch_of(ONE, SQUARE)
    log_odds = torch.full((2, 3, 2), 99.0)
    log_odds[0][batch.is_candidate[0]] = 0.0
    log_odds[1][batch.is_candidate[1]] = torch.tensor([4.0, -4.0])
    expected = (math.log(2) + cost(4, edge=True)) / 2
    found = Found(log_odds, torch.zeros(2, 3, 2))
    assert edge_loss(found, batch).item() == pytest.approx(expected)


def test_the_loss_of_rows_is_one_minus_their_cosine() -> None:
    batch = batch_of(ONE)
    sign = torch.tensor([[[1.0, 0.8], [1.0, 1.0], [0.6, 0.8]]])
    found = Found(torch.zeros(1, 3, 2), sign)
    # Row 0 has one candidate, and points its way; row 2 is (3, 4) / 5 beside (1, −1) / √2.
    expected = (0 + 1 - (0.6 - 0.8) / math.sqrt(2)) / 2
    assert row_loss(found, batch).item() == pytest.approx(expected, abs=1e-4)


def test_rows_of_the_truth_cost_nothing_and_their_opposites_two() -> None:
    batch = batch_of(ONE, SQUARE, [[0, 0], [0, 0]])
    assert row_loss(certain(batch), batch).item() == pytest.approx(0, abs=1e-4)
    assert row_loss(certain(batch, -1.0), batch).item() == pytest.approx(2, abs=1e-4)
    nothing = batch_of([[0, 0], [0, 0], [0, 0]])
    found = Found(torch.zeros(1, 3, 2), torch.ones(1, 3, 2))
    assert row_loss(found, nothing).item() == 0


def test_rows_without_any_score_have_a_gradient() -> None:
    batch = batch_of(ONE)
    sign = torch.zeros(1, 3, 2, requires_grad=True)
    row_loss(Found(torch.zeros(1, 3, 2), sign), batch).backward()
    assert sign.grad is not None
    assert sign.grad.isfinite().all()
    assert sign.grad[0, 2, 0] < 0 < sign.grad[0, 2, 1]


def test_judged_are_average_precision_over_density_and_signs() -> None:
    batch = batch_of(ONE, SQUARE, [[0, 0], [0, 0]])
    log_odds = torch.full((3, 3, 2), 99.0)
    sign = torch.full((3, 3, 2), 0.5)
    # Edges at ranks 1, 3 and 4 of four: AP (1 + 2/3 + 3/4) / 3, density 3/4; one sign is wrong.
    log_odds[0] = torch.tensor([[99.0, 5.0], [4.0, 99.0], [3.0, 2.0]])
    log_odds[1, :2] = torch.tensor([[99.0, 1.0], [2.0, 99.0]])
    sign[1] = -0.5
    ratios, signs = zip(*judge(Found(log_odds, sign), batch), strict=True)
    # The third network has no edge to be found.
    assert ratios == pytest.approx([math.log((1 + 2 / 3 + 3 / 4) / 3 / 0.75), math.log(1.0)])
    assert signs == pytest.approx([2 / 3, 1])


def test_the_truth_reaches_one_over_the_density() -> None:
    batch = batch_of(ONE, SQUARE)
    ratios, signs = zip(*judge(certain(batch), batch), strict=True)
    assert ratios == pytest.approx([math.log(4 / 3), math.log(2)])
    assert signs == (1, 1)


def test_kinds_are_summed_up_apart() -> None:
    seen = {"bulk": [(math.log(2), 1.0), (math.log(8), 0.5)], "boolean": [(0.0, 0.25)]}
    reached = mean_over_networks(seen)
    assert reached == pytest.approx(
        {
            "auprc_ratio/boolean": 1,
            "sign_accuracy/boolean": 0.25,
            "auprc_ratio/bulk": 4,
            "sign_accuracy/bulk": 0.75,
        }
    )
    assert "auprc_ratio/bulk 4.000, sign_accuracy/bulk 0.750" in in_words(reached)


def build(**changed: float) -> PretrainingModule:
    transformer = SphericalTransformer(
        n_blocks=1, width=3, n_heads=2, head_dim=2, n_channels=2, hidden_size=5
    )
    settings = {
        "max_steps": 1000, "learning_rate": 3e-3, "weight_decay": 1e-2,
        "warm_up_steps": 100, "sign_weight": 0.1,
    }  # fmt: skip
    return PretrainingModule(transformer, **settings | changed)  # type: ignore[arg-type]


def test_the_learning_rate_warms_up_and_falls_to_nothing() -> None:
    configured = build().configure_optimizers()
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


def test_a_step_counts_signed_rows_beside_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    module, batch = build(sign_weight=0.25), batch_of(ONE, SQUARE)
    logged: dict[str, torch.Tensor] = {}
    monkeypatch.setattr(module, "log_dict", lambda values, **_: logged.update(values))
    loss = module.training_step(batch, 0)
    found = module.transformer(batch.inputs)
    expected = edge_loss(found, batch) + 0.25 * row_loss(found, batch)
    torch.testing.assert_close(loss, expected)
    assert logged["train/loss"] == loss
