import pytest
import torch
from torch.nn.functional import normalize

from grn.model.cell_attention import CellAttention, own_keys

TF_INDEX = torch.tensor([4, 1, 2])
N_GENES = 6


@pytest.fixture
def attention() -> CellAttention:
    tokens = normalize(torch.randn(N_GENES, 5), dim=1)
    return CellAttention(tokens, 0.01 * torch.randn(N_GENES, 3), TF_INDEX)


def expected(attention: CellAttention, values: torch.Tensor) -> torch.Tensor:
    products = attention.tokens @ attention.tokens[TF_INDEX].T
    scores = attention.log_profile_scale.exp() * products
    scores = scores + attention.log_network_scale.exp() * attention.scores + attention.bias
    scores[TF_INDEX, torch.arange(3)] = 0
    return normalize(scores, dim=1) @ values


def test_every_gene_receives_the_values_by_the_map(attention: CellAttention) -> None:
    values = torch.randn(7, 3, 2)
    with torch.no_grad():
        attention.bias.normal_()
        torch.testing.assert_close(attention(values), expected(attention, values))


def test_both_terms_start_at_unit_root_mean_square(attention: CellAttention) -> None:
    scores = attention.log_network_scale.exp() * attention.scores
    assert scores.square().mean().sqrt().item() == pytest.approx(1, rel=1e-5)
    products = attention.log_profile_scale.exp() * attention.tokens @ attention.tokens[TF_INDEX].T
    products[TF_INDEX, torch.arange(3)] = 0
    assert products.square().mean().sqrt().item() == pytest.approx(1, rel=1e-5)
    assert not attention.bias.any()


def test_no_gene_sees_itself(attention: CellAttention) -> None:
    values = torch.randn(1, 3, 2)
    changed = values.clone()
    changed[:, 1] += 5
    with torch.no_grad():
        moved = (attention(changed) - attention(values)).abs().amax(dim=(0, 2)) > 0
    assert not moved[1]
    assert moved.sum() == N_GENES - 1
    assert own_keys(N_GENES, TF_INDEX).tolist() == [-1, 1, 2, -1, 0, -1]


def test_training_changes_the_bias_and_the_scales_alone(attention: CellAttention) -> None:
    before = attention.scores.clone()
    optimizer = torch.optim.Adam(attention.parameters(), lr=0.1)
    for _ in range(3):
        attention(torch.randn(4, 3, 2)).square().sum().backward()
        optimizer.step()
    assert torch.equal(attention.scores, before)
    assert {name for name, _ in attention.named_parameters()} == {
        *("bias", "log_profile_scale", "log_network_scale"),
    }
    assert attention.bias.abs().max() > 0.1


def test_a_network_without_any_score_breaks_nothing() -> None:
    attention = CellAttention(torch.zeros(N_GENES, 5), torch.zeros(N_GENES, 3), TF_INDEX)
    received = attention(torch.randn(2, 3, 1))
    received.sum().backward()
    assert received.isfinite().all()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in attention.parameters())
