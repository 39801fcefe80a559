from pathlib import Path
from typing import Any

import anndata
import numpy as np
import pytest
import scipy.sparse as sp
import torch

from grn.data import datamodule
from grn.data.datamodule import CellDataModule
from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.interventions import Interventions

N_CELLS = 53


@pytest.fixture(scope="module")
def dataset() -> CellDataset:
    """Cells that can be told apart by their first gene."""
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 3, (N_CELLS, 5)).astype(np.float32)
    values[:, 0] = np.linspace(0, 4, N_CELLS)
    return CellDataset(anndata.AnnData(values))


def make(dataset: CellDataset, **changes: Any) -> CellDataModule:
    settings = {
        "minibatch_size": 7,
        "max_steps": 40,
        "val_fraction": 0.2,
        "num_workers": 0,
        "seed": 0,
    }
    return CellDataModule(dataset, **{**settings, **changes})


def cells_of(dataset: CellDataset, loader: Any) -> list[int]:
    """Say which cells a loader gives, in order."""
    firsts = dataset.rows(np.arange(N_CELLS))[:, 0]
    given = torch.cat([minibatch.cells[:, 0] for minibatch in loader])
    return [int(cell) for cell in (given[:, None] - firsts).abs().argmin(dim=1)]


def test_split_is_disjoint_and_complete(dataset: CellDataset) -> None:
    module = make(dataset, max_steps=200)
    validation = cells_of(dataset, module.val_dataloader())
    training = set(cells_of(dataset, module.train_dataloader()))
    assert validation == sorted(set(validation))
    assert len(validation) == round(0.2 * N_CELLS)
    assert training.isdisjoint(validation)
    assert training | set(validation) == set(range(N_CELLS))


def test_no_cell_is_on_both_sides_however_often_it_comes(dataset: CellDataset) -> None:
    drawn = np.sort(np.random.default_rng(0).integers(N_CELLS, size=N_CELLS))
    values = np.linspace(0, 4, N_CELLS, dtype=np.float32)[:, None] * np.ones(5, np.float32)
    twice = CellDataset(anndata.AnnData(values), drawn)
    for seed in range(5):
        module = make(twice, max_steps=200, seed=seed)
        loaders = module.train_dataloader(), module.val_dataloader()
        training, validation = ([int(drawn[r]) for r in cells_of(twice, one)] for one in loaders)
        assert set(training).isdisjoint(validation)
        assert set(training) | set(validation) == set(drawn)
        # Every copy of a cell is seen: as many rows as were drawn of it.
        assert len(validation) == np.isin(drawn, validation).sum()
        assert len(set(validation)) == round(0.2 * len(np.unique(drawn)))


def test_seed_fixes_split_and_minibatches(dataset: CellDataset) -> None:
    splits, drawn = [], []
    for seed in (0, 0, 1):
        module = make(dataset, seed=seed)
        torch.manual_seed(seed)
        splits.append(cells_of(dataset, module.val_dataloader()))
        drawn.append(cells_of(dataset, module.train_dataloader()))
    assert splits[0] == splits[1] != splits[2]
    assert drawn[0] == drawn[1] != drawn[2]


def test_an_epoch_is_max_steps_minibatches(dataset: CellDataset) -> None:
    module = make(dataset, max_steps=13, minibatch_size=60)
    shapes = [minibatch.cells.shape for minibatch in module.train_dataloader()]
    assert shapes == [(60, 5)] * 13


def test_at_least_two_cells_validate(dataset: CellDataset) -> None:
    assert len(cells_of(dataset, make(dataset, val_fraction=0.001).val_dataloader())) == 2


def test_validation_does_not_grow_with_the_cells_for_ever(
    dataset: CellDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datamodule, "_MOST_VALIDATION_CELLS", 5)
    module = make(dataset, val_fraction=0.5)
    validation = cells_of(dataset, module.val_dataloader())
    assert len(validation) == 5
    assert not set(validation) & set(cells_of(dataset, module.train_dataloader()))


def test_workers_give_the_same_cells(dataset: CellDataset) -> None:
    alone, helped = (make(dataset, num_workers=n, max_steps=3) for n in (0, 1))
    expected = cells_of(dataset, alone.val_dataloader())
    assert cells_of(dataset, helped.val_dataloader()) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"minibatch_size": 0},
        {"max_steps": 0},
        {"val_fraction": 0.0},
        {"val_fraction": 1.0},
        {"num_workers": -1},
    ],
)
def test_numbers_out_of_range_are_refused(dataset: CellDataset, change: dict[str, float]) -> None:
    ((name, value),) = change.items()
    with pytest.raises(InputError, match=f"{name}={value}.*expected at least 1"):
        make(dataset, **change)


def test_minibatches_say_which_genes_are_perturbed(dataset: CellDataset) -> None:
    assert next(iter(make(dataset).train_dataloader())).perturbed is None
    group = np.arange(N_CELLS) % 4 - 1
    dose = np.zeros((3, 5), np.float32)
    dose[1, 2], dose[2, [0, 4]] = -1, 0.5
    values = np.linspace(0, 4, N_CELLS, dtype=np.float32)[:, None] * np.ones(5, np.float32)
    labelled = CellDataset(anndata.AnnData(values), interventions=Interventions(group, dose))
    for minibatch in make(labelled).train_dataloader():
        for cell, perturbed in zip(
            cells_of(labelled, [minibatch]), minibatch.perturbed, strict=True
        ):
            expected = {1: [2], 2: [0, 4]}.get(int(group[cell]), [])
            assert perturbed.nonzero().flatten().tolist() == expected


def test_workers_cannot_share_cells_on_disk(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 3, (N_CELLS, 5)).astype(np.float32)
    anndata.AnnData(sp.csr_matrix(values)).write_h5ad(tmp_path / "x.h5ad")
    on_disk = CellDataset(anndata.read_h5ad(tmp_path / "x.h5ad", backed="r"))
    assert len(next(iter(make(on_disk).train_dataloader())).cells) == 7
    with pytest.raises(InputError, match=r"num_workers is 2; expected 0 for cells on disk"):
        make(on_disk, num_workers=2)
