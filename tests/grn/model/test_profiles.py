from dataclasses import replace

import numpy as np
import pytest
import torch

from grn.model.profiles import GeneProfiles, gene_profiles, noise_edge


def standardised(n_cells: int, n_genes: int, *, programme: float = 0.0) -> torch.Tensor:
    """Genes at mean 0 and variance 1 that share one programme, with a weight of their own each."""
    rng = np.random.default_rng([n_cells, n_genes])
    x = rng.normal(size=(n_cells, n_genes))
    x += programme * rng.normal(size=(n_cells, 1)) * rng.choice([-1, 1], n_genes)
    return torch.from_numpy((x - x.mean(axis=0)) / x.std(axis=0))


def flipped(profiles: GeneProfiles) -> GeneProfiles:
    """Return the same axes, every second one pointing the other way."""
    signs = 1 - 2 * (torch.arange(len(profiles.variances)) % 2)
    return replace(profiles, loadings=profiles.loadings * signs)


@pytest.mark.parametrize(("n_cells", "n_genes"), [(13, 29), (31, 11)])
def test_axes_are_those_of_the_correlations(n_cells: int, n_genes: int) -> None:
    z = standardised(n_cells, n_genes)
    found = gene_profiles(z)
    correlations = np.corrcoef(z.numpy().T)
    rebuilt = found.loadings * found.variances @ found.loadings.T
    np.testing.assert_allclose(rebuilt, correlations, atol=1e-5)
    # One degree of freedom goes into the means.
    assert len(found.variances) == min(n_cells - 1, n_genes)
    assert (found.variances.diff() <= 0).all()
    identity = torch.eye(len(found.variances))
    torch.testing.assert_close(found.loadings.T @ found.loadings, identity, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("n_cells", "n_genes"), [(307, 101), (97, 503)])
def test_the_noise_edge_is_the_largest_eigenvalue_of_independent_genes(
    n_cells: int, n_genes: int
) -> None:
    found = gene_profiles(standardised(n_cells, n_genes))
    assert found.noise_edge == noise_edge(n_cells, n_genes)
    assert found.dominance == pytest.approx(1, abs=0.08)
    assert found.sampling_variance == pytest.approx(float(found.variances[0]) - 1, rel=0.15)


def test_a_programme_that_all_genes_share_dominates() -> None:
    weak, strong = (gene_profiles(standardised(211, 53, programme=w)) for w in (0.3, 2.0))
    assert 1 < weak.dominance < 5 < strong.dominance
    # Of 53 genes with 4/5 of their variance in common.
    assert strong.dominance == pytest.approx(0.8 * 53 / strong.noise_edge, rel=0.1)


@pytest.mark.parametrize("ridge", [0.1, 8.0])
def test_shrunken_axes_are_the_ridge_projection(ridge: float) -> None:
    z = standardised(17, 23)
    found = gene_profiles(z)
    half = found.loadings * found.ridge_weights(ridge).sqrt()
    correlations, rho = np.corrcoef(z.numpy().T), ridge * found.sampling_variance
    expected = correlations @ np.linalg.inv(correlations + rho * np.eye(23))
    np.testing.assert_allclose(half @ half.T, expected, atol=1e-5)


def test_tokens_are_cosines_of_the_ridge_projection() -> None:
    z = standardised(17, 23)
    found = gene_profiles(z)
    correlations, rho = np.corrcoef(z.numpy().T), 8 * found.sampling_variance
    projection = correlations @ np.linalg.inv(correlations + rho * np.eye(23))
    size = np.sqrt(np.diag(projection))
    tokens = found.tokens(n_axes=40)
    assert tokens.shape == (23, 16)
    np.testing.assert_allclose(tokens @ tokens.T, projection / size / size[:, None], atol=1e-5)
    leading = found.tokens(n_axes=5)
    assert leading.shape == (23, 5)
    torch.testing.assert_close(leading.square().sum(dim=1), torch.ones(23))


def test_products_of_tokens_do_not_depend_on_the_choice_of_axes() -> None:
    found = gene_profiles(standardised(19, 7))
    other = flipped(found).tokens(3)
    assert not torch.equal(other, found.tokens(3))
    torch.testing.assert_close(other @ other.T, found.tokens(3) @ found.tokens(3).T)


def test_a_gene_that_does_not_vary_has_no_profile() -> None:
    z = standardised(19, 7)
    z[:, 3] = 0
    tokens = gene_profiles(z).tokens(5)
    assert tokens.isfinite().all()
    assert not tokens[3].any()
    assert (tokens.norm(dim=1) > 0.99).sum() == 6
