from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grn.interventions import Interventions
from grn.model.apply import N_AXES
from grn.model.interventional_statistics import InterventionalStatistics
from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR, PairStatistics
from grn.pretraining import examples
from grn.pretraining.examples import Example, draw_examples
from grn.simulation.curriculum import Sample
from tests.toy_networks import draw_toy_samples


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

    def drawn(_kind: str, n: int, _seed: int, _n_jobs: int, *, first: int) -> list[Sample]:
        return samples[first : first + n]

    monkeypatch.setattr(examples, "draw_samples", drawn)
    return samples


def same(first: list[Example], second: list[Example]) -> bool:
    return len(first) == len(second) and all(
        (one.kind, one.network) == (other.kind, other.network)
        and all(
            torch.equal(getattr(one, name), getattr(other, name))
            for name in ("of_pairs", "of_genes", "of_cells", "profiles", "sign")
        )
        for one, other in zip(first, second, strict=True)
    )


def test_an_example_is_what_all_cells_show(simulated_as: list[Sample], tmp_path: Path) -> None:
    one = sample(71, kind="bulk")
    simulated_as.append(one)
    (found,) = draw_examples({"bulk": 1}, seed=0, n_processes=1, folder=tmp_path)
    expected = PairStatistics(torch.from_numpy(np.sqrt(one.expression)), torch.arange(4))
    assert torch.equal(found.of_pairs, expected.block(torch.arange(5)).half())
    assert torch.equal(found.of_genes, expected.of_genes)
    assert torch.equal(found.of_cells, expected.of_cells)
    assert torch.equal(found.profiles, expected.profiles.tokens(N_AXES).half())
    assert found.sign.nonzero().tolist() == [[1, 0], [4, 2]]
    assert (found.sign[1, 0], found.sign[4, 2]) == (1, -1)


def test_an_example_of_a_screen_also_holds_statistics_of_its_interventions(
    simulated_as: list[Sample], tmp_path: Path
) -> None:
    dose = np.zeros((2, 5), dtype=np.float32)
    dose[1, 0] = -1
    interventions = Interventions(np.arange(40) % 2, dose)
    one = replace(sample(40, kind="bulk_screen"), interventions=interventions)
    simulated_as += [one, one, one]
    found = draw_examples({"bulk_screen": 3}, seed=0, n_processes=1, folder=tmp_path)
    roots = torch.from_numpy(np.sqrt(one.expression))
    changes = InterventionalStatistics(roots, interventions, torch.arange(4))
    first = found[0]
    assert torch.equal(first.of_pairs[len(OF_PAIR) :], changes.block(torch.arange(5)).half())
    assert torch.equal(first.of_genes[:, len(OF_GENE) :], changes.of_genes)
    assert torch.equal(first.of_cells[len(OF_CELLS) :], changes.of_cells)
    assert first.of_pairs[len(OF_PAIR) :].abs().max() > 0
    # Number 1 is shown without edges too, number 2 without its labels.
    assert [one.network for one in found] == [0, 1, 1, 2, 2]
    assert [bool(one.sign.any()) for one in found] == [True, True, False, True, True]
    unlabelled = found[4]
    assert unlabelled.of_pairs[len(OF_PAIR) :].abs().max() == 0
    assert torch.equal(unlabelled.of_pairs[: len(OF_PAIR)], first.of_pairs[: len(OF_PAIR)])


def test_a_second_view_of_boolean_cells_is_a_random_part_of_them(
    simulated_as: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def remember(roots: torch.Tensor, tf_index: torch.Tensor) -> PairStatistics:
        seen.append(roots)
        return PairStatistics(roots, tf_index)

    monkeypatch.setattr(examples, "PairStatistics", remember)
    monkeypatch.setattr(examples, "_WITHOUT_EDGES_EVERY", 1000)
    simulated_as += [sample(1009), sample(62), sample(401), sample(503, rare=True)]
    found = draw_examples({"boolean": 4}, seed=0, n_processes=1, folder=tmp_path)
    # A gene that does not vary in the part leaves all cells alone; network 1 also has a null.
    kept = [number for number, one in enumerate(found) if one.sign.any()]
    assert [found[number].network for number in kept] == [0, 0, 1, 1, 2, 2, 3]
    views = [seen[number] for number in kept]
    assert len(views[3]) == 60
    shares = [len(views[part]) / len(views[part - 1]) for part in (1, 5)]
    assert all(0.3 <= share < 0.8 for share in shares)
    assert shares[0] != shares[1]
    for whole, part in ((0, 1), (2, 3), (4, 5)):
        rows = {tuple(cell.tolist()) for cell in views[part]}
        assert len(rows) == len(views[part])
        assert rows < {tuple(cell.tolist()) for cell in views[whole]}


def test_some_networks_are_seen_a_second_time_without_any_edge(
    simulated_as: list[Sample], tmp_path: Path
) -> None:
    simulated_as += [sample(n_cells, kind="bulk") for n_cells in range(50, 92)]
    found = draw_examples({"bulk": 42}, seed=0, n_processes=1, folder=tmp_path)
    nulls = [one for one in found if not one.sign.any()]
    assert [one.network for one in nulls] == [1, 21, 41]
    assert len(found) == 45
    for null in nulls:
        (original,) = (one for one in found if one.network == null.network and one is not null)
        # The same genes, cells that know nothing of each other.
        torch.testing.assert_close(null.of_genes, original.of_genes, atol=1e-4, rtol=1e-4)
        assert not torch.equal(null.of_pairs, original.of_pairs)


def test_all_examples_of_a_network_are_on_the_same_side(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(examples, "draw_samples", draw_toy_samples)
        found = draw_examples({"boolean": 26}, seed=0, n_processes=1, folder=tmp_path)
    assert len(found) > 2 * 26
    assert {one.network for one in found if one.held_out} == {0, 12, 24}
    assert {one.network for one in found if not one.held_out} == {*range(26)} - {0, 12, 24}


def test_what_was_simulated_is_read_instead_of_simulated_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, int, int]] = []

    def counted(kind: str, n: int, *rest: Any, first: int) -> list[Sample]:
        asked.append((kind, first, n))
        return draw_toy_samples(kind, n, *rest, first=first)

    monkeypatch.setattr(examples, "draw_samples", counted)
    monkeypatch.setitem(examples._PER_FILE, "bulk", 3)

    def draw(seed: int = 5, **n_networks: int) -> list[Example]:
        return draw_examples(n_networks, seed=seed, n_processes=1, folder=tmp_path / "kept")

    at_once = draw(bulk=7, single_cell=2)
    assert asked == [("bulk", 0, 3), ("bulk", 3, 3), ("bulk", 6, 1), ("single_cell", 0, 2)]
    asked.clear()
    assert same(draw(bulk=7, single_cell=2), at_once)
    assert asked == []
    # What an interruption leaves: no half a file, and one that is not there.
    next((tmp_path / "kept").glob("bulk-5-3-6*")).unlink()
    assert same(draw(bulk=7, single_cell=2), at_once)
    assert asked == [("bulk", 3, 3)]
    assert not same(draw(seed=6, bulk=7, single_cell=2), at_once)


def test_an_interruption_leaves_no_half_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(_content: Any, file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(examples, "draw_samples", draw_toy_samples)
    monkeypatch.setattr(examples.torch, "save", stopped)
    with pytest.raises(KeyboardInterrupt):
        draw_examples({"bulk": 2}, seed=0, n_processes=1, folder=tmp_path)
    assert not list(tmp_path.iterdir())
