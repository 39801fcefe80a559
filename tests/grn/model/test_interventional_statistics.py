"""Statistics of interventions: effects, their errors, paths, and invariance to names and order."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from grn.interventions import Interventions
from grn.model.interventional_statistics import (
    OF_CELLS,
    OF_GENE,
    OF_PAIR,
    InterventionalStatistics,
)

N_GENES, N_EACH = 6, 40
TFS = torch.tensor([0, 1, 2])


def _chain(seed: int = 0, n_each: int = N_EACH) -> tuple[torch.Tensor, Interventions]:
    """Cells of the chain 0 → 1 ⊣ 2; genes 0 and 1 are knocked out, 3 to 5 depend on none."""
    rng = np.random.default_rng(seed)
    dose = np.zeros((3, N_GENES), dtype=np.float32)
    dose[1, 0] = dose[2, 1] = -1
    group = np.repeat([0, 1, 2], n_each)
    values = 3 + 0.3 * rng.normal(size=(len(group), N_GENES))
    values[group == 1, 0] -= 2
    values[:, 1] += values[:, 0]
    values[group == 2, 1] -= 2
    values[:, 2] -= values[:, 1] - 6
    return torch.from_numpy(values).float(), Interventions(group, dose)


def _statistic(statistics: InterventionalStatistics, name: str) -> torch.Tensor:
    return statistics.block(torch.arange(N_GENES))[OF_PAIR.index(name)]


def test_effects_have_the_sign_of_the_edge() -> None:
    effect = _statistic(InterventionalStatistics(*_chain(), TFS), "effect_of_regulator")
    assert effect[1, 0] > 2  # 0 activates 1
    assert effect[2, 1] < -2  # 1 represses 2
    assert effect[2, 0] < -2  # and so 0 represses 2, by 1
    assert effect[3:, :2].abs().max() < 1.5
    assert effect[0, 1].abs() < 1.5  # 1 does not change 0
    assert effect[:, 2].abs().max() == 0  # 2 was not perturbed


def test_effect_is_the_mean_difference_over_its_standard_error() -> None:
    roots, interventions = _chain(n_each=500)
    effect = _statistic(InterventionalStatistics(roots, interventions, TFS), "effect_of_regulator")
    group = torch.from_numpy(interventions.group)
    control, knocked = roots[group == 0, 1], roots[group == 1, 1]
    within = torch.stack([roots[group == g, 1].var() for g in range(3)]).mean()
    t = (control.mean() - knocked.mean()) / (within * 2 / 500).sqrt()
    # The reference holds a little of the median over the groups, and the error of few cells.
    assert float(effect[1, 0].exp() - 1) == pytest.approx(float(t), rel=0.1)


def test_effects_of_a_target_are_those_of_the_exchanged_pair() -> None:
    statistics = InterventionalStatistics(*_chain(), TFS)
    block = statistics.block(TFS)
    n = (len(OF_PAIR) - 2) // 2
    torch.testing.assert_close(block[:n].transpose(1, 2), block[n : 2 * n])


def test_paths_lead_over_perturbed_genes() -> None:
    statistics = InterventionalStatistics(*_chain(), TFS)
    paths = _statistic(statistics, "paths_of_regulator")
    assert paths[2, 0] > 0.5  # 0 → 1 ⊣ 2
    assert paths[1, 0] < 0.1  # no third gene lies between
    assert _statistic(statistics, "signed_paths_of_regulator")[2, 0] < -0.5


def test_pairs_of_perturbed_genes_are_told_from_single_ones() -> None:
    """Where two genes are knocked out together and one alone, the other's effect is the rest."""
    roots, given = _chain(n_each=300)
    dose = np.zeros((3, N_GENES), dtype=np.float32)
    dose[1, 0] = dose[2, 0] = dose[2, 3] = -1  # in group 2 now 0 and 3
    values = 3 + 0.3 * np.random.default_rng(1).normal(size=roots.shape)
    values[given.group >= 1, 4] -= 1  # 4 depends on 0 alone
    statistics = InterventionalStatistics(
        torch.from_numpy(values).float(), Interventions(given.group, dose), torch.tensor([0, 3])
    )
    effect = _statistic(statistics, "effect_of_regulator")
    assert effect[4, 0] > 2
    assert effect[4, 1].abs() < 1.5


def test_one_sample_of_each_perturbation_suffices_for_an_error() -> None:
    """As in DREAM4: without replicates the spread between the groups tells the noise."""
    rng = np.random.default_rng(0)
    n = 30
    values = 3 + 0.1 * rng.normal(size=(n + 1, n))
    values[1 + np.arange(n), np.arange(n)] = 0
    values[1, 5] += 1
    dose = np.concatenate([np.zeros((1, n)), -np.eye(n)]).astype(np.float32)
    statistics = InterventionalStatistics(
        torch.from_numpy(values), Interventions(np.arange(n + 1), dose), torch.arange(n)
    )
    effect = statistics.block(torch.arange(n))[0]
    assert int(effect.abs().argmax()) == 5 * n  # target 5, regulator 0
    assert effect[5, 0] < -1.5


def test_without_labels_everything_is_0() -> None:
    roots, interventions = _chain()
    nobody = replace(interventions, group=np.zeros_like(interventions.group))
    for none in (None, nobody):
        statistics = InterventionalStatistics(roots, none, TFS)
        assert statistics.block(torch.arange(N_GENES)).abs().max() == 0
        assert statistics.of_genes.shape == (N_GENES, len(OF_GENE))
        assert statistics.of_cells.tolist() == [0.0] * len(OF_CELLS)


def test_order_of_cells_genes_and_groups_does_not_matter() -> None:
    roots, given = _chain()
    rng = np.random.default_rng(5)
    cells, genes = rng.permutation(len(roots)), rng.permutation(N_GENES)
    order = np.array([0, 2, 1])
    permuted = Interventions(np.argsort(order)[given.group][cells], given.dose[order][:, genes])
    place = torch.from_numpy(np.argsort(genes))
    before = InterventionalStatistics(roots, given, TFS)
    after = InterventionalStatistics(roots[cells][:, genes], permuted, place[TFS])
    torch.testing.assert_close(
        before.block(torch.arange(N_GENES)), after.block(place), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(before.of_genes, after.of_genes[place], rtol=1e-4, atol=1e-5)


def test_cells_of_no_group_do_not_count() -> None:
    roots, given = _chain()
    more = torch.cat([roots, 9 + torch.zeros(5, N_GENES)])
    unknown = Interventions(np.append(given.group, [-1] * 5), given.dose)
    before = _statistic(InterventionalStatistics(roots, given, TFS), "effect_of_regulator")
    after = _statistic(InterventionalStatistics(more, unknown, TFS), "effect_of_regulator")
    torch.testing.assert_close(before, after)
