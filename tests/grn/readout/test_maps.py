import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from flashsign import reference
from torch.profiler import ProfilerActivity, profile

from grn.model.embeddings import GeneProfiles, gene_profiles
from grn.model.transformer import SphericalTransformer
from grn.readout import AttentionScores, maps, read_attention

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
    signs = np.sign(profile[:, attention.tf_index])
    profile[:, attention.tf_index] = scores
    background = np.stack([np.maximum(profile, 0).sum(1), np.maximum(-profile, 0).sum(1)])
    return AttentionScores(
        scores=scores.T,
        profile_sign=signs.T.astype(np.int8),
        row_norm=np.linalg.norm(scores, axis=1),
        background=background / (N_GENES - 1),
        dominated=network.dominated,
    )


@pytest.mark.parametrize("keys_per_block", [3, 1000])
@pytest.mark.parametrize("n_tfs", [4, N_GENES])
def test_blocks_add_up_to_the_dense_scores(
    n_tfs: int, keys_per_block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maps, "_KEYS_PER_BLOCK", keys_per_block)
    monkeypatch.setattr(maps, "_REGULATORS_PER_BLOCK", keys_per_block)
    network = make_network(np.arange(N_GENES), n_tfs)
    seen, expected = read_attention(network), brute_force(network)
    assert seen.scores.shape == (n_tfs, N_GENES)
    np.testing.assert_allclose(seen.scores, expected.scores, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(seen.profile_sign, expected.profile_sign)
    np.testing.assert_allclose(seen.row_norm, expected.row_norm, rtol=1e-4)
    np.testing.assert_allclose(seen.background, expected.background, rtol=1e-4, atol=1e-5)
    assert seen.dominated == expected.dominated


def test_gene_order_only_reorders_the_result() -> None:
    order = np.random.default_rng(1).permutation(N_GENES)
    first, other = (read_attention(make_network(o)) for o in (np.arange(N_GENES), order))
    tfs = [3, 6, 9, 12]
    rows = [tfs.index(gene) for gene in order if gene in tfs]
    np.testing.assert_allclose(other.scores, first.scores[rows][:, order], atol=1e-4)
    np.testing.assert_allclose(other.row_norm, first.row_norm[order], rtol=1e-4)
    np.testing.assert_allclose(other.background, first.background[:, order], atol=1e-4)
    assert other.dominated == pytest.approx(first.dominated, abs=1e-5)


def test_self_pairs_are_zero_and_nothing_else() -> None:
    network = make_network(np.arange(N_GENES))
    scores = read_attention(network).scores
    own = np.zeros(scores.shape, dtype=bool)
    own[np.arange(4), network.attention.tf_index] = True
    np.testing.assert_array_equal(scores == 0, own)


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


def peak_allocation(call: Callable[[], object], trace: Path) -> int:
    """Most bytes that torch's CPU allocator has given out at once during a call."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    profiler.export_chrome_trace(str(trace))
    events = json.loads(trace.read_text())["traceEvents"]
    changes = sorted(
        (event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]"
    )
    return int(np.cumsum([change for _, change in changes]).max())


def test_the_measure_of_allocation_sees_what_is_live_at_once(tmp_path: Path) -> None:
    def call() -> None:
        for _ in range(3):
            first = torch.ones(1009, 503)
            (first + 1).sum()
            del first

    assert peak_allocation(call, tmp_path / "trace.json") == pytest.approx(
        2 * 4 * 1009 * 503, rel=0.01
    )


@pytest.mark.parametrize(
    ("n_genes", "n_tfs", "n_axes"), [(2503, 101, 127), (5003, 101, 127), (1601, 1601, 31)]
)
def test_memory_stays_within_the_formula(
    n_genes: int, n_tfs: int, n_axes: int, tmp_path: Path
) -> None:
    loadings, statistics = torch.randn(n_genes, n_axes), torch.randn(n_genes, 3)
    network = SphericalTransformer(
        GeneProfiles(loadings, torch.rand(n_axes) + 0.1, 1.0, statistics),
        torch.arange(n_tfs),
        n_channels=2,
        hidden_size=3,
    )
    peak = peak_allocation(lambda: read_attention(network), tmp_path / "trace.json")
    n_keys = min(1024, n_genes - n_tfs)
    of_signs = 1.25 * n_tfs + 3 * min(256, n_tfs)
    per_gene = max(3 * n_tfs, n_tfs + 3 * n_keys, of_signs) + 2 * n_axes + 16
    formula = 4 * n_genes * per_gene + 8 * 2**20
    assert 0.8 * formula < peak < formula
