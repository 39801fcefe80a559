"""Random networks: what all families keep to, and what sets them apart."""

from collections import Counter

import numpy as np
import pytest

from grn.simulation import topology as module
from grn.simulation.topology import draw_signs, draw_topology


@pytest.fixture(scope="module")
def drawn() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    return [draw_topology(rng, 60) for _ in range(150)]


def test_what_all_families_keep_to(drawn: list[np.ndarray]) -> None:
    for signs in drawn:
        assert signs.dtype == np.int8
        assert set(np.unique(signs)) <= {-1, 0, 1}
        assert not np.diagonal(signs).any()
        assert np.count_nonzero(signs) > 0.3 * 60
    rng = np.random.default_rng(1)
    few = [draw_topology(rng, 20, most_regulators=2) for _ in range(50)]
    assert max(np.count_nonzero(signs, axis=0).max() for signs in few) == 2
    # The smallest networks of the curriculum have five genes.
    assert np.mean([draw_topology(rng, 5).any() for _ in range(50)]) > 0.9


def test_networks_differ(drawn: list[np.ndarray]) -> None:
    regulators = [signs.any(axis=1).mean() for signs in drawn]
    assert min(regulators) < 0.2
    assert max(regulators) == 1.0
    most_targets = [np.count_nonzero(signs, axis=1).max() for signs in drawn]
    assert min(most_targets) < 8
    assert max(most_targets) > 30
    per_gene = [np.count_nonzero(signs) / 60 for signs in drawn]
    assert 1.5 < np.mean(per_gene) < 3.0


def test_layers_regulate_later_ones_only() -> None:
    weights, edges = module._layered(np.random.default_rng(2), 30)
    assert not edges.any()
    assert not ((weights > 0) & (weights.T > 0)).any()


def test_chains_connect_every_gene_of_a_chain() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        _, edges = module._chains(rng, 12)
        # All but the first gene of at most four chains have a predecessor.
        assert edges.any(axis=0).sum() >= 12 - 4
        assert edges.sum(axis=0).max() <= 2


def test_regulators_may_keep_to_one_sign() -> None:
    rng = np.random.default_rng(4)
    edges = np.ones((40, 40), dtype=bool)
    shares = [(draw_signs(rng, edges) < 0).mean(axis=1) for _ in range(100)]
    assert np.mean(shares) == pytest.approx(2 / 4.5, abs=0.05)
    # Where one share holds for all, regulators differ by chance alone.
    keeps = Counter(bool(share.std() > 0.2) for share in shares)
    assert keeps[True] == pytest.approx(50, abs=15)


def test_edges_without_signs_stay_away() -> None:
    edges = np.random.default_rng(5).random((9, 9)) < 0.3
    np.testing.assert_array_equal(draw_signs(np.random.default_rng(6), edges) != 0, edges)
