"""The perturbed genes, and the interventions of a sample of cells."""

import numpy as np
import pytest

from grn.interventions import Interventions

DOSE = np.array([[0, 0, 0], [-1, 0, 0], [0, 1, -0.5], [0, 0, 1]], dtype=np.float32)


def test_genes_that_no_cell_has_perturbed_are_not_among_the_perturbed() -> None:
    interventions = Interventions(np.array([0, 1, 2, -1]), DOSE)
    assert interventions.perturbed_genes.tolist() == [0, 1, 2]
    assert Interventions(np.array([0, 1, -1]), DOSE).perturbed_genes.tolist() == [0]


@pytest.mark.parametrize(
    ("group", "can"),
    [([0, 1], True), ([1, 2, -1], True), ([1, 1, -1], False), ([0, -1], False), ([-1], False)],
)
def test_two_groups_of_cells_can_be_compared(group: list[int], can: bool) -> None:
    assert Interventions(np.array(group), DOSE).can_compare is can


def test_cells_of_a_sample_keep_their_groups() -> None:
    interventions = Interventions(np.array([0, 1, 2, -1]), DOSE).of_cells(np.array([3, 2, 2]))
    assert interventions.group.tolist() == [-1, 2, 2]
    assert interventions.perturbed_genes.tolist() == [1, 2]
