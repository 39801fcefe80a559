import pytest
import torch

from grn.model.background import Alike
from grn.model.blend import (
    N_EVIDENCE,
    N_HIDDEN,
    N_PARAMETERS,
    N_VOTES,
    Blend,
    evidence,
    standardised,
)
from grn.model.summary import N_SUMMARY
from grn.model.transformer import Found

PAIRS = (7, 3)


@pytest.fixture
def blend() -> Blend:
    return Blend.of(torch.linspace(-1, 1.5, N_PARAMETERS))


@pytest.fixture
def said() -> tuple[Found, Alike]:
    found = Found(torch.randn(PAIRS), torch.randn(PAIRS).tanh())
    return found, Alike(torch.randn(PAIRS), torch.randn(PAIRS).clamp(-1, 1))


def test_parameters_are_those_of_the_small_networks_then_slope_and_intercept(
    blend: Blend,
) -> None:
    assert blend.inner.shape == (N_VOTES, N_HIDDEN, N_EVIDENCE)
    assert torch.cat([of.flatten() for of in blend]).tolist() == pytest.approx(
        torch.linspace(-1, 1.5, N_PARAMETERS).tolist()
    )


def test_the_share_is_the_mean_vote_of_networks_of_one_hidden_layer(blend: Blend) -> None:
    of = torch.randn(N_EVIDENCE) / 10
    votes = []
    for vote in range(N_VOTES):
        hidden = torch.tanh(blend.inner[vote] @ of + blend.inner_offset[vote])
        votes.append(torch.sigmoid(blend.outer[vote] @ hidden + blend.outer_offset[vote]))
    torch.testing.assert_close(blend.votes(of), torch.stack(votes))
    assert len({round(float(vote), 4) for vote in votes}) == N_VOTES
    assert blend.share(of) == pytest.approx(float(sum(votes)) / N_VOTES)
    torch.testing.assert_close(blend.votes(torch.stack([of, 2 * of]))[0], blend.votes(of))


def test_the_share_is_between_nothing_and_all_and_continuous() -> None:
    torch.manual_seed(0)
    drawn = Blend.of(torch.randn(N_PARAMETERS))
    steep = drawn._replace(outer_offset=torch.zeros(N_VOTES), outer=9 * drawn.outer)
    shares = [steep.share(summary) for summary in torch.randn(211, N_EVIDENCE)]
    assert 0 <= min(shares) < 0.05
    assert 0.95 < max(shares) <= 1
    here, there = torch.randn(N_EVIDENCE), torch.randn(N_EVIDENCE)
    along = torch.tensor([drawn.share(here.lerp(there, k / 1000)) for k in range(1001)])
    assert along.diff().abs().max() < 0.02


def test_the_evidence_is_the_cells_how_sure_the_transformer_is_and_whether_both_agree() -> None:
    log_odds = torch.tensor([[1.0, 3.0], [-2.0, 6.0]])
    found = Found(log_odds, torch.zeros(2, 2))
    expected = (log_odds - 2.0) / (34 / 3) ** 0.5
    closed_form = torch.tensor([[1.0, -1.0], [1.5, -0.5]])
    seen = evidence(torch.arange(N_SUMMARY).float(), found, Alike(closed_form, closed_form))
    agreement = float((expected * closed_form).mean())
    assert agreement < -0.5
    assert seen.tolist() == pytest.approx([*range(N_SUMMARY), 2.0, (34 / 3) ** 0.5, agreement])
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
