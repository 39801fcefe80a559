from dataclasses import replace

import numpy as np
import pytest
import torch

from grn.model.pair_encoder import PairEncoder
from grn.model.pair_statistics import N_STATISTICS, pair_statistics
from grn.simulation.curriculum import Sample
from grn.training import pretraining_data
from grn.training.pretraining_data import (
    KINDS,
    Example,
    PairDataModule,
    draw_examples,
    held_out_batches,
    pad,
    scale_of,
)
from tests.toy_networks import draw_toy_samples


def example(n_tfs: int, n_genes: int, *, kind: str = "boolean", network: int = 1) -> Example:
    rng = np.random.default_rng([n_tfs, n_genes, network])
    statistics = rng.normal(size=(n_tfs, n_genes, N_STATISTICS)).astype(np.float16)
    return Example(kind, network, statistics, rng.random((n_tfs, n_genes)) < 0.3)


def sample(n_cells: int, *, kind: str = "boolean", rare: bool = False) -> Sample:
    rng = np.random.default_rng(n_cells)
    expression = rng.random((n_cells, 5)).astype(np.float32)
    if rare:
        expression[1:, 3] = 0
    regulates = np.zeros((4, 5), dtype=np.int8)
    regulates[0, 1], regulates[2, 4] = 1, -1
    return Sample(kind, expression, regulates)


@pytest.fixture
def simulated_as(monkeypatch: pytest.MonkeyPatch) -> list[Sample]:
    """Samples that are drawn instead of simulated ones."""
    samples: list[Sample] = []
    monkeypatch.setattr(pretraining_data, "draw_samples", lambda *_: samples)
    return samples


def test_an_example_is_what_all_cells_show(simulated_as: list[Sample]) -> None:
    one = sample(70, kind="bulk")
    simulated_as.append(one)
    (found,) = draw_examples({"bulk": 1}, seed=0, n_processes=1)
    expected = pair_statistics(torch.from_numpy(np.sqrt(one.expression)), torch.arange(4))
    np.testing.assert_array_equal(found.statistics, expected.half().numpy())
    np.testing.assert_array_equal(np.argwhere(found.regulated), [[0, 1], [2, 4]])


def test_a_second_view_of_boolean_cells_is_a_random_part_of_them(
    simulated_as: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def remember(roots: torch.Tensor, tf_index: torch.Tensor) -> torch.Tensor:
        seen.append(roots)
        return pair_statistics(roots, tf_index)

    monkeypatch.setattr(pretraining_data, "pair_statistics", remember)
    simulated_as += [sample(1000), sample(62), sample(400), sample(500, rare=True)]
    found = draw_examples({"boolean": 4}, seed=0, n_processes=1)
    # A gene that does not vary in the part leaves all cells alone.
    assert [one.network for one in found] == [0, 0, 1, 1, 2, 2, 3]
    assert len(seen[3]) == 60
    shares = [len(seen[part]) / len(seen[part - 1]) for part in (1, 5)]
    assert all(0.3 <= share < 0.8 for share in shares)
    assert shares[0] != shares[1]
    for whole, part in ((0, 1), (2, 3), (4, 5)):
        rows = {tuple(cell.tolist()) for cell in seen[part]}
        assert len(rows) == len(seen[part])
        assert rows < {tuple(cell.tolist()) for cell in seen[whole]}


def test_examples_are_the_same_in_any_number_of_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pretraining_data, "draw_samples", draw_toy_samples)
    asked = {"boolean": 13, "single_cell": 2}
    one, two = (draw_examples(asked, seed=3, n_processes=n) for n in (1, 2))
    assert len(one) == len(two) > 15
    for first, second in zip(one, two, strict=True):
        assert (first.kind, first.network) == (second.kind, second.network)
        np.testing.assert_array_equal(first.statistics, second.statistics)
        np.testing.assert_array_equal(first.regulated, second.regulated)


def test_padding_does_not_change_the_log_odds() -> None:
    examples = [example(3, 5), example(7, 11), example(2, 13)]
    encoder = PairEncoder(n_channels=8, n_blocks=2).eval()
    encoder.standardise_by(*scale_of(examples, seed=0))

    def log_odds(batch: pretraining_data.PairBatch) -> torch.Tensor:
        return encoder(batch.statistics, batch.is_tf, batch.is_gene)

    with torch.no_grad():
        together = log_odds(pad(examples))
        for padded, one in zip(together, examples, strict=True):
            n_tfs, n_genes = one.regulated.shape
            torch.testing.assert_close(padded[:n_tfs, :n_genes], log_odds(pad([one]))[0])


def test_candidates_are_pairs_of_two_genes_without_padding() -> None:
    batch = pad([example(2, 3), example(3, 4)])
    np.testing.assert_array_equal(
        batch.is_candidate[0].int(), [[0, 1, 1, 0], [1, 0, 1, 0], [0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(
        batch.is_candidate[1].int(), [[0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1]]
    )
    assert batch.regulated[0, :2, :3].numpy().tolist() == example(2, 3).regulated.tolist()
    assert not batch.regulated[0, 2:].any()


def test_networks_that_are_held_out_are_never_trained_on() -> None:
    # Every example of network k says k.
    def telling(kind: str, network: int, n_genes: int) -> Example:
        one = example(3, n_genes, kind=kind, network=network)
        return replace(one, statistics=np.full_like(one.statistics, network))

    examples = [
        telling(kind, network, n_genes)
        for kind in KINDS
        for network in range(30)
        for n_genes in (5, 6)
    ]
    loader = PairDataModule(examples, max_steps=200, seed=0)
    trained, held_out = (
        {(batch.kind, int(k)) for batch in batches for k in batch.statistics[:, 0, 0, 0]}
        for batches in (loader.train_dataloader(), loader.val_dataloader())
    )
    assert held_out == {(kind, network) for kind in KINDS for network in (0, 12, 24)}
    assert {network for kind, network in trained if kind == "boolean"} == {
        *range(1, 12), *range(13, 24), *range(25, 30),
    }  # fmt: skip
    assert {kind for kind, _ in trained} == set(KINDS)
    assert sum(len(batch.is_tf) for batch in held_out_batches(examples)) == 2 * len(held_out)


def test_a_step_is_a_batch_of_one_kind_and_of_similar_sizes() -> None:
    examples = [
        example(3, 4 + network, kind=kind, network=network)
        for kind in KINDS
        for network in range(90)
    ]
    steps = list(PairDataModule(examples, max_steps=500, seed=0).train_dataloader())
    shares = {kind: sum(batch.kind == kind for batch in steps) / 500 for kind in KINDS}
    assert shares == pytest.approx({"boolean": 0.6, "single_cell": 0.2, "bulk": 0.2}, abs=0.07)
    for batch in steps:
        sizes = batch.is_gene.sum(dim=1)
        assert len(sizes) == {"boolean": 16, "single_cell": 2, "bulk": 1}[batch.kind]
        assert len(sizes.unique()) == len(sizes)
        # 2 × 16 neighbours, and the few numbers between them that are held out.
        assert sizes.max() - sizes.min() < 2 * len(sizes) + 4


def test_batches_follow_from_the_seed_alone() -> None:
    examples = [example(3, 5, network=network) for network in range(40)]

    def drawn(seed: int) -> torch.Tensor:
        loader = PairDataModule(examples, max_steps=3, seed=seed).train_dataloader()
        return torch.stack([batch.statistics for batch in loader])

    torch.manual_seed(1)
    first = drawn(0)
    assert torch.equal(drawn(0), first)
    assert not torch.equal(drawn(1), first)


def test_the_scale_is_that_of_the_pairs() -> None:
    rng = np.random.default_rng(0)
    examples = []
    for network in range(300):
        one = example(3, 5, network=network)
        values = 3 + 2 * rng.normal(size=one.statistics.shape)
        values[..., 1] = 7
        examples.append(replace(one, statistics=values.astype(np.float16)))
    mean, spread = scale_of(examples, seed=0)
    assert mean[0].item() == pytest.approx(3, abs=0.15)
    assert spread[0].item() == pytest.approx(2, abs=0.1)
    assert (mean[1].item(), spread[1].item()) == (7, pytest.approx(1e-3))
