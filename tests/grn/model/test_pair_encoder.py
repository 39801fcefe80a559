from pathlib import Path

import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.evaluation.metrics import auprc
from grn.model.pair_encoder import PairEncoder, edge_log_odds
from grn.model.pair_statistics import N_STATISTICS, pair_statistics


@pytest.fixture
def encoder() -> PairEncoder:
    torch.manual_seed(0)
    return PairEncoder(n_channels=6, n_blocks=2).eval()


def everyone(n_tfs: int, n_genes: int) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.ones(1, n_tfs).bool(), torch.ones(1, n_genes).bool()


def test_padding_changes_nothing(encoder: PairEncoder) -> None:
    statistics = torch.randn(1, 3, 5, N_STATISTICS)
    alone = encoder(statistics, *everyone(3, 5))
    # In a batch with a larger network, genes that are no regulators come after its regulators.
    padded = torch.randn(1, 4, 8, N_STATISTICS)
    only_tfs = statistics[:, :, :3]
    padded[:, :3, :3] = only_tfs
    is_tf, is_gene = torch.arange(4)[None] < 3, torch.arange(8)[None] < 3
    found = encoder(padded, is_tf, is_gene)
    torch.testing.assert_close(found[:, :3, :3], encoder(only_tfs, *everyone(3, 3)))
    assert not torch.allclose(found[:, :3, :3], alone[:, :, :3])  # other pairs matter


def test_order_of_genes_changes_nothing(encoder: PairEncoder) -> None:
    roots = torch.rand(60, 7)
    before = encoder(pair_statistics(roots, torch.arange(3))[None], *everyone(3, 7))[0]
    order = torch.tensor([2, 0, 1, 6, 3, 5, 4])
    after = encoder(pair_statistics(roots[:, order], torch.arange(3))[None], *everyone(3, 7))[0]
    torch.testing.assert_close(after, before[order[:3]][:, order], atol=1e-4, rtol=1e-4)


def test_a_chain_is_told_from_its_shortcut_by_the_third_gene(encoder: PairEncoder) -> None:
    """Log-odds of a pair depend on pairs that share neither its regulator nor its target."""
    statistics = torch.randn(1, 4, 4, N_STATISTICS, requires_grad=True)
    encoder(statistics, *everyone(4, 4))[0, 0, 1].backward()
    seen = statistics.grad.abs().sum(-1)[0] > 0
    assert seen[0].all()
    assert seen[:, 1].all()
    assert seen[2, 3]  # over two blocks


def test_standardising_undoes_scale_and_shift(encoder: PairEncoder) -> None:
    statistics = torch.randn(1, 3, 5, N_STATISTICS)
    expected = encoder(statistics, *everyone(3, 5))
    encoder.standardise_by(torch.full((N_STATISTICS,), 0.0), torch.full((N_STATISTICS,), 3.0))
    torch.testing.assert_close(encoder(3 * statistics, *everyone(3, 5)), expected)


def test_packaged_encoders_find_edges_of_networks_never_seen(
    trained: tuple[object, object, list[str]],
) -> None:
    _, adata, tfs = trained
    cells = CellDataset(adata)
    tf_index = torch.tensor([cells.genes.index(tf) for tf in tfs])
    roots = cells.roots(range(len(cells)))
    found = edge_log_odds(roots, tf_index)
    truth = adata.uns["truth"]
    labels = np.zeros(found.shape, dtype=bool)
    for source, target in zip(truth["source"], truth["target"], strict=True):
        labels[tfs.index(source), cells.genes.index(target)] = True
    pairs = np.ones(labels.shape, dtype=bool)
    pairs[np.arange(len(tfs)), tf_index] = False
    correlated = np.abs(np.corrcoef(roots.numpy().T)[tf_index])
    scored = auprc(found.numpy()[pairs], labels[pairs])
    assert scored > 1.1 * auprc(correlated[pairs], labels[pairs]) > 1.1 * labels[pairs].mean()


@pytest.mark.parametrize("content", [None, b"no tensors"])
def test_what_is_no_encoder_is_refused(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "other.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match="written by grn pretrain"):
        edge_log_odds(torch.rand(30, 5), torch.arange(2), path)
