from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import sparse, stats

from grn.benchmark.peers.information import (
    bayesian_blocks,
    pidc,
    pidc_of_bins,
    unique_contribution,
)


def compact(bins):
    return np.unique(bins, return_inverse=True)[1]


def some_bins():
    rng = np.random.default_rng(1)
    bins = [rng.integers(0, n, 200) for n in (2, 3, 4, 3, 2)]
    bins[3] = np.where(rng.random(200) < 0.6, bins[2] % 3, bins[3])
    bins.append(np.where(rng.random(200) < 0.5, bins[0] + bins[1], rng.integers(0, 4, 200)))
    return bins


def specific_information(x, b, y):
    """What bin b of x tells about y, from counts."""
    total = 0.0
    for c in set(y):
        given = np.mean(y[x == b] == c)
        if given > 0:
            total += given * np.log(given / np.mean(y == c))
    return total


def test_unique_contribution_is_its_definition():
    bins = some_bins()
    expected = np.zeros((6, 6))
    for i, j in permutations(range(6), 2):
        share = [np.mean(bins[i] == b) for b in range(bins[i].max() + 1)]
        told = [
            [specific_information(bins[i], b, bins[k]) for b in range(len(share))]
            for k in range(6)
        ]
        information = np.dot(share, told[j])
        for k in set(range(6)) - {i, j}:
            unique = information - np.dot(share, np.minimum(told[j], told[k]))
            expected[i, j] += unique / information
            expected[j, i] += unique / information
    np.testing.assert_allclose(unique_contribution(bins), expected, atol=1e-9)


def test_score_is_the_sum_of_both_gamma_distributions():
    bins = some_bins()
    contribution, scores = unique_contribution(bins), pidc_of_bins(bins)
    expected = 0.0
    for gene in (2, 3):
        shape, _, scale = stats.gamma.fit(np.delete(contribution[gene], gene), floc=0)
        expected += stats.gamma(shape, scale=scale).cdf(contribution[2, 3])
    assert scores[2, 3] == scores[3, 2] == pytest.approx(expected)
    assert scores[2, 3] == scores.max()
    np.testing.assert_array_equal(np.diag(scores), 0)


def test_blocks_are_the_best_of_all_partitions():
    levels = np.array([0, 0, 0, 0, 0, 0, 1.0, 1.2, 1.25, 1.3, 1.31, 1.32, 1.33, 4, 6, 9])
    values, count = np.unique(levels, return_counts=True)
    n = len(values)
    edges = np.concatenate([values[:1], (values[1:] + values[:-1]) / 2, values[-1:]])
    # The price of a block depends on where it ends, as in the algorithm's recursion.
    price = 4 - np.log(73.53 * 0.05 * np.arange(1, n + 1) ** -0.478)

    def fitness(cuts):
        blocks = zip((0, *cuts), (*cuts, n), strict=True)
        held = [(count[a:b].sum(), edges[b] - edges[a], price[b - 1]) for a, b in blocks]
        return sum(k * np.log(k / width) - cost for k, width, cost in held)

    every = [cuts for size in range(n) for cuts in combinations(range(1, n), size)]
    best = max(every, key=fitness)
    assert 1 <= len(best) <= 4
    expected = np.searchsorted(best, np.arange(n), side="right")[np.searchsorted(values, levels)]
    np.testing.assert_array_equal(bayesian_blocks(levels), expected)
    np.testing.assert_array_equal(bayesian_blocks(levels[::-1]), expected[::-1])
    np.testing.assert_array_equal(
        bayesian_blocks(np.nextafter(levels, np.arange(16) % 2)), expected
    )


def test_linear_and_rankless_regulators_come_first(regulated):
    tf_index = np.arange(6)
    weight, importance = pidc(regulated, tf_index)
    assert weight is None
    assert importance[:, 6].argmax() == 0
    assert importance[:, 7].argmax() == 1
    np.testing.assert_array_equal(importance[:, 8], 0)
    assert np.isfinite(importance).all()
    same = pidc(sparse.csr_matrix(regulated), tf_index, seed=1)
    np.testing.assert_array_equal(same.importance, importance)


def test_gene_order_changes_nothing(regulated):
    order = np.random.default_rng(2).permutation(9)
    tf_index = np.array([0, 8, 3])
    expected = pidc(regulated, tf_index).importance
    found = pidc(regulated[:, order], np.argsort(order)[tf_index]).importance
    np.testing.assert_allclose(found, expected[:, order], atol=1e-9)


def test_too_few_genes_to_judge_by_a_third_score_nothing(regulated):
    np.testing.assert_array_equal(pidc(regulated[:, [0, 6, 8]], np.array([0, 1])).importance, 0)


@pytest.mark.data
@pytest.mark.parametrize(
    ("model", "published"),
    [("GSD", 1.53), ("HSC", 2.15), ("VSC", 2.59), ("mCAD", 0.83), ("dyn-LL", 8.50)],
)
def test_simulations_agree_with_published_ratios(boolode, model, published):
    """Those are of ten bins of one width."""
    ratios = []
    for replicate in (0, 1):
        cells = boolode(model, replicate)
        scaled = (cells.expression - cells.expression.min(axis=0)) / np.ptp(
            cells.expression, axis=0
        )
        bins = [compact(np.minimum(gene, 9)) for gene in (scaled * 10).astype(int).T]
        ratios.append(cells.ratio((None, pidc_of_bins(bins)), ""))
    assert np.mean(ratios) == pytest.approx(published, rel=0.1)


@pytest.mark.data
def test_mdc_ratios(mdc):
    scores = pidc(mdc.expression, mdc.tf_index)
    assert mdc.ratio(scores, "STRING") == pytest.approx(1.57, abs=0.01)
    assert mdc.ratio(scores, "NonSpecific") == pytest.approx(1.60, abs=0.01)
