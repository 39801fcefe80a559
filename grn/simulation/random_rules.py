"""Draws random Boolean networks: their edges, and a rule for every gene."""

from typing import Any

import numpy as np

from grn.simulation.models import BooleanModel
from grn.simulation.topology import draw_topology

_Signs = np.ndarray[Any, np.dtype[np.int8]]

_FATES_SHARE = 0.5  # of the networks; more networks with fates helped (docs/experiments.md)
_MOST_REGULATORS, _MOST_RETURNED = 8, 7  # a truth table doubles with every regulator
_FEWEST_TO_NEST = 3  # activators of a gene


def draw_model(
    rng: np.random.Generator, n_genes: int, families_share: float
) -> tuple[BooleanModel, _Signs]:
    """Draw a Boolean model, and its network.

    A gene is on where its activators hold and its repressors do not, as in
    `(A or B) and not (C or D)`; sometimes all activators are needed, all repressors, or only one
    of the two groups, or activators form two groups, as in `((A or B) and (C or D))`. How common
    repressors, reciprocal edges, self-activation and each form of rule are is drawn once per
    network, so that networks differ more than genes of one network. Some networks are of a family
    of `topology`. In half of the others genes belong to fates, as in models of differentiation:
    most of those of one fate activate each other, and most of those of different fates repress
    each other.

    Parameters
    ----------
    rng
        Source of all randomness.
    n_genes
        Number of genes, at least 3.
    families_share
        Probability of a network of a family of `topology`, from 0 to 1.

    Returns
    -------
    The model, and the sign of every edge, shape (n_genes, n_genes): row regulates column, 0 where
    there is no edge. A gene that activates itself has 1 on the diagonal.
    """
    of_a_family = rng.random() < families_share
    signs = _draw_from_family(rng, n_genes) if of_a_family else _draw_signs(rng, n_genes)
    names = [f"g{gene}" for gene in range(len(signs))]
    model = BooleanModel(
        name="random_rules",
        title="a random Boolean network",
        citation="grn.simulation.random_rules",
        time=float(rng.uniform(4.0, 12.0)),
        branches=1,
        initial=_draw_initial(rng, names),
        rules=_draw_rules(rng, names, signs),
    )
    return model, signs


def _draw_from_family(rng: np.random.Generator, n_genes: int) -> _Signs:
    """Draw the edges as `topology` does; a gene without regulators gets one, or itself."""
    signs = draw_topology(rng, n_genes, _MOST_REGULATORS - 1)
    itself_share, source_share = rng.uniform(0.0, 0.3), rng.uniform(0.0, 1.0)
    np.fill_diagonal(signs, rng.random(n_genes) < itself_share)
    for gene in np.flatnonzero(~signs.any(axis=0)):
        if rng.random() < source_share:
            signs[gene, gene] = 1
        else:
            regulator = (gene + rng.integers(1, n_genes)) % n_genes
            signs[regulator, gene] = rng.choice([-1, 1])
    return signs


def _draw_signs(rng: np.random.Generator, n_genes: int) -> _Signs:
    """Draw the edges: every gene has at least one regulator, on average 1.1 to 4."""
    more_regulators = rng.uniform(0.1, 3.0)
    # Some known networks hold repressors alone (VSC).
    repressor_share = rng.beta(2.0, 2.0) if rng.random() < 0.85 else 1.0
    # Genes that switch each other on or off make decisions; chance alone gives few such pairs.
    returned_share = rng.uniform(0.0, 0.5) if rng.random() < 0.6 else 0.0
    itself_share = rng.uniform(0.0, 0.3)
    fate = rng.integers(rng.integers(2, 5), size=n_genes)
    has_fates = rng.random() < _FATES_SHARE
    loyalty = rng.uniform(0.5, 1.0) if has_fates else 0.0
    from_elsewhere = rng.uniform(0.1, 1.0) if has_fates else 1.0
    signs = np.zeros((n_genes, n_genes), dtype=np.int8)
    for gene in range(n_genes):
        regulated = np.flatnonzero(signs[gene])
        returned = regulated[rng.random(regulated.size) < returned_share][:_MOST_RETURNED]
        n_regulators = min(1 + rng.poisson(more_regulators), n_genes - 1, _MOST_REGULATORS)
        others = np.setdiff1d(np.arange(n_genes), [gene, *returned])
        weight = np.where(fate[others] == fate[gene], 1.0, from_elsewhere)
        n_drawn = max(n_regulators - returned.size, 0)
        drawn = rng.choice(others, n_drawn, replace=False, p=weight / weight.sum())
        regulators = np.concatenate([returned, drawn])
        by_chance = rng.random(regulators.size) < repressor_share
        by_fate = fate[regulators] != fate[gene]
        represses = np.where(rng.random(regulators.size) < loyalty, by_fate, by_chance)
        signs[regulators, gene] = np.where(represses, -1, 1)
    np.fill_diagonal(signs, rng.random(n_genes) < itself_share)
    return signs


def _draw_rules(rng: np.random.Generator, names: list[str], signs: _Signs) -> dict[str, str]:
    """Write a rule of its regulators for every gene."""
    one_activator_suffices = rng.uniform(0.2, 0.95)
    one_repressor_suffices = rng.uniform(0.5, 1.0)
    both_needed = rng.uniform(0.75, 1.0)
    nested_share = rng.uniform(0.0, 0.5)
    rules = {}
    for gene, name in enumerate(names):
        activators, repressors = (
            [names[regulator] for regulator in np.flatnonzero(signs[:, gene] == sign)]
            for sign in (1, -1)
        )
        one_suffices = bool(rng.random() < one_activator_suffices)
        if len(activators) >= _FEWEST_TO_NEST and rng.random() < nested_share:
            cut = int(rng.integers(1, len(activators)))
            groups = [
                _joined(activators[:cut], one_suffices),
                _joined(activators[cut:], one_suffices),
            ]
            on = _joined(groups, not one_suffices)
        else:
            on = _joined(activators, one_suffices)
        off = f"not {_joined(repressors, bool(rng.random() < one_repressor_suffices))}"
        if activators and repressors:
            rules[name] = f"{on} and {off}" if rng.random() < both_needed else f"{on} or {off}"
        else:
            rules[name] = on if activators else off
    return rules


def _joined(names: list[str], one_suffices: bool) -> str:
    return f"({(' or ' if one_suffices else ' and ').join(names)})"


def _draw_initial(rng: np.random.Generator, names: list[str]) -> dict[str, float] | None:
    """Draw the mRNA at time 0 of the genes that are on then; None: of every gene 1."""
    if rng.random() < 0.3:
        return None
    on = rng.random(len(names)) < 0.4
    amounts = rng.choice([1.0, 2.0], len(names))
    initial = {name: float(amounts[gene]) for gene, name in enumerate(names) if on[gene]}
    return initial or {names[0]: 1.0}
