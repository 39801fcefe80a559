from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from flashsign import reference

from grn.model.embeddings import gene_profiles
from grn.model.transformer import SphericalTransformer
from grn.readout import AttentionScores, maps, read_attention
from grn.readout.maps import repression_worth

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import DenoisingModule

N_GENES = 17


def make_network(order: np.ndarray, n_tfs: int = 4) -> SphericalTransformer:
    """A network of the same genes and parameters in any order; TFs are genes 3, 6, 9, …"""
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(40, N_GENES, generator=generator)
    z[:, 5] = z[:, 3] + 0.3 * z[:, 5]
    bias = torch.randn(1, N_GENES, N_GENES, generator=generator)
    is_tf = np.isin(order, 3 * np.arange(1, n_tfs + 1)) if n_tfs < N_GENES else order >= 0
    tf_index = np.flatnonzero(is_tf)
    profiles = gene_profiles(z[:, order.copy()], 6)
    network = SphericalTransformer(
        profiles, torch.from_numpy(tf_index), n_channels=2, hidden_size=3
    )
    with torch.no_grad():
        network.attention.bias.copy_(bias[:, order][:, :, order[tf_index]])
    return network


def brute_force(network: SphericalTransformer) -> AttentionScores:
    """What `read_attention` has to return, in float64 with everything in memory."""
    attention = network.attention
    queries = attention.queries().double().detach()
    everyone = torch.arange(N_GENES)
    profile = reference.scores(
        queries, attention.keys(everyone).double().detach(), self_index=everyone
    )[0, 0].numpy()
    scores = reference.scores(
        queries,
        attention.keys(attention.tf_index).double().detach(),
        bias=attention.bias.double().detach(),
        self_index=attention.own_key,
    )[0, 0].numpy()
    profile[:, attention.tf_index] = scores
    background = np.stack([np.maximum(profile, 0).sum(1), np.maximum(-profile, 0).sum(1)])
    return AttentionScores(
        scores=scores.T,
        row_norm=np.linalg.norm(scores, axis=1),
        background=background / (N_GENES - 1),
        repression=repression_worth(network.dominance),
    )


@pytest.mark.parametrize("keys_per_block", [3, 1000])
@pytest.mark.parametrize("n_tfs", [4, N_GENES])
def test_blocks_add_up_to_the_dense_scores(
    n_tfs: int, keys_per_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "_KEYS_PER_BLOCK", keys_per_block)
    network = make_network(np.arange(N_GENES), n_tfs)
    seen, expected = read_attention(network), brute_force(network)
    assert seen.scores.shape == (n_tfs, N_GENES)
    np.testing.assert_allclose(seen.scores, expected.scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(seen.row_norm, expected.row_norm, rtol=1e-4)
    np.testing.assert_allclose(seen.background, expected.background, rtol=1e-4, atol=1e-5)
    assert seen.repression == expected.repression


def test_gene_order_only_reorders_the_result() -> None:
    order = np.random.default_rng(1).permutation(N_GENES)
    first, other = (read_attention(make_network(o)) for o in (np.arange(N_GENES), order))
    tfs = [3, 6, 9, 12]
    rows = [tfs.index(gene) for gene in order if gene in tfs]
    np.testing.assert_allclose(other.scores, first.scores[rows][:, order], atol=1e-4)
    np.testing.assert_allclose(other.row_norm, first.row_norm[order], rtol=1e-4)
    np.testing.assert_allclose(other.background, first.background[:, order], atol=1e-4)
    assert other.repression == pytest.approx(first.repression, abs=1e-5)


def test_self_pairs_are_zero_and_nothing_else() -> None:
    network = make_network(np.arange(N_GENES))
    scores = read_attention(network).scores
    own = np.zeros(scores.shape, dtype=bool)
    own[np.arange(4), network.attention.tf_index] = True
    np.testing.assert_array_equal(scores == 0, own)


def test_a_repressor_is_worth_less_the_more_one_programme_dominates() -> None:
    worth = [repression_worth(d) for d in (0.0, 1.0, 3.0, 10.0, 30.0, 100.0, 1e6)]
    assert worth == sorted(worth, reverse=True)
    assert worth[0] == pytest.approx(1)
    assert worth[-1] == pytest.approx(-1)


def test_reading_leaves_no_trace(
    trained: tuple["DenoisingModule", "AnnData", list[str]],
) -> None:
    network = trained[0].network
    before = {key: value.clone() for key, value in network.state_dict().items()}
    first, second = read_attention(network), read_attention(network)
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.background, second.background)
    for key, value in network.state_dict().items():
        assert torch.equal(value, before[key]), key
