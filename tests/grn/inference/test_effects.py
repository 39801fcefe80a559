"""Effects are estimated from all cells, block by block, and centred within batches."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.inference import effects
from grn.inference.effects import moments_of_groups
from grn.inference.infer import infer_network
from grn.interventions import Interventions
from grn.model.centring import centre_within
from grn.model.group_moments import GroupMoments
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData


def labels(n_cells: int, n_genes: int) -> Interventions:
    dose = np.zeros((3, n_genes), dtype=np.float32)
    dose[1, 0] = dose[2, 3] = -1
    return Interventions(np.arange(n_cells) % 4 - 1, dose)


@pytest.mark.parametrize("batched", [False, True])
def test_blocks_add_up_to_what_all_cells_give(
    small: "AnnData", monkeypatch: pytest.MonkeyPatch, batched: bool
) -> None:
    monkeypatch.setattr(effects, "_CELLS_PER_BLOCK", 7)
    batch = np.arange(small.n_obs) // 20 if batched else None
    given = labels(*small.shape)
    cells = CellDataset(small, batch=batch, interventions=given)
    rows = np.arange(5, small.n_obs)
    found = moments_of_groups(cells, rows, given.of_cells(rows))
    roots = cells.roots(rows)
    if batch is not None:
        roots = centre_within(roots, torch.from_numpy(batch[rows]))
    expected = GroupMoments.of([(roots, torch.from_numpy(given.group[rows]))], 3)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-4)
    assert found.size.sum() == len(rows)
    mean = roots[given.group[rows] == 1].double().mean(dim=0)
    torch.testing.assert_close(found.mean[1], mean, rtol=1e-5, atol=1e-5)


def test_a_sample_of_the_cells_leaves_all_of_them_to_the_effects(small: "AnnData") -> None:
    """A gene that is perturbed in cells outside of the sample alone counts as perturbed."""
    config = fast_config(Path("unused"), "model.max_cells=20")
    tfs = tfs_of(small)
    given = labels(*small.shape)
    cells = CellDataset(small, interventions=given)
    found = infer_network(config, cells, tfs)
    assert found.belief["n_cells"] == 20
    assert found.belief["n_perturbed_cells"] == (given.group > 0).sum() > 20
