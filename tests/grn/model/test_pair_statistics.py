from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from grn.model import pair_statistics
from grn.model.pair_statistics import OF_CELLS, OF_GENE, OF_PAIR, PairStatistics, evenly_spaced
from grn.model.profiles import GeneProfiles, gene_profiles
from tests.largest_tensor import largest_tensor

N_CELLS, N_GENES = 53, 11
TFS = torch.tensor([4, 1, 7])
FLAT, FAR = 3, 8
ENDS = ("target", "regulator")
VARYING = [gene for gene in range(N_GENES) if gene != FLAT]

Pairs = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def roots() -> torch.Tensor:
    """Gene 0 needs gene 1, 6 is repressed by it; 2 and 5 have many zeros, 8 one far outlier."""
    rng = np.random.default_rng(0)
    x = rng.gamma(2, 1, (N_CELLS, N_GENES))
    x[:, 0] = np.minimum(x[:, 1], 1.5) * rng.uniform(0.2, 1, N_CELLS)
    x[:, 6] = 1 / (0.3 + x[:, 1]) + 0.2 * x[:, 6]
    x[:, FLAT] = 1.3
    x[:, [2, 5]] *= rng.random((N_CELLS, 2)) < 0.6
    x[7, FAR] = 60
    return torch.from_numpy(np.sqrt(x).astype(np.float32))


@pytest.fixture(scope="module")
def found(roots: torch.Tensor) -> Pairs:
    """Statistics of all pairs by name, (n_genes, n_tfs)."""
    block = PairStatistics(roots, TFS).block(torch.arange(N_GENES))
    return dict(zip(OF_PAIR, block.numpy(), strict=True))


@pytest.fixture(scope="module")
def z(roots: torch.Tensor) -> np.ndarray:
    x = roots.double().numpy()
    spread = np.where(x.std(axis=0) > 1e-6, x.std(axis=0), np.inf)
    return (x - x.mean(axis=0)) / spread


def pairs() -> Iterator[tuple[int, int, int]]:
    """Yield target, regulator and the regulator's column for all pairs of two genes."""
    for column, tf in enumerate(TFS.tolist()):
        for gene in range(N_GENES):
            if gene != tf:
                yield gene, tf, column


def agree(found: np.ndarray, expected: Callable[[int, int], float]) -> None:
    """Compare with what is expected of a target and a regulator, pair by pair."""
    for gene, tf, column in pairs():
        assert found[gene, column] == pytest.approx(expected(gene, tf), abs=2e-5), (gene, tf)


def test_every_row_has_a_name(roots: torch.Tensor, found: Pairs) -> None:
    statistics = PairStatistics(roots, TFS)
    assert statistics.block(torch.tensor([2, 4])).shape == (len(set(OF_PAIR)), 2, 3)
    assert statistics.of_genes.shape == (N_GENES, len(set(OF_GENE)))
    assert statistics.of_cells.shape == (len(set(OF_CELLS)),)
    for values in found.values():
        assert values.dtype == np.float32
        assert np.isfinite(values).all()
        assert not values[TFS, [0, 1, 2]].any()


def test_correlations_are_those_of_scipy(roots: torch.Tensor, found: Pairs) -> None:
    x = roots.numpy()
    for gene, tf, column in pairs():
        if gene != FLAT:
            pearson = stats.pearsonr(x[:, gene].astype(float), x[:, tf].astype(float)).statistic
            assert found["pearson"][gene, column] == pytest.approx(pearson, abs=1e-5)
            spearman = stats.spearmanr(x[:, gene], x[:, tf]).statistic
            assert found["spearman"][gene, column] == pytest.approx(spearman, abs=1e-5)
    assert not found["pearson"][FLAT].any()
    assert not found["spearman"][FLAT].any()


def sampling_variance() -> float:
    return (1 + np.sqrt(N_GENES / N_CELLS)) ** 2 - 1


def ridge_matrices(z: np.ndarray, ridge: float) -> tuple[np.ndarray, np.ndarray]:
    """Return S (S + ρ)⁻¹ and (S + ρ)⁻¹ by inversion."""
    correlations = z.T @ z / N_CELLS
    precision = np.linalg.inv(correlations + ridge * sampling_variance() * np.eye(N_GENES))
    return correlations @ precision, precision


def cosines(matrix: np.ndarray) -> np.ndarray:
    size = np.sqrt(np.maximum(np.diag(matrix), 1e-12))
    return matrix / size / size[:, None]


@pytest.mark.parametrize("ridge", [0.1, 1, 8, 64])
def test_cosines_are_those_of_the_ridge_projection(
    ridge: float, z: np.ndarray, found: Pairs
) -> None:
    expected = cosines(ridge_matrices(z, ridge)[0])
    agree(found[f"cosine_{ridge:g}"], lambda i, j: expected[i, j])


@pytest.mark.parametrize("ridge", [0.1, 1])
def test_partial_correlations_come_from_the_inverse(
    ridge: float, z: np.ndarray, found: Pairs
) -> None:
    expected = -cosines(ridge_matrices(z, ridge)[1])
    agree(found[f"partial_{ridge:g}"], lambda i, j: expected[i, j])


def test_the_first_axis_is_taken_off_the_cosine(z: np.ndarray, found: Pairs) -> None:
    variances, axes = np.linalg.eigh(z.T @ z / N_CELLS)
    first = variances[-1] / (variances[-1] + 8 * sampling_variance())
    rest = ridge_matrices(z, 8)[0] - first * np.outer(axes[:, -1], axes[:, -1])
    expected = cosines(rest)
    agree(found["cosine_without_first_axis"], lambda i, j: expected[i, j])


def test_third_moments_see_no_more_than_four_standard_deviations(
    z: np.ndarray, found: Pairs
) -> None:
    assert z[:, FAR].max() > 5
    near = np.clip(z, -4, 4)
    agree(
        found["third_moment_of_target"], lambda i, j: ((near[:, i] ** 2 - 1) * near[:, j]).mean()
    )
    agree(
        found["third_moment_of_regulator"],
        lambda i, j: (near[:, i] * (near[:, j] ** 2 - 1)).mean(),
    )


def quarters(values: np.ndarray) -> list[list[int]]:
    """Return the cells of every quarter, each cell by the mean place of its equals."""
    inside: list[list[int]] = [[], [], [], []]
    for cell, value in enumerate(values):
        below = (values < value).sum() + ((values == value).sum() - 1) / 2
        inside[int(4 * below / len(values))].append(cell)
    return inside


def over_quarters(z: np.ndarray, of: int, by: int) -> dict[str, float]:
    """Return what `_BOTH_WAYS` names, of one gene over the quarters of another."""
    near, cells = np.clip(z[:, of], -4, 4), quarters(z[:, by])
    means = [near[inside].mean() if inside else 0.0 for inside in cells]
    shares = np.array([len(inside) / N_CELLS for inside in cells])
    said = {"correlation_ratio": float(np.sqrt(shares @ np.square(means)))}
    for end, inside in (("lowest", cells[0]), ("highest", cells[3])):
        above = (z[inside, of] > 0).mean() if inside else 0.0
        said[f"mean_in_{end}_quarter"] = near[inside].mean() if inside else 0.0
        said[f"sd_in_{end}_quarter"] = near[inside].std() if inside else 0.0
        said[f"above_mean_in_{end}_quarter"] = above - (z[:, of] > 0).mean()
    return said


def test_quarters_both_ways(z: np.ndarray, found: Pairs) -> None:
    names = over_quarters(z, 0, 1)
    for name in names:
        agree(found[f"{name}_of_target"], lambda i, j, name=name: over_quarters(z, i, j)[name])
        agree(found[f"{name}_of_regulator"], lambda i, j, name=name: over_quarters(z, j, i)[name])


def test_a_regulator_that_is_needed_is_told_from_its_target() -> None:
    """Where the regulator is low, the target is too; where the target is low, it may be high."""
    needed = torch.rand(211)
    roots = torch.stack([needed * torch.rand(211), needed, torch.rand(211)], dim=1)
    block = PairStatistics(roots, torch.tensor([1])).block(torch.tensor([0]))[:, 0, 0]
    low = {end: block[OF_PAIR.index(f"sd_in_lowest_quarter_of_{end}")] for end in ENDS}
    assert 2 * low["target"] < low["regulator"]


@pytest.mark.parametrize(("name", "ridge"), [("cosine", 8), ("partial", 0.1)])
def test_strengths_beside_those_with_all_other_genes(
    name: str, ridge: float, z: np.ndarray, found: Pairs
) -> None:
    projection, precision = ridge_matrices(z, ridge)
    strength = np.abs(cosines(projection) if name == "cosine" else cosines(precision))

    def beside(gene: int, other: int) -> float:
        others = [strength[gene, third] for third in range(N_GENES) if third != gene]
        spread = max(np.std(others), 1e-6)
        return float(np.clip((strength[gene, other] - np.mean(others)) / spread, -3, 6))

    for gene, tf, column in pairs():
        if gene != FLAT:
            of_target, of_regulator = (found[f"{name}_beside_{end}"][gene, column] for end in ENDS)
            assert of_target == pytest.approx(beside(gene, tf), abs=1e-3)
            assert of_regulator == pytest.approx(beside(tf, gene), abs=1e-3)


def test_strengths_beside_the_background_are_limited() -> None:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(211, 61, generator=generator)
    twins = noise.clone()
    twins[:, 4] += 9 * noise[:, 2]
    programme = 0.2 * noise + torch.randn(211, 1, generator=generator)
    programme[:, 4] = noise[:, 4]
    for logs, ends, limit in ((twins, ENDS, 6), (programme, ["regulator"], -3)):
        block = PairStatistics((logs / 9).exp(), torch.tensor([2])).block(torch.tensor([4]))
        assert all(block[OF_PAIR.index(f"cosine_beside_{end}"), 0, 0] == limit for end in ends)


def test_statistics_of_genes(roots: torch.Tensor, z: np.ndarray) -> None:
    found = dict(zip(OF_GENE, PairStatistics(roots, TFS).of_genes.T.numpy(), strict=True))
    near, x = np.clip(z, -4, 4), roots.double().numpy()
    np.testing.assert_allclose(found["above_mean"], (z > 0).mean(axis=0) - 0.5, atol=1e-6)
    usual = [gene for gene in VARYING if gene != FAR]
    np.testing.assert_allclose(found["skewness"][usual], stats.skew(x[:, usual]), atol=1e-5)
    kurtosis = stats.kurtosis(x[:, usual], fisher=False)
    np.testing.assert_allclose(found["log_kurtosis"][usual], np.log(kurtosis), atol=1e-5)
    assert found["log_kurtosis"][FAR] == pytest.approx(np.log((near[:, FAR] ** 4).mean()))
    np.testing.assert_allclose(found["log_spread"], np.log1p(x.std(axis=0)), atol=1e-5)
    np.testing.assert_allclose(found["zeros"], (x == 0).mean(axis=0), atol=1e-6)
    assert found["is_regulator"].nonzero()[0].tolist() == [1, 4, 7]


def test_statistics_of_cells(roots: torch.Tensor, z: np.ndarray) -> None:
    found = dict(zip(OF_CELLS, PairStatistics(roots, TFS).of_cells.tolist(), strict=True))
    largest = np.linalg.eigvalsh(z.T @ z / N_CELLS)[-1]
    expected = {
        "log_n_cells": np.log(N_CELLS),
        "log_sampling_variance": np.log(sampling_variance()),
        "log_n_genes": np.log(N_GENES),
        "log_dominance": np.log(largest / (1 + sampling_variance())),
        "zeros": (roots == 0).float().mean().item(),
    }
    assert found == pytest.approx(expected, abs=1e-5)


def test_some_targets_at_a_time_are_all_at_once(roots: torch.Tensor) -> None:
    statistics = PairStatistics(roots, TFS)
    order = torch.tensor([9, 1, 0, 3, 4, 10, 2, 7, 5, 8, 6])
    parts = torch.cat([statistics.block(targets) for targets in order.split(4)], dim=1)
    torch.testing.assert_close(parts, statistics.block(order), atol=1e-5, rtol=1e-5)


def test_order_of_cells_changes_nothing_and_genes_keep_theirs(
    roots: torch.Tensor, found: Pairs
) -> None:
    rng = np.random.default_rng(1)
    cells, genes = (torch.from_numpy(rng.permutation(n)) for n in roots.shape)
    place = genes.argsort()
    moved = PairStatistics(roots[cells][:, genes], place[TFS])
    before = PairStatistics(roots, TFS)
    everything = torch.from_numpy(np.stack(list(found.values())))
    torch.testing.assert_close(moved.block(place), everything, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(moved.of_genes[place], before.of_genes, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(moved.of_cells, before.of_cells, atol=1e-5, rtol=1e-5)


def test_the_choice_of_axes_changes_nothing(
    roots: torch.Tensor, found: Pairs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def turned(z: torch.Tensor) -> GeneProfiles:
        profiles = gene_profiles(z)
        signs = 1 - 2 * (torch.arange(len(profiles.variances)) % 2)
        return replace(profiles, loadings=profiles.loadings * signs)

    monkeypatch.setattr(pair_statistics, "gene_profiles", turned)
    other = PairStatistics(roots, TFS).block(torch.arange(N_GENES))
    expected = torch.from_numpy(np.stack(list(found.values())))
    torch.testing.assert_close(other, expected, atol=1e-5, rtol=1e-5)


def test_the_background_of_many_genes_is_a_sample_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    shared = rng.normal(size=(37, 5)) @ rng.normal(size=(5, 1301))
    roots = torch.from_numpy(np.exp(0.3 * (shared + rng.normal(size=shared.shape))))
    targets, beside = torch.arange(0, 1301, 13), slice(OF_PAIR.index("cosine_beside_target"), None)
    sampled = PairStatistics(roots, TFS).block(targets)
    monkeypatch.setattr(pair_statistics, "_MOST_BACKGROUND_GENES", 2000)
    full = PairStatistics(roots, TFS).block(targets)
    assert torch.equal(sampled[: beside.start], full[: beside.start])
    difference = (sampled[beside] - full[beside]).abs()
    assert 0 < difference.max() < 0.15


def test_background_genes_are_spread_evenly_over_the_means_whatever_their_order() -> None:
    mean = torch.randperm(2047).float()
    chosen = evenly_spaced(mean)
    # Every second of 2047, as there are 1024.
    assert mean[chosen].tolist() == list(range(0, 2047, 2))
    assert sorted(evenly_spaced(mean[:13]).tolist()) == list(range(13))


def test_nothing_of_all_pairs_of_genes_is_in_memory() -> None:
    roots = torch.rand(29, 6007)
    with largest_tensor() as largest:
        statistics = PairStatistics(roots, torch.arange(5))
        for targets in torch.arange(6007).split(1000):
            statistics.block(targets)
    assert 29 * 6007 <= largest.n_elements <= 1024**2
