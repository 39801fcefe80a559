"""Padded batches of examples of one kind, of networks of similar sizes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import lightning as L
import numpy as np
import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from grn.model.transformer import Inputs
from grn.pretraining.examples import Example

# Number of pairs of an example on which the scale of the statistics is estimated: small and large
# networks count alike, and over thousands of examples the error of a scale is below a percent.
_PAIRS_PER_EXAMPLE = 200
_LEAST_SPREAD = 1e-3  # of a statistic, so that one that hardly varies is not magnified


@dataclass(frozen=True)
class Kind:
    """Settings of training on networks of one kind."""

    batch_size: int
    """Number of networks per step, smaller for larger networks."""
    share: float
    """Share of the steps."""


class Batch(NamedTuple):
    """Examples of one kind, padded to the same size."""

    inputs: Inputs
    sign: Int8[Tensor, "batch genes regulators"]
    """Sign of every edge; 0 where there is none."""
    is_candidate: Bool[Tensor, "batch genes regulators"]
    """Whether a pair is neither padding nor a gene with itself."""
    kind: str


def pad(examples: Sequence[Example]) -> Batch:
    """Pad examples of one kind with 0 to the size of the largest of them.

    The regulators come first in every network, then padding, then the other genes.
    """
    n_tfs = max(example.sign.shape[1] for example in examples)
    n_others = max(example.sign.shape[0] - example.sign.shape[1] for example in examples)
    batch, n_genes = len(examples), n_tfs + n_others
    first = examples[0]
    of_pairs = torch.zeros(batch, first.of_pairs.shape[0], n_genes, n_tfs)
    of_genes = torch.zeros(batch, n_genes, first.of_genes.shape[1])
    profiles = torch.zeros(batch, n_genes, max(one.profiles.shape[1] for one in examples))
    is_gene = torch.zeros(batch, n_genes, dtype=torch.bool)
    is_tf = torch.zeros(batch, n_tfs, dtype=torch.bool)
    sign = torch.zeros(batch, n_genes, n_tfs, dtype=torch.int8)
    for row, example in enumerate(examples):
        genes, tfs = example.sign.shape
        at = torch.cat([torch.arange(tfs), torch.arange(n_tfs, n_tfs + genes - tfs)])
        of_pairs[row][:, at, :tfs] = example.of_pairs.float()
        of_genes[row, at] = example.of_genes
        profiles[row, at, : example.profiles.shape[1]] = example.profiles.float()
        sign[row, at, :tfs] = example.sign
        is_gene[row, at] = True
        is_tf[row, :tfs] = True
    of_cells = torch.stack([example.of_cells for example in examples])
    itself = torch.eye(n_genes, n_tfs, dtype=torch.bool)
    return Batch(
        Inputs([of_pairs], of_genes, of_cells, profiles, is_gene, is_tf),
        sign,
        is_gene[:, :, None] & is_tf[:, None] & ~itself,
        first.kind,
    )


class ExampleModule(L.LightningDataModule):
    """Batches of training examples, and the held-out examples.

    Parameters
    ----------
    examples
        Examples from `draw_examples`.
    kinds
        Settings of each kind.
    max_steps
        Number of optimisation steps; training is one epoch of so many batches.
    seed
        Seed of the batches.
    n_done
        Number of batches that an interrupted training has taken; the next one comes first.
    n_alike
        Number of successive batches of one kind and of similar sizes, at least 1. Processes that
        train side by side and take one batch each then need the same time.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        kinds: Mapping[str, Kind],
        *,
        max_steps: int,
        seed: int,
        n_done: int = 0,
        n_alike: int = 1,
    ) -> None:
        super().__init__()
        self._examples, self._kinds = examples, kinds
        self.train = [example for example in examples if not example.held_out]
        self._steps = _Steps(_by_size(self.train), kinds, max_steps, seed, n_done, n_alike)

    def train_dataloader(self) -> DataLoader[Batch]:
        """Return `max_steps` batches: kinds by their shares, then networks with replacement."""
        return DataLoader(self._steps, batch_size=None)

    def val_dataloader(self) -> DataLoader[Batch]:
        """Return every example of a held-out network once."""
        held_out = _by_size([example for example in self._examples if example.held_out])
        batches = [
            examples[first : first + self._kinds[kind].batch_size]
            for kind, examples in held_out.items()
            for first in range(0, len(examples), self._kinds[kind].batch_size)
        ]
        return DataLoader(batches, batch_size=None, collate_fn=pad)  # type: ignore[arg-type]


class _Steps(Dataset[Batch]):
    """The batch of every step, a function of the seed and the number of the step.

    Where the first ones are done, its length stays that of the whole training, since Lightning
    counts from the beginning.
    """

    def __init__(
        self,
        examples: Mapping[str, list[Example]],
        kinds: Mapping[str, Kind],
        n_steps: int,
        seed: int,
        n_done: int,
        n_alike: int,
    ) -> None:
        self._examples, self._n_steps, self._seed = examples, n_steps, seed
        self._n_done, self._n_alike = n_done, n_alike
        self._sizes = {kind: kinds[kind].batch_size for kind in examples}
        shares = np.array([kinds[kind].share for kind in examples])
        self._shares = shares / shares.sum()

    def __len__(self) -> int:
        return self._n_steps

    def __getitem__(self, step: int) -> Batch:
        alike, place = divmod(self._n_done + step, self._n_alike)
        rng = np.random.default_rng([self._seed, alike])
        kind = list(self._examples)[rng.choice(len(self._shares), p=self._shares)]
        examples, size = self._examples[kind], self._sizes[kind]
        # Networks of similar size need little padding. They are drawn from twice as many as are
        # needed, so that batches differ.
        n_near = min(2 * size * self._n_alike, len(examples))
        first = rng.integers(len(examples) - n_near + 1)
        size = max(1, min(size, n_near // self._n_alike))
        chosen = rng.choice(n_near, (self._n_alike, size), replace=n_near < self._n_alike)
        return pad([examples[first + number] for number in chosen[place]])


def moments_of(examples: Sequence[Example], seed: int) -> dict[str, tuple[Tensor, Tensor]]:
    """Return mean and standard deviation of the statistics, by the names they have in `Inputs`.

    Those of pairs are taken over some pairs of every example, others over all genes and cells.
    """
    rng = np.random.default_rng(seed)
    of_pairs = []
    for example in examples:
        pairs = example.of_pairs.flatten(1)
        of_pairs.append(pairs[:, rng.integers(pairs.shape[1], size=_PAIRS_PER_EXAMPLE)].T)
    drawn: dict[str, Float[Tensor, "n statistics"]] = {
        "of_pairs": torch.cat(of_pairs),
        "of_genes": torch.cat([example.of_genes for example in examples]),
        "of_cells": torch.stack([example.of_cells for example in examples]),
    }
    found = {}
    for name, values in drawn.items():
        spread, mean = torch.std_mean(values.double(), dim=0, correction=0)
        found[name] = (mean.float(), spread.clamp_min(_LEAST_SPREAD).float())
    return found


def _by_size(examples: Sequence[Example]) -> dict[str, list[Example]]:
    """Return the examples of every kind, sorted by their numbers of genes and TFs."""
    grouped: dict[str, list[Example]] = {}
    for example in sorted(examples, key=lambda one: tuple(one.sign.shape)):
        grouped.setdefault(example.kind, []).append(example)
    return dict(sorted(grouped.items()))
