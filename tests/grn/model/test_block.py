import pytest
import torch
from torch.nn.functional import normalize

from grn.model.block import SphericalBlock
from grn.model.layout import Layout, Sizes, State

GENES, REGULATORS, AXES = 7, 5, 4
SIZES = Sizes(width=6, n_heads=2, head_dim=3, n_channels=4, hidden_size=11)


@pytest.fixture
def block() -> SphericalBlock:
    return SphericalBlock(SIZES, "l2").double()


@pytest.fixture
def given() -> tuple[State, list[torch.Tensor], torch.Tensor, Layout]:
    """State, channels, profiles and layout of one network in two blocks of targets."""

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(1, *shape, dtype=torch.float64)

    profiles = normalize(draw(GENES, AXES), dim=-1)
    residual = profiles[:, None].repeat(1, SIZES.n_heads, 1, 1)
    rows = torch.arange(GENES).split(3)
    scores = [draw(SIZES.n_heads, len(part), REGULATORS) for part in rows]
    channels = [draw(SIZES.n_channels, len(part), REGULATORS) for part in rows]
    layout = Layout(torch.ones(1, GENES).bool(), torch.ones(1, REGULATORS).bool(), rows)
    return State(draw(GENES, SIZES.width), residual, scores), channels, profiles, layout


def test_what_a_regulator_explains_is_taken_off_the_profile(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    """A target that attends to one regulator alone loses a share of that regulator's profile."""
    state, channels, profiles, layout = given
    state.scores[2][0, :, 0] = torch.tensor([1e6, 0, 0, 0, 0])  # gene 6 to regulator 0
    with torch.no_grad():
        block.explained.copy_(torch.tensor([0.3, -0.2]))
        residual = block(state, channels, profiles, layout).residual[0, :, 6]
    expected = torch.stack([profiles[0, 6] - share * profiles[0, 0] for share in (0.3, -0.2)])
    torch.testing.assert_close(residual, expected, atol=1e-4, rtol=0)


def test_scores_are_carried_on(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    """A block that adds nothing hands the scores on, but those of a gene to itself."""
    state, *rest = given
    with torch.no_grad():
        for parameter in (
            block.query.weight,
            block.profile_weight,
            *block.update.last.parameters(),
        ):
            parameter.zero_()
        scores = block(state, *rest).scores
    before, after = (torch.cat(list(one), dim=2)[0] for one in (state.scores, scores))
    before[:, range(REGULATORS), range(REGULATORS)] = 0
    torch.testing.assert_close(after, before, atol=1e-5, rtol=1e-5)


def test_a_pair_sees_the_paths_over_a_third_gene_and_the_reverse_pair(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    """With tokens left out, the score of (i, j) depends on rows i and j and column j alone."""
    state, channels, profiles, layout = given
    with torch.no_grad():
        for layer in (block.update.of_target, block.update.of_regulator, block.query):
            layer.weight.zero_()
    scores = torch.cat(state.scores, dim=2).requires_grad_()
    parts = list(scores.split([len(rows) for rows in layout.rows], dim=2))
    after = block(state._replace(scores=parts), channels, profiles, layout).scores
    i, j = 6, 1
    after[-1][0, :, 0, j].sum().backward()
    assert scores.grad is not None
    seen = scores.grad[0].abs().sum(dim=0) > 1e-9
    assert seen[i].all()
    assert seen[j, [0, 2, 3, 4]].all()
    assert not seen[j, j]
    # W Wᵀ: other regulators k as targets of what regulates i; W W: what j does to them.
    assert seen[:REGULATORS, j].sum() == REGULATORS - 1
    assert not seen[5].any()  # a gene that is no regulator and not the target


def test_a_pair_sees_products_of_the_map(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    r"""With M regulators, √M times $W$, $W^T$, $W W$ and $W W^T$: all about 1, whatever M is."""
    seen: list[list[torch.Tensor]] = []
    block.update.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    block(*given)
    rows, reverse, paths, common = (torch.cat([part[n] for part in seen], 2) for n in range(1, 5))
    ones = torch.ones(1, SIZES.n_heads, GENES, dtype=torch.float64)
    torch.testing.assert_close(rows.square().mean(dim=-1), ones, atol=1e-3, rtol=0)
    of_regulators = rows[:, :, :REGULATORS]
    torch.testing.assert_close(reverse[:, :, :REGULATORS], of_regulators.mT)
    assert not reverse[:, :, REGULATORS:].any()
    torch.testing.assert_close(paths, rows @ of_regulators / REGULATORS**0.5)
    torch.testing.assert_close(common, rows @ of_regulators.mT / REGULATORS**0.5)


def test_a_gene_receives_nothing_of_itself(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    state, channels, profiles, layout = given
    profiles.requires_grad_()
    block(state, channels, profiles, layout).residual[0, :, 2].sum().backward()
    assert profiles.grad is not None
    seen = profiles.grad[0].abs().sum(dim=-1) > 0
    assert seen.tolist() == [True, True, False, True, True, False, False]


def test_no_score_of_a_gene_to_itself_is_seen(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    state, *rest = given
    before = block(state, *rest)
    for rows, part in zip(rest[2].rows, state.scores, strict=True):
        for place, gene in enumerate(rows.tolist()):
            if gene < REGULATORS:
                part[:, :, place, gene] += 9
    after = block(state, *rest)
    torch.testing.assert_close(after, before)
    scores = torch.cat(after.scores, dim=2)
    assert not scores[:, :, range(REGULATORS), range(REGULATORS)].any()
    assert (scores != 0).sum() == SIZES.n_heads * (GENES - 1) * REGULATORS


def test_how_much_of_a_profile_is_left_does_not_matter_but_what(
    block: SphericalBlock, given: tuple[State, list[torch.Tensor], torch.Tensor, Layout]
) -> None:
    state, *rest = given
    with torch.no_grad():
        block.profile_weight.fill_(1.0)
    expected = block(state, *rest).scores
    torch.testing.assert_close(
        block(state._replace(residual=7 * state.residual), *rest).scores, expected
    )
    other = block(state._replace(residual=state.residual.flip(2)), *rest).scores
    assert not torch.allclose(other[0], expected[0], atol=1e-3)
