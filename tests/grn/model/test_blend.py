import pytest
import torch

from grn.model.background import Alike
from grn.model.blend import N_PARAMETERS, Blend
from grn.model.pair_statistics import OF_CELLS
from grn.model.transformer import Found

N_OF_CELLS = len(OF_CELLS)
PAIRS = (7, 3)


@pytest.fixture
def blend() -> Blend:
    return Blend.of(torch.linspace(-1, 1.5, N_PARAMETERS))


@pytest.fixture
def said() -> tuple[Found, Alike]:
    found = Found(torch.randn(PAIRS), torch.randn(PAIRS).tanh())
    return found, Alike(torch.randn(PAIRS), torch.randn(PAIRS).clamp(-1, 1))


def test_parameters_are_weights_offset_slope_and_intercept(blend: Blend) -> None:
    assert len(blend.weights) == N_OF_CELLS == N_PARAMETERS - 3
    assert torch.cat([blend.weights, torch.stack(blend[1:])]).tolist() == pytest.approx(
        torch.linspace(-1, 1.5, N_PARAMETERS).tolist()
    )


def test_the_share_is_between_nothing_and_all_and_continuous(blend: Blend) -> None:
    shares = blend.share(10 * torch.randn(211, N_OF_CELLS))
    assert shares.shape == (211,)
    assert shares.min() >= 0
    assert shares.max() <= 1
    assert shares.max() - shares.min() > 0.9
    here, there = torch.randn(N_OF_CELLS), torch.randn(N_OF_CELLS)
    along = torch.stack([here.lerp(there, step / 1000) for step in range(1001)])
    shares = blend.share(along)
    assert shares.diff().abs().max() < 0.01
    assert blend.share(here).item() == pytest.approx(shares[0].item())


def test_without_a_share_the_transformer_alone_speaks(
    blend: Blend, said: tuple[Found, Alike]
) -> None:
    found, alike = said
    mixed = blend.mix(found, alike, torch.tensor(0.0))
    assert torch.equal(mixed.log_odds, found.log_odds)
    assert torch.equal(mixed.sign, found.sign)


def test_with_all_of_it_the_closed_form_ranks_and_signs(
    blend: Blend, said: tuple[Found, Alike]
) -> None:
    found, alike = said
    mixed = blend.mix(found, alike, torch.tensor(1.0))
    ranks = alike.beyond_background.flatten().argsort()
    assert torch.equal(mixed.log_odds.flatten().argsort(), ranks)
    assert torch.equal(mixed.sign.sign(), alike.cosine.sign())
    assert mixed.sign.abs().max() <= 1
    unsure = blend.mix(found, alike._replace(cosine=torch.zeros(PAIRS)), torch.tensor(1.0))
    assert not unsure.sign.any()


def test_a_part_of_it_is_that_part_of_the_way(blend: Blend, said: tuple[Found, Alike]) -> None:
    nothing, some, everything = (
        blend.mix(*said, torch.tensor(share)) for share in (0.0, 0.3, 1.0)
    )
    for part, first, last in zip(some, nothing, everything, strict=True):
        torch.testing.assert_close(part, first.lerp(last, 0.3), atol=1e-5, rtol=1e-5)
