from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from grn.data.dataset import CellDataset
from grn.errors import InputError
from grn.model.embeddings import gene_profiles
from grn.model.transformer import SphericalTransformer

if TYPE_CHECKING:
    from anndata import AnnData

    from grn.training.module import DenoisingModule

N_GENES, TFS = 9, torch.tensor([1, 4, 6])


@pytest.fixture
def network() -> SphericalTransformer:
    torch.manual_seed(0)
    profiles = gene_profiles(torch.randn(30, N_GENES), 5)
    return SphericalTransformer(profiles, TFS, n_channels=3, hidden_size=4)


def disturb(network: SphericalTransformer) -> None:
    """Move every parameter from its start, so that nothing is zero by construction."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.1 * torch.randn_like(parameter)


@pytest.mark.parametrize("sizes", [(1, 4), (3, 0)])
def test_sizes_are_checked(sizes: tuple[int, int]) -> None:
    profiles = gene_profiles(torch.randn(30, N_GENES), 5)
    with pytest.raises(InputError, match=f"n_channels={sizes[0]}, hidden_size={sizes[1]}"):
        SphericalTransformer(profiles, TFS, n_channels=sizes[0], hidden_size=sizes[1])


def test_at_the_start_only_attention_speaks(network: SphericalTransformer) -> None:
    x, level = torch.randn(5, N_GENES), torch.rand(5)
    weights = network.attention.map().weight_mean[0]
    expected = torch.nn.functional.softplus(network.gain) * (x[:, TFS] @ weights.T)
    torch.testing.assert_close(network(x, level), expected)


def test_a_target_never_sees_its_own_expression(network: SphericalTransformer) -> None:
    disturb(network)
    x, level = torch.randn(2, N_GENES), torch.rand(2)
    before = network(x, level)
    for gene in range(N_GENES):
        changed = x.clone()
        changed[:, gene] += 3.0
        moved = (network(changed, level) - before).abs().amax(dim=0)
        assert moved[gene] < 1e-5, gene
        others = torch.arange(N_GENES) != gene
        assert (moved[others] > 1e-4).all() if gene in TFS else (moved < 1e-6).all(), gene


def test_cells_do_not_see_each_other(network: SphericalTransformer) -> None:
    disturb(network)
    x, level = torch.randn(4, N_GENES), torch.rand(4)
    alone = torch.cat([network(x[[i]], level[[i]]) for i in range(4)])
    torch.testing.assert_close(network(x, level), alone, atol=1e-5, rtol=1e-4)


def test_noise_level_matters_once_trained(network: SphericalTransformer) -> None:
    disturb(network)
    x = torch.randn(1, N_GENES).expand(2, -1)
    low, high = network(x, torch.tensor([0.0, 1.0]))
    assert (low - high).abs().max() > 1e-3


def effects(network: SphericalTransformer, cells: torch.Tensor) -> np.ndarray:
    """Mean change of every prediction when one regulator rises, (n_genes, n_tfs)."""
    level, step = torch.full((len(cells),), 0.5), 0.25
    columns = []
    with torch.no_grad():
        for tf in network.attention.tf_index:
            up, down = cells.clone(), cells.clone()
            up[:, tf] += step
            down[:, tf] -= step
            columns.append((network(up, level) - network(down, level)).mean(0) / (2 * step))
    return torch.stack(columns, dim=1).numpy()


def test_sign_of_a_weight_is_that_of_its_effect_at_the_start(
    network: SphericalTransformer,
) -> None:
    with torch.no_grad():
        network.attention.bias.normal_()
    weights = network.attention.map().weight_mean[0].detach().numpy()
    effect = effects(network, torch.randn(7, N_GENES))
    assert (np.sign(effect) == np.sign(weights))[weights != 0].all()


def test_sign_of_strong_weights_is_that_of_their_effect_after_training(
    trained: tuple["DenoisingModule", "AnnData", list[str]],
) -> None:
    module, adata, _ = trained
    network = module.network
    weights = network.attention.map().weight_mean[0].detach().numpy()
    effect = effects(network, CellDataset(adata).rows(np.arange(64)))
    strongest = np.argsort(-np.abs(weights), axis=None)[:60]
    agree = (np.sign(effect) == np.sign(weights)).ravel()[strongest]
    assert (weights.ravel()[strongest] < 0).sum() >= 5
    assert agree.mean() >= 0.95
