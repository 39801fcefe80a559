import pytest
import torch
from torch import nn

from grn.model.pairs import PairMLP, over_channels, over_heads, unit_mean_square

BATCH, TARGETS, REGULATORS, WIDTH = 2, 7, 5, 3


def test_over_channels_is_a_convolution_of_size_one() -> None:
    layer, x = nn.Linear(4, 6), torch.randn(BATCH, 4, TARGETS, REGULATORS)
    expected = nn.functional.conv2d(x, layer.weight[..., None, None], layer.bias)
    torch.testing.assert_close(over_channels(layer, x), expected)


def test_a_pair_is_seen_with_its_two_genes() -> None:
    network = PairMLP(4 + 2, 11, 8, WIDTH)
    parts = [torch.randn(BATCH, n, TARGETS, REGULATORS) for n in (4, 2)]
    targets, regulators = torch.randn(BATCH, TARGETS, WIDTH), torch.randn(BATCH, REGULATORS, WIDTH)
    found = network(parts, targets, regulators)
    assert found.shape == (BATCH, 8, TARGETS, REGULATORS)
    element, i, j = 1, 4, 2
    pair = torch.cat([part[element, :, i, j] for part in parts])
    hidden = network.first(pair) + network.of_target(targets[element, i])
    hidden = hidden + network.of_regulator(regulators[element, j])
    expected = network.last(nn.functional.gelu(hidden))
    torch.testing.assert_close(found[element, :, i, j], expected, atol=1e-5, rtol=1e-5)


def test_rows_and_heads_at_unit_mean_square() -> None:
    scores = 3 * torch.randn(BATCH, 4, TARGETS, REGULATORS)
    # The second network has three regulators; the others are padding.
    scores[1, ..., 3:] = 0
    n_regulators = torch.tensor([5.0, 3.0])[:, None, None]
    rows, heads = unit_mean_square(scores, n_regulators), over_heads(scores)
    for mean in (
        rows[0].square().mean(dim=-1),
        rows[1, ..., :3].square().mean(dim=-1),
        heads[0].square().mean(dim=0),
    ):
        torch.testing.assert_close(mean, torch.ones_like(mean), atol=1e-4, rtol=0)
    for scaled in (rows, heads):
        assert torch.equal(scaled.sign(), scores.sign())
    ratio = heads[0, :, 3, 2] / scores[0, :, 3, 2]
    assert ratio.tolist() == pytest.approx([ratio[0].item()] * 4)
    nothing = torch.zeros(scores.shape)
    assert not unit_mean_square(nothing, n_regulators).any()
    assert not over_heads(nothing).any()
