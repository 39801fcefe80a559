"""A transformer extended by interventions is the same until it is trained."""

import torch

from grn.model import interventional_statistics as changed
from grn.model.extension import extended, standardise_by
from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR
from grn.model.transformer import Inputs, SphericalTransformer

GENES, REGULATORS = 11, 5
SIZES = {
    "width": 6, "n_heads": 2, "head_dim": 4, "n_channels": 7, "hidden_size": 9, "n_blocks": 2,
}  # fmt: skip


def build() -> SphericalTransformer:
    """Return a transformer of which no parameter is where it starts."""
    torch.manual_seed(0)
    transformer = SphericalTransformer(**SIZES)
    with torch.no_grad():
        for parameter in transformer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return transformer


def draw() -> Inputs:
    return Inputs(
        [torch.randn(1, len(OF_PAIR), GENES, REGULATORS)],
        torch.randn(1, GENES, len(OF_GENE)),
        torch.randn(1, len(OF_CELLS)),
        torch.nn.functional.normalize(torch.randn(1, GENES, 3), dim=-1),
        torch.ones(1, GENES, dtype=torch.bool),
        torch.ones(1, REGULATORS, dtype=torch.bool),
    )


def test_it_finds_the_same_whatever_was_perturbed_and_learns_from_it() -> None:
    transformer, inputs = build(), draw()
    wider = extended(transformer)
    wide = inputs._replace(
        of_pairs=[
            torch.cat(
                [inputs.of_pairs[0], torch.randn(1, len(changed.OF_PAIR), GENES, REGULATORS)],
                dim=1,
            )
        ],
        of_genes=torch.cat([inputs.of_genes, torch.randn(1, GENES, len(changed.OF_GENE))], dim=2),
        of_cells=torch.cat([inputs.of_cells, torch.randn(1, len(changed.OF_CELLS))], dim=1),
    )
    before, after = transformer(inputs), wider(wide)
    torch.testing.assert_close(after.log_odds, before.log_odds)
    torch.testing.assert_close(after.sign, before.sign)
    after.log_odds.sum().backward()
    gradient = wider.embed.first.weight.grad
    assert gradient is not None
    n_pairs = len(OF_PAIR)
    assert gradient[:, n_pairs : n_pairs + len(changed.OF_PAIR)].abs().max() > 0


def test_new_statistics_alone_are_standardised_anew() -> None:
    transformer = build()
    transformer.of_pairs_mean += 3
    wider = extended(transformer)
    n = len(OF_PAIR) + len(changed.OF_PAIR)
    moments = {"of_pairs": (torch.full((n,), 7.0), torch.full((n,), 2.0))}
    standardise_by(wider, moments, interventions_alone=True)
    assert wider.of_pairs_mean[: len(OF_PAIR)].unique().tolist() == [3.0]
    assert wider.of_pairs_mean[len(OF_PAIR) :].unique().tolist() == [7.0]
    assert wider.of_pairs_spread[len(OF_PAIR) :].unique().tolist() == [2.0]
    assert wider.of_genes_mean.unique().tolist() == [0.0]
