from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from grn.model.extension import standardise_by
from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR
from grn.model.transformer import SphericalTransformer
from grn.pretraining.batches import Batch, ExampleModule, Kind, moments_of, pad
from grn.pretraining.examples import Example

KINDS = {"boolean": Kind(7, 0.6), "single_cell": Kind(2, 0.3), "bulk": Kind(1, 0.1)}


def example(n_tfs: int, n_genes: int, *, kind: str = "boolean", network: int = 1) -> Example:
    random = torch.Generator().manual_seed(1000 * n_tfs + 100 * n_genes + network)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=random)

    sign = draw(n_genes, n_tfs).mul(0.8).round().clamp(-1, 1).to(torch.int8)
    sign[range(n_tfs), range(n_tfs)] = 0
    of_pairs = draw(len(OF_PAIR), n_genes, n_tfs)
    of_pairs[:, range(n_tfs), range(n_tfs)] = 0
    return Example(
        kind=kind,
        network=network,
        of_pairs=of_pairs.half(),
        of_genes=draw(n_genes, len(OF_GENE)),
        of_cells=draw(len(OF_CELLS)),
        profiles=normalize(draw(n_genes, min(n_genes, 6)), dim=1).half(),
        sign=sign,
    )


def telling(network: int, n_genes: int, kind: str) -> Example:
    """Every example of network k says k."""
    one = example(3, n_genes, kind=kind, network=network)
    return replace(one, of_cells=torch.full_like(one.of_cells, network))


def test_padding_changes_nothing_that_is_found() -> None:
    examples = [example(3, 5), example(7, 11), example(2, 13)]
    transformer = SphericalTransformer(
        n_blocks=2, width=6, n_heads=2, head_dim=4, n_channels=5, hidden_size=9
    ).eval()
    standardise_by(transformer, moments_of(examples, seed=0))
    with torch.no_grad():
        together = transformer(pad(examples).inputs)
        for number, one in enumerate(examples):
            n_genes, n_tfs = one.sign.shape
            at = torch.cat([torch.arange(n_tfs), torch.arange(7, 7 + n_genes - n_tfs)])
            alone = transformer(pad([one]).inputs)
            for padded, whole in zip(together, alone, strict=True):
                found = padded[number, at, :n_tfs]
                torch.testing.assert_close(found, whole[0], atol=1e-4, rtol=1e-4)


def test_candidates_are_pairs_of_two_genes_without_padding() -> None:
    small, large = example(2, 3), example(3, 5)
    batch = pad([small, large])
    assert batch.is_candidate[0].int().tolist() == [
        *([0, 1, 0], [1, 0, 0], [0, 0, 0]),  # the third is a padded regulator
        *([1, 1, 0], [0, 0, 0]),
    ]
    assert batch.is_candidate[1].int().tolist() == [
        *([0, 1, 1], [1, 0, 1], [1, 1, 0]),
        *([1, 1, 1], [1, 1, 1]),
    ]
    assert torch.equal(batch.sign[0, [0, 1, 3], :2], small.sign)
    assert torch.equal(batch.sign[1], large.sign)
    assert not batch.sign[0, 2].any()
    assert batch.inputs.is_gene.sum(dim=1).tolist() == [3, 5]
    assert batch.inputs.is_regulator.sum(dim=1).tolist() == [2, 3]
    assert batch.kind == "boolean"


def test_networks_that_are_held_out_are_never_trained_on() -> None:
    examples = [
        telling(network, n_genes, kind)
        for kind in KINDS
        for network in range(30)
        for n_genes in (5, 6)
    ]
    module = ExampleModule(examples, KINDS, max_steps=150, seed=0)
    trained, held_out = (
        {(batch.kind, int(k)) for batch in batches for k in batch.inputs.of_cells[:, 0]}
        for batches in (module.train_dataloader(), module.val_dataloader())
    )
    assert held_out == {(kind, network) for kind in KINDS for network in (0, 12, 24)}
    assert not trained & held_out
    assert {kind for kind, _ in trained} == set(KINDS)
    of_boolean = {network for kind, network in trained if kind == "boolean"}
    assert of_boolean == {*range(30)} - {0, 12, 24}
    assert sum(len(batch.sign) for batch in module.val_dataloader()) == 2 * len(held_out)


def test_a_step_is_a_batch_of_one_kind_and_of_similar_sizes() -> None:
    examples = [
        example(3, 4 + network, kind=kind, network=network)
        for kind in KINDS
        for network in range(60)
    ]
    steps = list(ExampleModule(examples, KINDS, max_steps=200, seed=0).train_dataloader())
    assert len(steps) == 200
    for kind, asked in KINDS.items():
        of_kind = [batch for batch in steps if batch.kind == kind]
        assert len(of_kind) / 200 == pytest.approx(asked.share, abs=0.09)
        for batch in of_kind:
            sizes = batch.inputs.is_gene.sum(dim=1)
            assert len(sizes) == asked.batch_size
            assert len(sizes.unique()) == len(sizes)
            # Twice as many neighbours, and the few numbers between them that are held out.
            assert sizes.max() - sizes.min() < 2 * len(sizes) + 3


def test_processes_side_by_side_get_different_networks_of_one_kind_and_size() -> None:
    examples = [telling(network, 4 + network, kind) for kind in KINDS for network in range(60)]
    module = ExampleModule(examples, KINDS, max_steps=120, seed=0, n_alike=3)
    steps = list(module.train_dataloader())
    for first in range(0, 120, 3):
        alike = steps[first : first + 3]
        assert len({batch.kind for batch in alike}) == 1
        size = KINDS[alike[0].kind].batch_size
        networks = [int(k) for batch in alike for k in batch.inputs.of_cells[:, 0]]
        assert len(set(networks)) == len(networks) == 3 * size
        assert max(networks) - min(networks) < 2 * 3 * size + 4
    later = ExampleModule(examples, KINDS, max_steps=120, seed=0, n_done=6, n_alike=3)
    assert torch.equal(next(iter(later.train_dataloader())).sign, steps[6].sign)


@pytest.mark.parametrize("n_alike", [1, 2, 4])
def test_few_networks_serve_any_number_of_processes(n_alike: int) -> None:
    examples = [example(3, 5, kind="bulk", network=network) for network in (0, 1, 2)]
    module = ExampleModule(examples, KINDS, max_steps=8, seed=0, n_alike=n_alike)
    assert [len(batch.sign) for batch in module.train_dataloader()] == [1] * 8


def test_a_kind_that_was_not_asked_for_is_not_needed() -> None:
    examples = [example(3, 5, kind="bulk", network=network) for network in range(3)]
    module = ExampleModule(examples, KINDS, max_steps=3, seed=0)
    assert {batch.kind for batch in module.train_dataloader()} == {"bulk"}


def test_batches_follow_from_the_seed_alone() -> None:
    examples = [example(3, 5, network=network) for network in range(40)]

    def drawn(seed: int) -> list[Batch]:
        return list(ExampleModule(examples, KINDS, max_steps=3, seed=seed).train_dataloader())

    torch.manual_seed(1)
    first, again, other = drawn(0), drawn(0), drawn(1)
    assert all(torch.equal(one.sign, two.sign) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one.sign, two.sign) for one, two in zip(first, other, strict=True))
    assert not torch.equal(first[0].sign, first[1].sign)
    later = ExampleModule(examples, KINDS, max_steps=3, seed=0, n_done=1).train_dataloader()
    assert len(later) == 3  # Lightning counts from the beginning
    assert torch.equal(next(iter(later)).sign, first[1].sign)


def test_the_scale_is_that_of_pairs_genes_and_cells() -> None:
    examples = []
    for network in range(300):
        one = example(3, 5, network=network)
        of_pairs = 3 + 2 * torch.randn(one.of_pairs.shape)
        of_pairs[1] = 7
        changed = {"of_pairs": of_pairs.half(), "of_cells": 11 + 5 * one.of_cells}
        examples.append(replace(one, **changed))
    found = moments_of(examples, seed=0)
    mean, spread = found["of_pairs"]
    assert mean[0].item() == pytest.approx(3, abs=0.15)
    assert spread[0].item() == pytest.approx(2, abs=0.1)
    # What never varies is divided by no less than a thousandth.
    assert (mean[1].item(), spread[1].item()) == (7, pytest.approx(1e-3))
    of_genes = torch.cat([one.of_genes for one in examples])
    torch.testing.assert_close(found["of_genes"][0], of_genes.mean(dim=0), atol=1e-5, rtol=1e-4)
    mean, spread = found["of_cells"]
    assert mean.mean().item() == pytest.approx(11, abs=0.5)
    assert spread.mean().item() == pytest.approx(5, abs=0.5)
