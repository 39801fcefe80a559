import numpy as np
import pytest
import torch

from grn.model.attention import SphericalAttention, scores_of
from grn.model.embeddings import gene_profiles

N_GENES, TFS = 11, torch.tensor([2, 3, 7])


@pytest.fixture
def attention() -> SphericalAttention:
    """An attention whose parameters are anywhere but at their start."""
    generator = torch.Generator().manual_seed(0)
    attention = SphericalAttention(
        gene_profiles(torch.randn(23, N_GENES, generator=generator), 5), TFS
    )
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter += 0.05 * torch.randn(parameter.shape, generator=generator)
    return attention


def dense_scores(attention: SphericalAttention) -> np.ndarray:
    """s (n_genes, n_tfs) in float64, straight from the definition."""
    queries, keys = (t[0, 0].double().detach() for t in _tokens(attention))
    scores = (queries @ keys.T + attention.bias[0].double().detach()).numpy()
    for column, tf in enumerate(TFS):
        scores[tf, column] = 0
    return scores


def _tokens(attention: SphericalAttention) -> tuple[torch.Tensor, torch.Tensor]:
    return attention.queries(), attention.keys(attention.tf_index)


def test_map_and_output_follow_the_definition(attention: SphericalAttention) -> None:
    scores = dense_scores(attention)
    norm = np.linalg.norm(scores, axis=1)
    weights = scores / np.sqrt(norm**2 + 1e-6)[:, None]
    seen = attention.map()
    np.testing.assert_allclose(seen.weight_mean[0].detach(), weights, atol=1e-5)
    np.testing.assert_allclose(seen.row_norm_mean[0].detach(), norm, rtol=1e-5)
    values = torch.randn(4, 1, 3, 2)
    received = attention(values)
    assert received.shape == (4, 1, N_GENES, 2)
    expected = np.einsum("ij,cjv->civ", weights, values[:, 0].double().numpy())
    np.testing.assert_allclose(received[:, 0].detach(), expected, atol=1e-5)


def test_no_gene_attends_to_itself(attention: SphericalAttention) -> None:
    weights = attention.map().weight_mean[0]
    assert weights[TFS, torch.arange(3)].tolist() == [0, 0, 0]
    assert (weights != 0).sum() == N_GENES * 3 - 3
    genes = torch.tensor([9, 2, 0])
    seen = attention.profile_map(genes).weight_mean[0]
    assert seen[genes, torch.arange(3)].tolist() == [0, 0, 0]


def test_start_is_symmetric_and_of_unit_scale() -> None:
    profiles = gene_profiles(torch.randn(40, N_GENES), 6)
    attention = SphericalAttention(profiles, torch.arange(N_GENES))
    seen = attention.map()
    scores = (seen.weight_mean * seen.row_norm_mean[..., None])[0].detach()
    torch.testing.assert_close(scores, scores.T, atol=1e-5, rtol=1e-4)
    assert scores.square().mean().sqrt().item() == pytest.approx(1, rel=1e-4)


def test_start_is_positive_for_like_and_negative_for_opposite_profiles() -> None:
    z = torch.randn(200, 6)
    z[:, 1], z[:, 2] = z[:, 0], -z[:, 0]
    attention = SphericalAttention(gene_profiles(z, 6), torch.tensor([0, 4]))
    of_first = attention.map().weight_mean[0, :, 0]
    assert of_first[1] > 0.5
    assert of_first[2] < -0.5
    assert of_first[1].item() == pytest.approx(-of_first[2].item(), abs=1e-3)


def test_profile_map_leaves_the_pair_bias_out(attention: SphericalAttention) -> None:
    before = attention.profile_map(TFS).weight_mean
    with torch.no_grad():
        attention.bias += 5.0
    torch.testing.assert_close(attention.profile_map(TFS).weight_mean, before)


def test_the_pair_bias_gives_direction(attention: SphericalAttention) -> None:
    everyone = torch.arange(N_GENES)
    seen = attention.profile_map(everyone)
    symmetric = (seen.weight_mean * seen.row_norm_mean[..., None])[0].detach()
    torch.testing.assert_close(symmetric, symmetric.T, atol=1e-4, rtol=1e-4)
    with torch.no_grad():
        attention.bias.zero_()
        attention.bias[0, 3, 0] = 2.0  # regulator 2 of gene 3; the other way is not told
    scores = attention.scores().detach()
    unbiased = (attention.queries() @ attention.keys(TFS).transpose(-2, -1))[0, 0].detach()
    changed = (scores - unbiased).nonzero().tolist()
    assert changed == [[3, 0]]


def test_every_parameter_learns(attention: SphericalAttention) -> None:
    attention(torch.randn(2, 1, 3, 1)).square().sum().backward()
    for name, parameter in attention.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_profiles_without_any_signal_stay_finite() -> None:
    attention = SphericalAttention(gene_profiles(torch.randn(9, 5), 3), torch.tensor([0, 1]))
    with torch.no_grad():
        attention.tokens.zero_()
        attention.bias.zero_()
    assert torch.isfinite(attention.map().weight_mean).all()
    assert attention(torch.randn(2, 1, 2, 1)).abs().max() == 0


def test_start_mixes_products_and_signed_probabilities(attention: SphericalAttention) -> None:
    with torch.no_grad():
        attention.bias.zero_()
        products = attention.scores()
        log_odds = torch.linspace(-3, 3, 3 * N_GENES).reshape(3, N_GENES)
        attention.start_from(log_odds, 0.25)
        expected = 0.75 * products + 0.25 * 4 * torch.sigmoid(log_odds).T * products.sign()
        torch.testing.assert_close(attention.scores(), expected)
        expected[TFS, torch.arange(3)] = 0
        torch.testing.assert_close(scores_of(attention.map())[0], expected, atol=1e-4, rtol=1e-4)
        attention.start_from(log_odds, 0.0)
        torch.testing.assert_close(attention.scores(), products)


def test_scale_of_another_network_is_taken_as_it_is(attention: SphericalAttention) -> None:
    profiles = gene_profiles(torch.randn(23, N_GENES), 5)
    other = SphericalAttention(profiles, TFS, attention.scale)
    assert other.scale == attention.scale
    assert other.scale.data_ptr() != attention.scale.data_ptr()
