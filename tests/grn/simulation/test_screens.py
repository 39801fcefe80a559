"""Perturbation screens: their labels, their truth, and that perturbing a regulator shows."""

from collections.abc import Callable

import numpy as np
import pytest

from grn.simulation.screens import (
    Screen,
    draw_boolean_screen,
    draw_bulk_screen,
    draw_cell_screen,
)

DRAWS = [draw_bulk_screen, draw_cell_screen, draw_boolean_screen]


def _first(draw: Callable[[np.random.Generator], Screen | None], seed: int = 0) -> Screen:
    rng = np.random.default_rng(2**33 + seed)
    while (screen := draw(rng)) is None:
        pass
    return screen


@pytest.mark.parametrize("draw", DRAWS)
def test_every_cell_has_a_group_and_every_group_a_dose(
    draw: Callable[[np.random.Generator], Screen | None],
) -> None:
    screen = _first(draw)
    group, dose = screen.interventions.group, screen.interventions.dose
    n_cells, n_genes = screen.expression.shape
    assert group.shape == (n_cells,)
    assert dose.shape[1] == n_genes
    assert group.max() == len(dose) - 1
    assert not dose[0].any()
    assert dose[1:].any(axis=1).all()
    assert set(np.unique(dose)) <= {-1.0, -0.5, 0.0, 1.0}
    # Only regulators are perturbed, and they are the first genes.
    assert screen.interventions.perturbed_genes.max() < len(screen.regulates)


@pytest.mark.parametrize("draw", DRAWS)
def test_the_same_seed_draws_the_same_screen(
    draw: Callable[[np.random.Generator], Screen | None],
) -> None:
    one, other = _first(draw, 3), _first(draw, 3)
    np.testing.assert_array_equal(one.expression, other.expression)
    np.testing.assert_array_equal(one.interventions.dose, other.interventions.dose)


def test_targets_of_a_perturbed_gene_change_more_than_others() -> None:
    of_targets, of_others = [], []
    for seed in range(6):
        expression, regulates, interventions = _first(draw_bulk_screen, seed)
        group, dose = interventions.group, interventions.dose
        reference = np.median(expression[group >= 0], axis=0)
        spread = expression.std(axis=0) + 1e-9
        for number in np.flatnonzero((dose != 0).sum(axis=1) == 1):
            gene = int(np.flatnonzero(dose[number])[0])
            change = np.abs(expression[group == number].mean(axis=0) - reference) / spread
            is_target = regulates[gene] != 0
            others = ~is_target
            others[gene] = False
            of_targets += change[is_target].tolist()
            of_others += change[others].tolist()
    assert np.mean(of_targets) > 2 * np.mean(of_others)


def test_knocked_out_genes_are_low_unless_the_transcript_stays() -> None:
    lower = []
    for seed in range(8):
        expression, _, interventions = _first(draw_cell_screen, seed)
        if interventions.dose.min() > -0.9:
            continue
        for gene in interventions.perturbed_genes:
            knocked = (interventions.dose[:, gene] == -1)[interventions.group]
            controls = expression[interventions.group == 0, gene].mean()
            lower.append(expression[knocked, gene].mean() < controls)
    assert len(lower) > 10
    assert np.mean(lower) > 0.6
