import numpy as np
import pytest
import torch

from grn.model.centring import centre_within, share_between
from grn.model.pretrained import find_network

BATCH = torch.tensor([0, 0, 1, 1, 1])
ROOTS = torch.tensor([[0.0, 1.0], [2.0, 1.0], [10.0, 1.0], [11.0, 4.0], [12.0, 1.0]])


def test_batches_come_to_one_mean_and_keep_their_spread() -> None:
    centred = centre_within(ROOTS, BATCH)
    for batch in (0, 1):
        inside = batch == BATCH
        torch.testing.assert_close(centred[inside].mean(dim=0), ROOTS.mean(dim=0))
        torch.testing.assert_close(centred[inside].std(dim=0), ROOTS[inside].std(dim=0))


def test_share_of_variance_by_hand() -> None:
    first = 6 / 5 * 10**2 / ROOTS[:, 0].sub(7).square().sum()  # means 1 and 11: 2 · 3 / 5 · 10²
    second = 6 / 5 * 1**2 / ROOTS[:, 1].sub(1.6).square().sum()
    assert share_between(ROOTS, BATCH) == pytest.approx(float(first + second) / 2, rel=1e-6)
    constant = torch.cat([ROOTS, torch.ones(5, 1)], dim=1)
    assert share_between(constant, BATCH) == pytest.approx(share_between(ROOTS, BATCH))


def test_the_network_is_that_of_centred_cells() -> None:
    generator = torch.Generator().manual_seed(0)
    batch = torch.arange(2).repeat_interleave(60)
    roots = 0.1 + torch.rand(120, 8, generator=generator) + batch[:, None]
    tfs = torch.arange(3)
    found = find_network(roots, tfs, batch=batch)
    torch.testing.assert_close(found.scores, find_network(centre_within(roots, batch), tfs).scores)
    assert found.belief["dominance"] < 0.5 * find_network(roots, tfs).belief["dominance"]


def test_zeros_are_counted_before_centring() -> None:
    generator = torch.Generator().manual_seed(0)
    batch = torch.arange(2).repeat_interleave(60)
    roots = torch.rand(120, 8, generator=generator) * torch.randint(0, 2, (120, 8))
    found = find_network(roots, torch.arange(3), batch=batch)
    assert found.belief["zeros"] == pytest.approx(float((roots == 0).float().mean()))


def test_one_batch_changes_nothing() -> None:
    roots = torch.from_numpy(np.random.default_rng(0).random((60, 8), dtype=np.float32))
    tfs = torch.arange(4)
    one = torch.zeros(60, dtype=torch.int64)
    torch.testing.assert_close(
        find_network(roots, tfs, batch=one).scores,
        find_network(roots, tfs).scores,
        rtol=1e-3,
        atol=1e-4,
    )
