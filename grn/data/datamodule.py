"""Minibatches of training and validation cells for Lightning."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler, Sampler

from grn.data.dataset import CellDataset
from grn.errors import InputError

# Derived: the relative standard error of the loss over n cells is about 1 / √n, here 2 %. More
# cells would cost time at every validation and hardly change the loss.
_MOST_VALIDATION_CELLS = 2000


class Minibatch(NamedTuple):
    """Some cells, as training and validation take them."""

    cells: Float[Tensor, "cells n_genes"]
    """Standardised expression."""
    perturbed: Bool[Tensor, "cells n_genes"] | None = None
    """Whether a gene is perturbed in a cell; None where no cell is known to be perturbed."""


class CellDataModule(L.LightningDataModule):
    """Minibatches of standardised expression (minibatch, n_genes).

    Parameters
    ----------
    dataset
        The cells.
    minibatch_size
        Number of cells per optimisation step.
    max_steps
        Number of optimisation steps. Training is one epoch of so many minibatches, drawn with
        replacement, so its time does not depend on the number of cells.
    val_fraction
        Share of the cells that are held out for validation: at least 2 cells, and at most 2000,
        which suffice to see the loss rise and bound the time. All rows of a cell that occurs
        repeatedly are on the same side.
    num_workers
        Number of processes that make minibatches; 0 makes them in the main process.
    seed
        Seed of the choice of validation cells.

    Raises
    ------
    InputError
        A number is out of its range, or there are workers for cells on disk.
    """

    def __init__(
        self,
        dataset: CellDataset,
        *,
        minibatch_size: int,
        max_steps: int,
        val_fraction: float,
        num_workers: int,
        seed: int,
    ) -> None:
        super().__init__()
        if min(minibatch_size, max_steps) < 1 or num_workers < 0 or not 0 < val_fraction < 1:
            msg = (
                f"got minibatch_size={minibatch_size}, max_steps={max_steps}, "
                f"val_fraction={val_fraction}, num_workers={num_workers}; expected at least 1, "
                "at least 1, between 0 and 1, at least 0."
            )
            raise InputError(msg)
        if num_workers and dataset.on_disk:
            msg = (
                f"data.loader.num_workers is {num_workers}; expected 0 for cells on disk: an open "
                "file cannot be shared between processes."
            )
            raise InputError(msg)
        self.dataset = dataset
        self.minibatch_size = minibatch_size
        self.max_steps = max_steps
        self.num_workers = num_workers
        shuffled = np.random.default_rng(seed).permutation(np.unique(dataset.cells))
        n_val = min(max(2, round(val_fraction * len(shuffled))), _MOST_VALIDATION_CELLS)
        validates = np.isin(dataset.cells, shuffled[:n_val])
        self.val_rows = np.flatnonzero(validates)
        """Rows of the dataset on which predictions are evaluated."""
        self.train_rows = np.flatnonzero(~validates)
        """All other rows."""
        self.first_step = 0
        """Number of steps that are done already, whose minibatches are skipped."""

    def train_dataloader(self) -> DataLoader[Minibatch]:
        """Return `max_steps` minibatches of training cells, drawn with replacement."""
        rows = _Rows(self.dataset, self.train_rows)
        drawn = self.max_steps * self.minibatch_size
        sampler = RandomSampler(rows, replacement=True, num_samples=drawn)
        return self._loader(rows, Later(sampler, self.first_step * self.minibatch_size))

    def val_dataloader(self) -> DataLoader[Minibatch]:
        """Return the validation cells, in order."""
        return self._loader(_Rows(self.dataset, self.val_rows), None)

    def _loader(self, rows: "_Rows", sampler: Sampler[int] | None) -> DataLoader[Minibatch]:
        return DataLoader(
            rows,
            batch_size=self.minibatch_size,
            sampler=sampler,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            collate_fn=_as_it_is,
            pin_memory=torch.cuda.is_available(),
        )


class Later(Sampler[int]):
    """The indices of another sampler after its first ones, for a training that is resumed.

    Its length is that of the whole training, since Lightning counts from the beginning.

    Parameters
    ----------
    sampler
        Sampler of all indices, including the first ones.
    n_before
        Number of indices that are skipped.
    """

    def __init__(self, sampler: Sampler[int], n_before: int) -> None:
        self._sampler, self._n_before = sampler, n_before

    def __len__(self) -> int:
        return len(self._sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[int]:
        return islice(iter(self._sampler), self._n_before, None)


class _Rows(Dataset[Minibatch]):
    """Some cells of a dataset, which are fetched as whole minibatches."""

    def __init__(self, dataset: CellDataset, cells: np.ndarray) -> None:
        self._dataset, self._cells = dataset, cells

    def __len__(self) -> int:
        return len(self._cells)

    def __getitems__(self, indices: list[int]) -> Minibatch:
        rows = self._cells[indices]
        interventions = self._dataset.interventions(rows)
        if interventions is None:
            return Minibatch(self._dataset.rows(rows))
        in_group = (interventions.group >= 0)[:, None]
        perturbed = in_group & (interventions.dose[interventions.group] != 0)
        return Minibatch(self._dataset.rows(rows), torch.from_numpy(perturbed))


def _as_it_is(minibatch: Any) -> Any:
    return minibatch
