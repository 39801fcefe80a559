import numpy as np
import pytest
import torch
from scipy.stats import kurtosis, skew

from grn.model.embeddings import GeneProfiles, gene_profiles

SHAPES = [(13, 29), (29, 13), (17, 17)]


def standardised(n_cells: int, n_genes: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, size=(n_cells, n_genes)) @ rng.normal(size=(n_genes, n_genes))
    z = (values - values.mean(0)) / values.std(0)
    return torch.from_numpy(z.astype(np.float32))


@pytest.mark.parametrize("shape", SHAPES)
def test_profiles_are_the_right_singular_vectors(shape: tuple[int, int]) -> None:
    z = standardised(*shape)
    profiles = gene_profiles(z, n_axes=5)
    _, singular, right = np.linalg.svd(z.double().numpy(), full_matrices=False)
    np.testing.assert_allclose(profiles.variances, singular[:5] ** 2 / shape[0], rtol=1e-5)
    assert profiles.loadings.shape == (shape[1], 5)
    assert profiles.loadings.dtype == torch.float32
    alignment = (right[:5] * profiles.loadings.numpy().T).sum(axis=1)
    np.testing.assert_allclose(np.abs(alignment), 1, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_sign_of_an_axis_is_fixed_by_its_largest_loading(shape: tuple[int, int]) -> None:
    loadings = gene_profiles(standardised(*shape), n_axes=6).loadings
    largest = loadings.abs().argmax(dim=0)
    assert (loadings[largest, torch.arange(6)] > 0).all()


def test_axes_that_the_cells_do_not_span_are_left_out() -> None:
    z = standardised(50, 3)
    doubled = torch.cat([z, z, -z], dim=1)
    profiles = gene_profiles(doubled, n_axes=9)
    assert profiles.loadings.shape == (9, 3)
    assert torch.isfinite(profiles.loadings).all()
    np.testing.assert_allclose(profiles.variances.sum(), 9, rtol=1e-4)


def test_noise_edge_is_that_of_marchenko_and_pastur() -> None:
    assert gene_profiles(standardised(40, 10), 3).noise_edge == pytest.approx(2.25)
    rng = np.random.default_rng(0)
    independent = torch.from_numpy(rng.normal(size=(2000, 200)))
    assert gene_profiles(independent, 5).dominance == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("shape", [(29, 13), (13, 29)])
def test_products_of_tokens_are_ridge_partial_correlations(shape: tuple[int, int]) -> None:
    z = standardised(*shape)
    profiles = gene_profiles(z, n_axes=29)
    ridge = 8 * ((1 + np.sqrt(shape[1] / shape[0])) ** 2 - 1)
    correlation = np.corrcoef(z.double().numpy().T)
    kept = np.eye(shape[1]) - ridge * np.linalg.inv(correlation + ridge * np.eye(shape[1]))
    length = np.sqrt(np.diag(kept))
    np.testing.assert_allclose(
        profiles.tokens @ profiles.tokens.T, kept / np.outer(length, length), atol=1e-4
    )


def test_a_planted_programme_dominates() -> None:
    rng = np.random.default_rng(0)
    noise, programme = rng.normal(size=(300, 60)), rng.normal(size=(300, 1))
    dominances = []
    for strength in (0.0, 1.0, 3.0):
        values = noise + strength * programme
        z = (values - values.mean(0)) / values.std(0)
        dominances.append(gene_profiles(torch.from_numpy(z), 5).dominance)
    assert dominances[0] < 1.2
    assert dominances[0] * 5 < dominances[1] < dominances[2]


def test_gene_order_only_reorders_the_rows() -> None:
    z = standardised(30, 12)
    order = torch.from_numpy(np.random.default_rng(1).permutation(12))
    profiles, reordered = gene_profiles(z, 4), gene_profiles(z[:, order], 4)
    torch.testing.assert_close(reordered.loadings, profiles.loadings[order], atol=1e-5, rtol=0)
    torch.testing.assert_close(reordered.statistics, profiles.statistics[order])


def test_statistics_tell_shapes_of_distributions_apart() -> None:
    rng = np.random.default_rng(0)
    values = np.stack(
        [rng.gamma(1.0, size=500), rng.normal(size=500), rng.uniform(size=500)], axis=1
    )
    z = (values - values.mean(0)) / values.std(0)
    expected = np.stack([(z > 0).mean(0), skew(z), kurtosis(z, fisher=False)], axis=1)
    expected = (expected - expected.mean(0)) / expected.std(0)
    statistics = gene_profiles(torch.from_numpy(z), 2).statistics
    np.testing.assert_allclose(statistics, expected, rtol=1e-3, atol=1e-3)


def test_a_gene_that_never_varies_has_no_loading() -> None:
    z = standardised(30, 8)
    z[:, 5] = 0
    profiles = gene_profiles(z, 7)
    assert profiles.loadings[5].abs().max() < 1e-6
    assert torch.isfinite(profiles.statistics).all()


def test_share_grows_with_what_one_programme_has() -> None:
    loadings, statistics = torch.eye(3), torch.zeros(3, 3)

    def share(dominance: float) -> float:
        variances = torch.tensor([2.0 * dominance, 1.0, 0.5])
        return GeneProfiles(loadings, variances, 2.0, statistics).dominated

    shares = [share(d) for d in (0.0, 1.0, 3.0, 9.0, 12.0, 15.0, 30.0, 1e6)]
    assert shares == sorted(shares)
    assert shares[0] == pytest.approx(0)
    assert shares[4] == pytest.approx(0.5)
    assert shares[-1] == pytest.approx(1)
