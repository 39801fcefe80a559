import numpy as np
import pytest
import torch

from grn.supervised.pair_bias import N_FEATURES, PairBias, pair_features

# A→x, A→B, B→x, B→y; columns x, A, y, B, w.
TF_INDEX = torch.tensor([1, 3])
KNOWN = torch.tensor([[1, 0, 0, 1, 0], [1, 0, 1, 0, 0]], dtype=torch.bool)
ALONE, SILENT = torch.zeros(5, 5), torch.zeros(2, 5)


def test_features_by_hand() -> None:
    features = pair_features(KNOWN, TF_INDEX, ALONE, SILENT)
    assert features.shape == (2, 5, N_FEATURES)
    # B→A: A→B is known; A has 2 targets, B 2, and A no regulator.
    back, *_ = features[1, 1]
    assert back == 1
    assert torch.allclose(features[1, 1, 4:7], torch.tensor([2.0, 0, 2]).log1p())
    # A→y in two steps: over B, whose links are A, x and y; A has 2 links and y 1.
    two = 1 / np.sqrt(2 * 3) / np.sqrt(3 * 1)
    assert features[0, 2, 1].item() == pytest.approx(np.log1p(two / 1e-4))
    # A→y one way: A→x, x from B, B→y. A and B have 2 targets, x 2 regulators, y 1.
    assert features[0, 2, 3].item() == pytest.approx(np.log1p(0.5**2 / np.sqrt(2) / 1e-4))
    # w has no edge, and nothing to say: only the TF's own number of targets is left.
    assert features[:, 4].nonzero().tolist() == [[0, 4], [1, 4]]


def test_resemblance_speaks_of_genes_without_an_edge() -> None:
    like_y = ALONE.clone()
    like_y[4, 2] = like_y[2, 4] = 1
    features = pair_features(KNOWN, TF_INDEX, like_y, SILENT)
    # Of A's two targets none is like w; of B's two targets one, y, is.
    assert features[0, 4, 7] == 0
    assert features[1, 4, 7].item() == pytest.approx(np.log1p(0.5 / 1e-4))


def test_order_of_the_genes_changes_nothing() -> None:
    resemblance, importance = torch.rand(5, 5), torch.rand(2, 5)
    order = torch.tensor([4, 2, 3, 0, 1])
    place = torch.argsort(order)
    there = pair_features(KNOWN, TF_INDEX, resemblance, importance)[:, order]
    moved = pair_features(
        KNOWN[:, order], place[TF_INDEX], resemblance[order][:, order], importance[:, order]
    )
    assert torch.allclose(moved, there, atol=1e-5)
    assert torch.equal(there[..., -1], importance[:, order])


def test_bias_starts_the_same_for_every_pair() -> None:
    features = pair_features(KNOWN, TF_INDEX, ALONE, SILENT)
    assert torch.allclose(PairBias(features, -3.0)(features), torch.full((2, 5), -3.0))
