"""Moments of groups: those of numpy, whatever the blocks."""

import numpy as np
import pytest
import torch

from grn.model.group_moments import GroupMoments

N_CELLS, N_GENES, N_GROUPS = 40, 5, 4


@pytest.fixture
def cells() -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(0)
    group = rng.integers(-1, N_GROUPS - 1, N_CELLS)  # none is in the last group
    return torch.from_numpy(rng.random((N_CELLS, N_GENES)) + 2), torch.from_numpy(group)


def test_mean_and_variance_within_groups(cells: tuple[torch.Tensor, torch.Tensor]) -> None:
    roots, group = cells
    moments = GroupMoments.of([(roots, group)], N_GROUPS)
    for number in range(N_GROUPS - 1):
        torch.testing.assert_close(moments.mean[number], roots[group == number].mean(dim=0))
    assert moments.mean[-1].tolist() == [0.0] * N_GENES
    of_groups = [roots[group == g].var(dim=0, correction=0) for g in range(N_GROUPS - 1)]
    sizes = moments.size[: N_GROUPS - 1]
    torch.testing.assert_close(moments.within, (torch.stack(of_groups) * sizes[:, None]).sum(0))


def test_spread_leaves_out_the_cells_in_which_a_gene_itself_is_perturbed(
    cells: tuple[torch.Tensor, torch.Tensor],
) -> None:
    roots, group = cells
    left_out = torch.zeros(N_GROUPS, N_GENES, dtype=torch.bool)
    left_out[1, 2] = True
    spread = GroupMoments.of([(roots, group)], N_GROUPS).spread(left_out)
    torch.testing.assert_close(spread[0], roots[:, 0].std(correction=0))
    torch.testing.assert_close(spread[2], roots[group != 1, 2].std(correction=0))


def test_blocks_do_not_matter_and_there_has_to_be_one(
    cells: tuple[torch.Tensor, torch.Tensor],
) -> None:
    roots, group = cells
    one = GroupMoments.of([(roots, group)], N_GROUPS)
    two = GroupMoments.of([(roots[:9], group[:9]), (roots[9:], group[9:])], N_GROUPS)
    for first, second in zip(one, two, strict=True):
        torch.testing.assert_close(first, second)
    with pytest.raises(ValueError, match="no blocks"):
        GroupMoments.of([], N_GROUPS)
