import pytest
import torch

from grn.model.background import Alike
from grn.model.blend import N_EVIDENCE, N_PARAMETERS, Blend, evidence, standardised
from grn.model.transformer import N_SUMMARY, Found

PAIRS = (7, 3)


@pytest.fixture
def blend() -> Blend:
    return Blend.of(torch.linspace(-1, 1.5, N_PARAMETERS))


@pytest.fixture
def said() -> tuple[Found, Alike]:
    found = Found(torch.randn(PAIRS), torch.randn(PAIRS).tanh())
    return found, Alike(torch.randn(PAIRS), torch.randn(PAIRS).clamp(-1, 1))


def test_parameters_are_weights_offset_slope_and_intercept(blend: Blend) -> None:
    assert len(blend.weights) == N_EVIDENCE == N_PARAMETERS - 3
    assert torch.cat([blend.weights, torch.stack(blend[1:])]).tolist() == pytest.approx(
        torch.linspace(-1, 1.5, N_PARAMETERS).tolist()
    )


def test_the_share_is_between_nothing_and_all_and_continuous(blend: Blend) -> None:
    shares = [blend.share(summary) for summary in 10 * torch.randn(211, N_EVIDENCE)]
    assert 0 <= min(shares) < 0.05
    assert 0.95 < max(shares) <= 1
    here, there = torch.randn(N_EVIDENCE), torch.randn(N_EVIDENCE)
    along = torch.tensor([blend.share(here.lerp(there, k / 1000)) for k in range(1001)])
    assert along.diff().abs().max() < 0.01


def test_the_evidence_is_the_cells_and_how_sure_the_transformer_is() -> None:
    log_odds = torch.tensor([[1.0, 3.0], [-2.0, 6.0]])
    found = Found(log_odds, torch.zeros(2, 2))
    seen = evidence(torch.arange(N_SUMMARY).float(), found)
    assert seen.tolist() == pytest.approx([*range(N_SUMMARY), 2.0, (34 / 3) ** 0.5])
    expected = (log_odds - 2.0) / (34 / 3) ** 0.5
    torch.testing.assert_close(standardised(found), expected)
    flat = Found(torch.full((2, 2), 0.7), torch.zeros(2, 2))
    assert not standardised(flat).any()


def test_without_a_share_the_transformer_alone_speaks(
    blend: Blend, said: tuple[Found, Alike]
) -> None:
    found, alike = said
    mixed = blend.mix(found, alike, 0.0)
    torch.testing.assert_close(mixed.log_odds, found.log_odds)
    assert torch.equal(mixed.sign, found.sign)


def test_with_all_of_it_the_closed_form_ranks_and_signs(
    blend: Blend, said: tuple[Found, Alike]
) -> None:
    found, alike = said
    mixed = blend.mix(found, alike, 1.0)
    ranks = alike.beyond_background.flatten().argsort()
    assert torch.equal(mixed.log_odds.flatten().argsort(), ranks)
    assert torch.equal(mixed.sign.sign(), alike.cosine.sign())
    assert mixed.sign.abs().max() <= 1
    cosine = torch.zeros(PAIRS)
    cosine[:, 0], cosine[:, 1] = 0.005, -0.05
    nothing, little, enough = blend.mix(found, alike._replace(cosine=cosine), 1.0).sign[
        0, [2, 0, 1]
    ]
    assert nothing == 0
    assert 0.2 < little < 0.3
    assert -1 < enough < -0.98


def test_a_part_of_it_is_that_part_of_the_way(blend: Blend, said: tuple[Found, Alike]) -> None:
    found, alike = said
    some = blend.mix(found, alike, 0.3)
    spread, mean = torch.std_mean(found.log_odds)
    expected = 0.7 * (found.log_odds - mean) / spread + 0.3 * alike.beyond_background
    # Ranks follow the mean of both in units of their own spread.
    correlation = torch.corrcoef(torch.stack([some.log_odds.flatten(), expected.flatten()]))
    assert correlation[0, 1] == pytest.approx(1)
    torch.testing.assert_close(some.sign, found.sign.lerp(blend.mix(*said, 1.0).sign, 0.3))
