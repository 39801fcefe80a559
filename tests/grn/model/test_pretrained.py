from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from grn.errors import InputError
from grn.evaluation.closed_form import closed_form
from grn.evaluation.metrics import auprc
from grn.model import apply
from grn.model.blend import N_PARAMETERS, N_VOTES, Blend
from grn.model.pretrained import (
    FORMAT,
    PRETRAINED,
    GeneNetwork,
    apply_transformer,
    find_network,
    read_pretrained,
    untrained_network,
)
from grn.model.transformer import SphericalTransformer
from tests.largest_tensor import largest_tensor

if TYPE_CHECKING:
    from anndata import AnnData

SIZES: dict[str, Any] = {
    "width": 6, "n_heads": 2, "head_dim": 3, "n_channels": 5, "hidden_size": 7, "n_blocks": 2,
}  # fmt: skip
N_CELLS, N_GENES = 61, 13
TFS = torch.tensor([7, 2, 11])
HALF, LITTLE = torch.zeros(N_PARAMETERS), torch.zeros(N_PARAMETERS)
HALF[-2], LITTLE[-2], LITTLE[-2 - N_VOTES : -2] = 1.0, 1.0, -2.0


def write(path: Path, **changed: Any) -> Path:
    """Write what `grn pretrain` writes, of a transformer of these sizes that nothing trained."""
    torch.manual_seed(7)
    transformer = SphericalTransformer(**SIZES)
    content = {
        "format": FORMAT,
        "sizes": SIZES,
        "transformer": transformer.state_dict(),
        "blend": HALF,
        "left_out": {"study": LITTLE},
    }
    torch.save(content | changed, path)
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("pretrained") / "transformer.pt")


@pytest.fixture(scope="module")
def roots() -> torch.Tensor:
    """Two targets follow their regulators, among genes of their own."""
    torch.manual_seed(3)
    logs = torch.randn(N_CELLS, N_GENES)
    logs[:, 0] += logs[:, 7]
    logs[:, 4] -= logs[:, 2]
    return (logs / 2).exp()


def test_scores_are_probabilities_with_a_sign(path: Path, roots: torch.Tensor) -> None:
    found = find_network(roots, TFS, path)
    assert found.scores.shape == (N_GENES, 3)
    assert found.scores.abs().max() <= 1
    assert not found.scores[TFS, [0, 1, 2]].any()
    assert (found.scores != 0).sum() == 3 * N_GENES - 3
    assert (found.scores > 0).any()
    assert (found.scores < 0).any()


def test_the_belief_says_what_the_cells_are(path: Path, roots: torch.Tensor) -> None:
    zeros = roots.clone()
    zeros[:7] = 0
    found = find_network(zeros, TFS, path)
    assert found.share == found.belief["share_of_closed_form"] == pytest.approx(0.5)
    assert found.belief["n_cells"] == N_CELLS
    assert found.belief["n_genes"] == N_GENES
    assert found.belief["zeros"] == pytest.approx(7 / N_CELLS)
    assert found.belief["dominance"] > find_network(roots, TFS, path).belief["dominance"]


def test_a_study_can_be_left_out(path: Path, roots: torch.Tensor) -> None:
    everything, without, unknown = (
        find_network(roots, TFS, path, left_out) for left_out in (None, "study", "another")
    )
    assert everything.share == pytest.approx(0.5)
    assert without.share == pytest.approx(1 / (1 + np.exp(2)))
    assert torch.equal(unknown.scores, everything.scores)
    assert not torch.equal(without.scores, everything.scores)
    stored = read_pretrained(path)
    without_study = stored.blend_without("study")
    assert torch.equal(without_study.outer_offset, Blend.of(LITTLE).outer_offset)


def test_other_cells_can_be_blended_like_these(path: Path, roots: torch.Tensor) -> None:
    these = find_network(roots, TFS, path, "study")
    again = find_network(roots, TFS, path, share=these.share)
    torch.testing.assert_close(again.scores, these.scores, atol=1e-5, rtol=1e-4)
    permuted = torch.stack([gene[torch.randperm(N_CELLS)] for gene in roots.T], dim=1)
    other = find_network(permuted, TFS, path, share=these.share)
    assert other.share == pytest.approx(these.share)


def test_order_of_cells_changes_nothing_and_genes_keep_theirs(
    path: Path, roots: torch.Tensor
) -> None:
    cells, genes = torch.randperm(N_CELLS), torch.randperm(N_GENES)
    place = genes.argsort()
    before = find_network(roots, TFS, path)
    moved = find_network(roots[cells][:, genes], place[TFS], path)
    torch.testing.assert_close(moved.scores[place], before.scores, atol=1e-4, rtol=1e-3)
    assert moved.share == pytest.approx(before.share, abs=1e-5)


def test_some_targets_at_a_time_are_all_at_once(
    path: Path, roots: torch.Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = find_network(roots, TFS, path)
    monkeypatch.setattr(apply, "_PAIRS_PER_BLOCK", 6)
    torch.testing.assert_close(
        find_network(roots, TFS, path).scores, at_once.scores, atol=1e-4, rtol=1e-4
    )


def test_nothing_of_all_pairs_of_genes_is_in_memory(path: Path) -> None:
    roots = torch.rand(29, 1501)
    transformer = read_pretrained(path).transformer
    with largest_tensor() as largest:
        apply_transformer(transformer, roots, torch.arange(3))
    assert largest.n_elements < 1501**2 / 2


def test_an_untrained_network_follows_from_its_seed(path: Path, roots: torch.Tensor) -> None:
    first, again, other = (untrained_network(roots, TFS, path, seed) for seed in (0, 0, 1))
    assert torch.equal(first.scores, again.scores)
    assert not torch.allclose(first.scores, other.scores)
    assert first.share == 0
    assert not first.scores[TFS, [0, 1, 2]].any()


def test_an_untrained_network_takes_nothing_of_what_was_trained(
    path: Path, roots: torch.Tensor, tmp_path: Path
) -> None:
    state = torch.load(path, weights_only=True)["transformer"]
    parameters = {name for name, _ in SphericalTransformer(**SIZES).named_parameters()}
    shifted = {name: value + 0.3 if name in parameters else value for name, value in state.items()}
    other = write(tmp_path / "other.pt", transformer=shifted)
    state_before = torch.random.get_rng_state()
    found = untrained_network(roots, TFS, other)
    assert torch.equal(torch.random.get_rng_state(), state_before)
    assert torch.equal(found.scores, untrained_network(roots, TFS, path).scores)
    rescaled = {
        name: 2 * value if name not in parameters else value for name, value in state.items()
    }
    scaled = write(tmp_path / "scaled.pt", transformer=rescaled)
    assert not torch.equal(untrained_network(roots, TFS, scaled).scores, found.scores)


def test_encoders_of_an_earlier_version_are_refused(tmp_path: Path, roots: torch.Tensor) -> None:
    old = tmp_path / "pair_encoder.pt"
    torch.save({"encoders": [{}], "sizes": {"n_channels": 4}, "version": "0.1.0"}, old)
    with pytest.raises(InputError, match=r"earlier version .* run grn pretrain again") as refused:
        find_network(roots, TFS, old)
    assert str(old) in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path, roots: torch.Tensor) -> None:
    with pytest.raises(InputError, match=r"no pretrained transformer at .*none.pt"):
        find_network(roots, TFS, tmp_path / "none.pt")


@pytest.mark.parametrize(
    "changed",
    [
        {"format": FORMAT + 1},
        {"sizes": {"width": 6}},
        {"sizes": SIZES | {"width": 11}},
        {"sizes": SIZES | {"n_colours": 3}},
        {"transformer": {}},
    ],
)
def test_a_file_of_another_form_is_refused(
    changed: dict[str, Any], tmp_path: Path, roots: torch.Tensor
) -> None:
    other = write(tmp_path / "other.pt", **changed)
    with pytest.raises(InputError, match="no pretrained transformer of this version"):
        find_network(roots, TFS, other)


@pytest.mark.parametrize("content", [b"no tensors", b"", [1, 2], {}, torch.ones(3), "text"])
def test_a_file_of_something_else_is_refused(
    content: Any, tmp_path: Path, roots: torch.Tensor
) -> None:
    other = tmp_path / "other.pt"
    if isinstance(content, bytes):
        other.write_bytes(content)
    else:
        torch.save(content, other)
    with pytest.raises(InputError, match="Expected a file written by grn pretrain"):
        find_network(roots, TFS, other)


def ranks_agree(before: GeneNetwork, after: GeneNetwork, n_genes: int) -> float:
    """Return Spearman's correlation of the importance of the pairs that both have."""
    kept = before.scores.flatten() != 0
    importance = (before.scores.abs(), after.scores[:n_genes].abs())
    return float(spearmanr(*(one.flatten()[kept] for one in importance)).statistic)


def prepared(adata: "AnnData") -> tuple[torch.Tensor, torch.Tensor]:
    """Return roots and the regulators' columns of simulated counts."""
    from grn.data.dataset import CellDataset
    from grn.data.preprocessing.preprocess import preprocess

    cells = preprocess(adata.copy())
    tf_index = torch.from_numpy(np.flatnonzero(cells.var["is_tf"]))
    return CellDataset(cells).roots(range(cells.n_obs)), tf_index


def test_a_gene_of_noise_leaves_the_ranking() -> None:
    from grn.simulation.random_network import simulate

    roots, tf_index = prepared(simulate(n_tfs=11, n_targets=89, n_cells=300, seed=0))
    noise = roots[torch.randperm(len(roots)), 50:51]
    before = find_network(roots, tf_index)
    after = find_network(torch.cat([roots, noise], dim=1), tf_index)
    assert ranks_agree(before, after, roots.shape[1]) >= 0.98


@pytest.mark.data
@pytest.mark.slow
def test_a_gene_of_noise_leaves_the_ranking_of_real_cells(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from grn.data.dataset import CellDataset
    from grn.data.datasets.load import load_dataset
    from grn.data.preprocessing.preprocess import preprocess

    monkeypatch.setenv("GRN_DATA", str(shared_data))
    adata = preprocess(load_dataset("mccalla", "mESC_Semrau").adata)[:, :2000]
    roots = CellDataset(adata).roots(range(adata.n_obs))
    tf_index, noise = torch.arange(0, 2000, 67), roots[torch.randperm(len(roots)), 1000:1001]
    before = find_network(roots, tf_index)
    after = find_network(torch.cat([roots, noise], dim=1), tf_index)
    assert ranks_agree(before, after, 2000) >= 0.98


def test_the_packaged_transformer_is_small() -> None:
    assert PRETRAINED.stat().st_size <= 2e6
    stored = read_pretrained(PRETRAINED)
    assert not stored.transformer.training
    assert len(stored.blend) == N_PARAMETERS
    assert all(len(blend) == N_PARAMETERS for blend in stored.left_out.values())


def test_the_packaged_transformer_beats_the_closed_form_on_the_demo() -> None:
    from grn.simulation.random_network import simulate

    adata = simulate(seed=0)
    roots, tf_index = prepared(adata)
    truth, tfs = adata.uns["truth"], tf_index.numpy()
    labels = np.zeros((adata.n_vars, len(tfs)), dtype=bool)
    column = {gene: number for number, gene in enumerate(tfs)}
    source, target = (adata.var_names.get_indexer(truth[end]) for end in ("source", "target"))
    labels[target, [column[tf] for tf in source]] = True
    pairs = np.ones(labels.shape, dtype=bool)
    pairs[tfs, np.arange(len(tfs))] = False

    def ratio(importance: np.ndarray) -> float:
        return auprc(importance[pairs], labels[pairs]) / float(labels[pairs].mean())

    ours = ratio(find_network(roots, tf_index).scores.abs().numpy())
    pearson = ratio(np.abs(np.corrcoef(roots.numpy().T)[:, tfs]))
    closed = ratio(closed_form(roots.numpy() ** 2, tfs).importance.T)
    assert ours > max(pearson, closed) > 1
