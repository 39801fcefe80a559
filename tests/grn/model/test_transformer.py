from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn.functional import normalize

from grn.model.attention import Normaliser
from grn.model.extension import standardise_by
from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR
from grn.model.transformer import Found, Inputs, SphericalTransformer

GENES, REGULATORS, AXES = 11, 5, 3
SIZES = {"width": 6, "n_heads": 2, "head_dim": 4, "n_channels": 7, "hidden_size": 9}


def build(normaliser: Normaliser = "l2") -> SphericalTransformer:
    """Return a transformer in float64, no parameter of which is where it starts."""
    transformer = SphericalTransformer(n_blocks=2, normaliser=normaliser, **SIZES)
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return transformer.double().eval()


@pytest.fixture
def transformer() -> SphericalTransformer:
    return build()


def draw(n_genes: int = GENES, n_regulators: int = REGULATORS) -> Inputs:
    """Return one network of random statistics; pairs of a gene with itself are 0."""

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(1, *shape, dtype=torch.float64)

    of_pairs = normal(len(OF_PAIR), n_genes, n_regulators)
    of_pairs[:, :, range(n_regulators), range(n_regulators)] = 0
    return Inputs(
        [of_pairs],
        normal(n_genes, len(OF_GENE)),
        normal(len(OF_CELLS)),
        normalize(normal(n_genes, AXES), dim=-1),
        torch.ones(1, n_genes).bool(),
        torch.ones(1, n_regulators).bool(),
    )


def same(found: Found, expected: Found, **tolerance: float) -> None:
    """Compare log-odds and signs of all pairs of two genes."""
    n_regulators = expected.log_odds.shape[-1]
    others = ~torch.eye(expected.log_odds.shape[1], n_regulators, dtype=torch.bool)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one[:, others], other[:, others], **tolerance)


def test_scores_are_probabilities_with_a_sign(transformer: SphericalTransformer) -> None:
    found = transformer(draw())
    assert found.log_odds.shape == found.sign.shape == (1, GENES, REGULATORS)
    assert found.sign.abs().max() <= 1
    assert (found.sign > 0).any()
    assert (found.sign < 0).any()
    torch.testing.assert_close(found.scores.abs(), found.log_odds.sigmoid() * found.sign.abs())
    assert torch.equal(found.scores.sign(), found.sign.sign())
    rows = normalize(found.scores, dim=-1)
    torch.testing.assert_close(rows.square().sum(-1), torch.ones(1, GENES, dtype=torch.float64))


@pytest.mark.parametrize("normaliser", ["l2", "l1", "softmax"])
def test_genes_keep_theirs_in_any_order(normaliser: Normaliser) -> None:
    transformer, inputs = build(normaliser), draw()
    tfs, others = torch.tensor([3, 0, 4, 2, 1]), torch.tensor([9, 5, 10, 6, 8, 7])
    genes = torch.cat([tfs, others])
    moved = inputs._replace(
        of_pairs=[inputs.of_pairs[0][:, :, genes][..., tfs]],
        of_genes=inputs.of_genes[:, genes],
        profiles=inputs.profiles[:, genes],
    )
    before = transformer(inputs)
    assert all(matrix.isfinite().all() for matrix in before)
    expected = Found(*(matrix[:, genes][..., tfs] for matrix in before))
    same(transformer(moved), expected)


@pytest.mark.parametrize("sizes", [[4, 4, 3], [5, 6], [1] * 11, [7, 4]])
def test_some_targets_at_a_time_are_all_at_once(
    sizes: list[int], transformer: SphericalTransformer
) -> None:
    inputs = draw()
    # They may be made one by one, and so be there only once.
    parts = inputs._replace(
        of_pairs=iter(inputs.of_pairs[0].split(sizes, dim=2)), group_sizes=sizes
    )
    same(transformer(parts), transformer(inputs))


def padded_together(small: Inputs, large: Inputs) -> tuple[Inputs, torch.Tensor]:
    """Return a batch of both, as `grn.pretraining.batches.pad` makes it, and the small one's."""
    n_regulators, n_small = large.is_regulator.shape[1], small.is_regulator.shape[1]
    n_others = small.is_gene.shape[1] - n_small
    at = torch.cat([torch.arange(n_small), n_regulators + torch.arange(n_others)])

    def spread(of_small: torch.Tensor, of_large: torch.Tensor) -> torch.Tensor:
        laid = torch.zeros_like(of_large)
        laid[:, at] = of_small
        return torch.cat([laid, of_large])

    of_pairs = torch.zeros_like(large.of_pairs[0])
    of_pairs[:, :, at, :n_small] = small.of_pairs[0]
    is_regulator = torch.cat([torch.arange(n_regulators)[None] < n_small, large.is_regulator])
    batch = Inputs(
        [torch.cat([of_pairs, large.of_pairs[0]])],
        spread(small.of_genes, large.of_genes),
        torch.cat([small.of_cells, large.of_cells]),
        spread(small.profiles, large.profiles),
        spread(small.is_gene, large.is_gene),
        is_regulator,
    )
    return batch, at


@pytest.mark.parametrize("normaliser", ["l2", "l1"])
def test_padding_changes_nothing(normaliser: Normaliser) -> None:
    transformer = build(normaliser)
    small, large = draw(7, 3), draw(13, 5)
    batch, at = padded_together(small, large)
    together = transformer(batch)
    same(Found(*(matrix[:1, at, :3] for matrix in together)), transformer(small))
    same(Found(*(matrix[1:] for matrix in together)), transformer(large))


def test_pairs_of_a_gene_with_itself_are_never_seen(transformer: SphericalTransformer) -> None:
    inputs = draw()
    of_pairs = inputs.of_pairs[0].clone()
    of_pairs[:, :, range(REGULATORS), range(REGULATORS)] = 3
    same(transformer(inputs._replace(of_pairs=[of_pairs])), transformer(inputs))


def test_every_parameter_learns(transformer: SphericalTransformer) -> None:
    found = transformer(draw())
    (found.log_odds.square().sum() + found.sign.square().sum()).backward()
    for name, parameter in transformer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_pair_depends_on_pairs_that_share_no_gene_with_it(
    transformer: SphericalTransformer,
) -> None:
    inputs = draw()
    of_pairs = inputs.of_pairs[0].requires_grad_()
    transformer(inputs).log_odds[0, 6, 1].backward()
    assert of_pairs.grad is not None
    seen = of_pairs.grad[0].abs().sum(dim=0) > 0
    assert seen[8, 3]
    assert seen[2, 4]


def test_standardising_undoes_scale_and_shift(transformer: SphericalTransformer) -> None:
    inputs = draw()
    expected = transformer(inputs)
    moments = {
        "of_pairs": (torch.zeros(len(OF_PAIR)), torch.full((len(OF_PAIR),), 3.0)),
        "of_genes": (torch.full((len(OF_GENE),), 2.0), torch.full((len(OF_GENE),), 5.0)),
        "of_cells": (torch.full((len(OF_CELLS),), 7.0), torch.full((len(OF_CELLS),), 11.0)),
    }
    standardise_by(transformer, moments)
    scaled = inputs._replace(
        of_pairs=[3 * inputs.of_pairs[0]],
        of_genes=2 + 5 * inputs.of_genes,
        of_cells=7 + 11 * inputs.of_cells,
    )
    same(transformer(scaled), expected)


def test_what_is_linear_in_the_statistics_has_no_sign_for_an_edge_and_one_for_its_sign(
    transformer: SphericalTransformer,
) -> None:
    with torch.no_grad():
        for parameter in transformer.read.last.parameters():
            parameter.zero_()
    inputs = draw()
    opposite = transformer(inputs._replace(of_pairs=[-inputs.of_pairs[0]]))
    same(Found(opposite.log_odds, -opposite.sign), transformer(inputs))


def test_what_is_far_from_all_that_was_trained_on_counts_no_more(
    transformer: SphericalTransformer,
) -> None:
    def far(size: float) -> Inputs:
        torch.manual_seed(1)
        inputs = draw()
        inputs.of_pairs[0][:, :, 8, 2] = size
        inputs.of_genes[:, 4], inputs.of_cells[:, 0] = size, size
        return inputs

    same(transformer(far(1e6)), transformer(far(5.0)))
    with pytest.raises(AssertionError):
        same(transformer(far(1e6)), transformer(far(4.0)))


@pytest.mark.parametrize("change", [{"n_blocks": 1}, {"normaliser": "l1"}])
def test_the_arguments_build_the_same_transformer_again(change: dict[str, Any]) -> None:
    sizes: dict[str, Any] = {"n_blocks": 2, "normaliser": "l2", **SIZES, **change}
    first = SphericalTransformer(**sizes).double()
    again: Callable[..., SphericalTransformer] = SphericalTransformer
    second = again(**first.arguments).double()
    assert second.arguments == sizes
    second.load_state_dict(first.state_dict())
    inputs = draw()
    same(second(inputs), first(inputs))
