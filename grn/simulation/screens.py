"""Draws perturbation screens of random networks: cells whose perturbations are known."""

from typing import Any, NamedTuple

import numpy as np

from grn.interventions import ACTIVATION, DOSES, KNOCK_DOWN, KNOCK_OUT, Interventions
from grn.simulation import thermodynamic
from grn.simulation.bulk import draw_constants, relax
from grn.simulation.kinetics import simulate_trajectories
from grn.simulation.measurement import add_noise, count
from grn.simulation.random_counts import draw_counts, draw_log_uniform
from grn.simulation.random_kinetics import draw_kinetics
from grn.simulation.random_rules import draw_model
from grn.simulation.topology import draw_topology

_Array = np.ndarray[Any, np.dtype[np.float64]]
_Groups = np.ndarray[Any, np.dtype[np.int64]]
_Signs = np.ndarray[Any, np.dtype[np.int8]]

# All ranges are chosen by hand, and wide, as those of the other simulations (docs/simulation.md).
_FEWEST_GENES, _MOST_GENES = 20, 130  # of a bulk screen
_MOST_CELLS = 2500  # of a screen, so that it takes seconds
_ALL_PERTURBED = 0.4  # share of the screens in which every regulator is perturbed
_DOUBLE = 0.15  # share of the screens that also perturb pairs of genes


class Screen(NamedTuple):
    """Expression under perturbations, and the network behind it."""

    expression: _Array
    """Amounts, or counts; shape (n_cells, n_genes). The regulators are the first genes."""
    regulates: _Signs
    """Sign of every edge, shape (n_regulators, n_genes)."""
    interventions: Interventions


class _Design(NamedTuple):
    """Groups of cells that are perturbed alike."""

    group: _Groups
    """Group of every cell."""
    dose: np.ndarray[Any, np.dtype[np.float32]]
    """As `Interventions` has it, shape (n_groups, n_genes)."""
    factor: _Array
    """On the rate of every gene, shape (n_groups, n_genes)."""


def draw_bulk_screen(rng: np.random.Generator) -> Screen:
    """Draw steady states of a network of 20–130 genes in which single genes are perturbed.

    There are one to five samples of the wild type and one to three of every knock-out. In half of
    the screens the same genes are also knocked down, as in DREAM4; some of them also hold samples
    under small changes of all rates, whose perturbation is not known.
    """
    signs = draw_topology(rng, int(rng.integers(_FEWEST_GENES, _MOST_GENES + 1)))
    n_genes = len(signs)
    n_replicates = int(rng.choice([1, 1, 1, 2, 3]))
    kinds = [KNOCK_OUT, KNOCK_DOWN] if rng.random() < 0.5 else [KNOCK_OUT]
    design = _design(rng, n_genes, n_genes, kinds, int(rng.integers(1, 6)), n_replicates)
    factor = design.factor[design.group]
    group = design.group
    if rng.random() < 0.3:
        n_unknown = int(rng.integers(10, 101))
        changed = np.exp(rng.normal(0.0, rng.uniform(0.1, 0.6), (n_unknown, n_genes)))
        factor, group = np.concatenate([factor, changed]), np.append(group, [-1] * n_unknown)
    if rng.random() < 2 / 3:
        kinetics = thermodynamic.draw_thermodynamic(rng, signs)
        amounts = thermodynamic.relax(rng, kinetics, np.zeros_like(factor), factor)
    else:
        amounts = relax(rng, draw_constants(rng, signs), factor)
    return Screen(add_noise(rng, amounts), signs, Interventions(group, design.dose))


def draw_cell_screen(rng: np.random.Generator) -> Screen:
    """Draw counts of single cells of a network of TFs and targets in which TFs are perturbed.

    A group has 5–150 cells. Perturbations are knock-outs, knock-downs or activations, and fail in
    up to two fifths of the cells that carry them. In some screens the mRNA of a knocked gene does
    not tell that it is knocked out, as where a mutation leaves the transcript in place.
    """
    n_tfs, n_targets = int(draw_log_uniform(rng, 5, 51)), int(draw_log_uniform(rng, 20, 111))
    n_genes = n_tfs + n_targets
    n_each = int(draw_log_uniform(rng, 5, 151))
    n_each = min(n_each, max(5, _MOST_CELLS // (n_tfs + 2)))
    n_controls = int(n_each * draw_log_uniform(rng, 1, 6))
    kind = str(rng.choice(list(DOSES), p=[0.5, 0.3, 0.2]))
    design = _design(rng, n_tfs, n_genes, [kind], n_controls, n_each)
    fails = rng.random(len(design.group)) < rng.uniform(0.0, 0.4)
    factor = np.where(fails[:, None], 1.0, design.factor[design.group])
    counts, regulates = draw_counts(rng, n_tfs, n_targets, factor)
    if kind == KNOCK_OUT and rng.random() < 0.3:
        _hide(rng, counts, design)
    return Screen(counts, regulates, Interventions(design.group, design.dose))


def draw_boolean_screen(rng: np.random.Generator) -> Screen | None:
    """Draw cells of a Boolean network of 5–25 genes in which genes are knocked out or down.

    None where too few genes vary in the controls.
    """
    n_genes = int(rng.integers(5, 26))
    model, signs = draw_model(rng, n_genes, 0.15)
    kinetics = draw_kinetics(rng, n_genes, 0.8)
    n_each = int(draw_log_uniform(rng, 5, 101))
    kind = str(rng.choice([KNOCK_OUT, KNOCK_DOWN], p=[0.8, 0.2]))
    n_controls = int(n_each * draw_log_uniform(rng, 1, 4))
    design = _design(rng, n_genes, n_genes, [kind], n_controls, n_each)
    amounts = np.empty((len(design.group), n_genes))
    for group, factor in enumerate(design.factor):
        cells = np.flatnonzero(design.group == group)
        amounts[cells] = simulate_trajectories(model, factor, len(cells), rng, kinetics).mrna
    if np.sum(amounts[design.group == 0].std(axis=0) > 0.04) < max(5, 0.6 * n_genes):
        return None
    if rng.random() < 0.25:
        amounts = count(rng, amounts, float(rng.uniform(2.0, 10.0)))
    return Screen(amounts, signs, Interventions(design.group, design.dose))


def _design(
    rng: np.random.Generator,
    n_regulators: int,
    n_genes: int,
    kinds: list[str],
    n_controls: int,
    n_each: int,
) -> _Design:
    """Draw which regulators are perturbed; every one of them in a group for each of the kinds."""
    share = 1.0 if rng.random() < _ALL_PERTURBED else rng.uniform(0.1, 1.0)
    n_perturbed = max(1, round(share * n_regulators))
    chosen = rng.choice(n_regulators, n_perturbed, replace=False)
    sets: list[tuple[int, ...]] = [(int(gene),) for gene in chosen]
    if rng.random() < _DOUBLE and n_perturbed > 2:
        pairs = [tuple(rng.choice(chosen, 2, replace=False)) for _ in range(n_perturbed // 2)]
        sets += [(int(one), int(other)) for one, other in pairs]
    dose, factor = [np.zeros(n_genes, dtype=np.float32)], [np.ones(n_genes)]
    for kind in kinds:
        changed = {
            KNOCK_OUT: 0.0,
            KNOCK_DOWN: float(rng.uniform(0.1, 0.6)),
            ACTIVATION: float(rng.uniform(1.5, 5.0)),
        }[kind]
        for genes in sets:
            dose.append(np.zeros(n_genes, dtype=np.float32))
            factor.append(np.ones(n_genes))
            dose[-1][list(genes)] = DOSES[kind]
            factor[-1][list(genes)] = changed
    sizes = [n_controls] + [n_each] * (len(dose) - 1)
    if n_each > 3:
        sizes[1:] = np.maximum(2, rng.poisson(n_each, len(dose) - 1)).tolist()
    group = np.repeat(np.arange(len(dose)), sizes)
    return _Design(group, np.stack(dose), np.stack(factor))


def _hide(rng: np.random.Generator, counts: _Array, design: _Design) -> None:
    """Give perturbed genes the counts that they have in control cells, in place."""
    controls = np.flatnonzero(design.group == 0)
    for group, gene in zip(*np.nonzero(design.dose), strict=True):
        cells = np.flatnonzero(design.group == group)
        counts[cells, gene] = counts[rng.choice(controls, len(cells)), gene]
