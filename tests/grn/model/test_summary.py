import numpy as np
import torch

from grn.model.pair_statistics import OF_CELLS, OF_GENE
from grn.model.summary import N_SUMMARY, summarise
from grn.model.transformer import SphericalTransformer

N_GENES, N_PAIRS = 17, len(OF_GENE) * (len(OF_GENE) - 1) // 2


def transformer() -> SphericalTransformer:
    sizes = {"width": 6, "n_heads": 2, "head_dim": 3, "n_channels": 5, "hidden_size": 7}
    small = SphericalTransformer(**sizes, n_blocks=1)
    small.get_buffer("of_genes_mean").fill_(2.0)
    small.get_buffer("of_genes_spread").fill_(5.0)
    small.get_buffer("of_cells_mean").fill_(7.0)
    small.get_buffer("of_cells_spread").fill_(11.0)
    return small


def test_it_holds_cells_means_spreads_and_correlations_in_units_of_training() -> None:
    torch.manual_seed(0)
    genes, cells = torch.randn(N_GENES, len(OF_GENE)), torch.randn(len(OF_CELLS))
    summary = summarise(transformer(), 2 + 5 * genes, 7 + 11 * cells)
    mean, spread = genes.mean(dim=0)[:-1], genes.std(dim=0, correction=0)[:-1]
    correlations = np.corrcoef(genes.numpy(), rowvar=False)[np.triu_indices(len(OF_GENE), 1)]
    expected = torch.cat([cells, mean, spread, torch.from_numpy(correlations).float()])
    assert len(expected) == N_SUMMARY
    torch.testing.assert_close(summary, expected)


def test_a_statistic_that_does_not_vary_goes_with_nothing() -> None:
    torch.manual_seed(0)
    genes = torch.randn(N_GENES, len(OF_GENE))
    genes[:, -1] = 1.0  # every gene is a regulator
    correlations = summarise(transformer(), genes, torch.randn(len(OF_CELLS)))[-N_PAIRS:]
    last = np.triu_indices(len(OF_GENE), 1)[1] == len(OF_GENE) - 1
    assert not correlations[last].any()
    assert correlations[~last].abs().min() > 0
