"""Simulated networks as examples for the pair encoder: statistics of cells beside the truth."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import lightning as L
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from grn.model.pair_statistics import pair_statistics
from grn.side_by_side import in_order
from grn.simulation.curriculum import Sample, draw_samples


@dataclass(frozen=True)
class Kind:
    """How networks of one kind are trained on."""

    batch_size: int
    """Networks per step: fewer of the larger ones."""
    share: float
    """Of the steps."""
    in_part: bool = False
    """Whether some of its cells make a second example: free, where simulating takes long."""


KINDS = {
    "boolean": Kind(batch_size=16, share=0.6, in_part=True),
    "single_cell": Kind(batch_size=2, share=0.2),
    "bulk": Kind(batch_size=1, share=0.2),
}

# Of every kind, networks 0, 12, 24, … are held out: the least kind that can be is of two.
_HELD_OUT_EVERY = 12
FEWEST_NETWORKS = 2

_PART = (0.3, 0.8)  # share of the cells in a second example
_FEWEST_CELLS = 60
_PAIRS_PER_EXAMPLE = 200  # that the scale of the statistics is estimated on
_LEAST_SPREAD = 1e-3
_CHUNKS_PER_PROCESS = 8


@dataclass(frozen=True)
class Example:
    """One network and what some cells of it show."""

    kind: str
    network: int
    """Number among its kind; examples of one network share it."""
    statistics: Float[np.ndarray, "n_tfs n_genes n_statistics"]
    """float16, from `pair_statistics`."""
    regulated: Bool[np.ndarray, "n_tfs n_genes"]

    @property
    def held_out(self) -> bool:
        """Whether it validates; all examples of a network are on the same side."""
        return self.network % _HELD_OUT_EVERY == 0


class PairBatch(NamedTuple):
    """Examples of one kind, padded to the same size."""

    statistics: Float[Tensor, "batch n_tfs n_genes n_statistics"]
    is_tf: Bool[Tensor, "batch n_tfs"]
    is_gene: Bool[Tensor, "batch n_genes"]
    regulated: Bool[Tensor, "batch n_tfs n_genes"]
    is_candidate: Bool[Tensor, "batch n_tfs n_genes"]
    """Neither padding nor a gene with itself."""
    kind: str


def draw_examples(n_networks: Mapping[str, int], *, seed: int, n_processes: int) -> list[Example]:
    """Simulate networks of every kind and describe their pairs; the same for any `n_processes`.

    Parameters
    ----------
    n_networks
        By kind (`KINDS`).
    seed
        Of networks and cells.
    n_processes
        As `grn.side_by_side` takes it.
    """
    examples: list[Example] = []
    for kind, n in n_networks.items():
        samples = draw_samples(kind, n, seed, n_processes)
        size = -(-len(samples) // (_CHUNKS_PER_PROCESS * n_processes)) or 1
        chunks = [
            partial(_describe, samples[first : first + size], first, seed)
            for first in range(0, len(samples), size)
        ]
        examples += (one for chunk in in_order(chunks, n_processes) for one in chunk)
    return examples


def _describe(samples: Sequence[Sample], first: int, seed: int) -> list[Example]:
    """Return the examples of samples that are numbered from `first` on."""
    with one_thread():
        return [
            Example(sample.kind, network, _statistics(cells, sample), sample.regulates != 0)
            for network, sample in enumerate(samples, first)
            for cells in _views(sample, np.random.default_rng([seed, network]))
        ]


def _views(
    sample: Sample, rng: np.random.Generator
) -> Iterator[Float[np.ndarray, "n_cells n_genes"]]:
    """Yield all cells, and where the kind asks for it a random part of them."""
    cells = sample.expression
    yield cells
    if KINDS[sample.kind].in_part:
        n_cells = min(max(_FEWEST_CELLS, int(len(cells) * rng.uniform(*_PART))), len(cells))
        part = cells[rng.choice(len(cells), n_cells, replace=False)]
        # A gene that does not vary says nothing: preprocessing would have removed it.
        if (part != part[0]).any(axis=0).all():
            yield part


def _statistics(
    cells: Float[np.ndarray, "n_cells n_genes"], sample: Sample
) -> Float[np.ndarray, "n_tfs n_genes n_statistics"]:
    roots = torch.from_numpy(np.sqrt(cells))
    found = pair_statistics(roots, torch.arange(len(sample.regulates)))
    return np.asarray(found.half().numpy())


@contextmanager
def one_thread() -> Iterator[None]:
    """Give torch one thread: the same numbers, to the last bit, beside other processes or not."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def scale_of(
    examples: Sequence[Example], seed: int
) -> tuple[Float[Tensor, " n_statistics"], Float[Tensor, " n_statistics"]]:
    """Return mean and standard deviation of the statistics, over some pairs of every example."""
    rng = np.random.default_rng(seed)
    drawn = []
    for example in examples:
        pairs = example.statistics.reshape(-1, example.statistics.shape[-1])
        drawn.append(pairs[rng.integers(len(pairs), size=_PAIRS_PER_EXAMPLE)])
    some = torch.from_numpy(np.concatenate(drawn)).double()
    spread = some.std(dim=0, correction=0).clamp_min(_LEAST_SPREAD)
    return some.mean(dim=0).float(), spread.float()


def pad(examples: Sequence[Example]) -> PairBatch:
    """Lay examples of one kind into tensors as large as the largest of them; the rest is 0."""
    shapes = [example.regulated.shape for example in examples]
    n_tfs, n_genes = (max(sizes) for sizes in zip(*shapes, strict=True))
    n_statistics = examples[0].statistics.shape[-1]
    statistics = torch.zeros(len(examples), n_tfs, n_genes, n_statistics)
    is_tf = torch.zeros(len(examples), n_tfs, dtype=torch.bool)
    is_gene = torch.zeros(len(examples), n_genes, dtype=torch.bool)
    regulated = torch.zeros(len(examples), n_tfs, n_genes, dtype=torch.bool)
    for row, (example, (tfs, genes)) in enumerate(zip(examples, shapes, strict=True)):
        statistics[row, :tfs, :genes] = torch.from_numpy(example.statistics)
        regulated[row, :tfs, :genes] = torch.from_numpy(example.regulated)
        is_tf[row, :tfs] = True
        is_gene[row, :genes] = True
    itself = torch.eye(n_tfs, n_genes, dtype=torch.bool)
    is_candidate = is_tf[:, :, None] & is_gene[:, None, :] & ~itself
    return PairBatch(statistics, is_tf, is_gene, regulated, is_candidate, examples[0].kind)


class PairDataModule(L.LightningDataModule):
    """Padded batches of one kind at a time, of networks of similar sizes.

    Parameters
    ----------
    examples
        From `draw_examples`.
    max_steps
        Optimisation steps: training is one epoch of so many batches.
    seed
        Of the batches.
    """

    def __init__(self, examples: Sequence[Example], *, max_steps: int, seed: int) -> None:
        super().__init__()
        self._examples = examples
        self.train = [example for example in examples if not example.held_out]
        self._steps = _Steps(_by_size(self.train), max_steps, seed)

    def train_dataloader(self) -> DataLoader[PairBatch]:
        """Return `max_steps` batches: kinds by their shares, then networks with replacement."""
        return DataLoader(self._steps, batch_size=None)

    def val_dataloader(self) -> DataLoader[PairBatch]:
        """Return the held-out examples."""
        return held_out_batches(self._examples)


def held_out_batches(examples: Sequence[Example]) -> DataLoader[PairBatch]:
    """Return every example of a held-out network once."""
    held_out = [example for example in examples if example.held_out]
    return DataLoader(_Once(_by_size(held_out)), batch_size=None)


class _Steps(Dataset[PairBatch]):
    """The batch of every step, a function of the seed and the number of the step."""

    def __init__(self, examples: Mapping[str, list[Example]], n_steps: int, seed: int) -> None:
        self._examples, self._n_steps, self._seed = examples, n_steps, seed
        self._kinds = list(examples)
        shares = np.array([KINDS[kind].share for kind in self._kinds])
        self._shares = shares / shares.sum()

    def __len__(self) -> int:
        return self._n_steps

    def __getitem__(self, step: int) -> PairBatch:
        rng = np.random.default_rng([self._seed, step])
        kind = self._kinds[rng.choice(len(self._kinds), p=self._shares)]
        examples, size = self._examples[kind], KINDS[kind].batch_size
        # Neighbours by size: little padding. Not always the same ones: twice as many to choose of.
        n_near = min(2 * size, len(examples))
        first = rng.integers(len(examples) - n_near + 1)
        chosen = rng.choice(n_near, min(size, n_near), replace=False)
        return pad([examples[first + number] for number in chosen])


class _Once(Dataset[PairBatch]):
    """Every example in one batch, with its neighbours by size."""

    def __init__(self, examples: Mapping[str, list[Example]]) -> None:
        self._batches = [
            grouped[first : first + KINDS[kind].batch_size]
            for kind, grouped in examples.items()
            for first in range(0, len(grouped), KINDS[kind].batch_size)
        ]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, number: int) -> PairBatch:
        return pad(self._batches[number])


def _by_size(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """Return the examples of every kind that occurs, by their numbers of genes and TFs."""
    grouped: dict[str, list[Example]] = {}
    for example in sorted(examples, key=lambda one: one.regulated.shape[::-1]):
        grouped.setdefault(example.kind, []).append(example)
    return {kind: grouped[kind] for kind in KINDS if kind in grouped}
