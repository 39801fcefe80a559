from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from grn.errors import InputError
from grn.model.background import Alike
from grn.model.blend import N_EVIDENCE, N_PARAMETERS, Blend
from grn.model.pair_statistics import OF_CELLS, OF_GENE
from grn.model.transformer import Found, SphericalTransformer
from grn.pretraining import real
from grn.pretraining.real import RealNetwork, fit_blend, load_networks
from grn.simulation.curriculum import Sample
from tests.helpers import cells_of

TRUTH = pd.DataFrame(
    [("g5", "g0"), ("g5", "g2"), ("g2", "g5"), ("g9", "g4"), ("g3", "g99"), ("x", "g0")],
    columns=["source", "target"],
)


@pytest.fixture
def network() -> RealNetwork:
    """11 genes with TFs 5, 2, 9, 7; x is a TF and g99 a gene that no cell shows."""
    values = np.random.default_rng(0).gamma(2, 1, (13, 11)).astype(np.float32)
    return RealNetwork.of("study", cells_of(values), ["g5", "g2", "g9", "g7"], TRUTH)


def test_candidates_are_those_of_beeline(network: RealNetwork) -> None:
    """TFs with a true edge × genes in the truth, without self-pairs; g1 is in no edge."""
    assert network.tf_index.tolist() == [5, 2, 9, 7]
    judged = {(int(tf), int(gene)) for gene, tf in np.argwhere(network.is_candidate)}
    genes = {0, 2, 3, 4, 5, 9}
    # Column 3, g7, has no edge.
    expected = {(column, gene) for column, tf in enumerate((5, 2, 9)) for gene in genes - {tf}}
    assert judged == expected
    edges = [(int(tf), int(gene)) for gene, tf in np.argwhere(network.regulates)]
    assert sorted(edges) == [(0, 0), (0, 2), (1, 5), (2, 4)]


def test_roots_are_those_of_dense_and_of_sparse_cells() -> None:
    import scipy.sparse as sp

    values = np.random.default_rng(0).gamma(2, 1, (7, 11)).astype(np.float32)
    dense, sparse = cells_of(values), cells_of(values)
    sparse.X = sp.csr_matrix(values)
    for adata in (dense, sparse):
        network = RealNetwork.of("study", adata, ["g5"], TRUTH)
        np.testing.assert_allclose(network.roots, np.sqrt(values), rtol=1e-6)


def large(study: str = "study", seed: int = 0) -> RealNetwork:
    """Return 101 genes, every fourth a TF; every number says whose it is."""
    rng = np.random.default_rng(seed)
    n_genes, tf_index = 101, np.arange(0, 101, 4)[::-1].copy()
    is_candidate = np.ones((n_genes, len(tf_index)), dtype=bool)
    is_candidate[tf_index, np.arange(len(tf_index))] = False
    regulates = (rng.random(is_candidate.shape) < 0.2) & is_candidate
    return RealNetwork(study, telling(regulates, tf_index), tf_index, regulates, is_candidate)


def telling(regulates: np.ndarray, tf_index: np.ndarray) -> np.ndarray:
    """Return cells that say the truth: cell k which genes TF k regulates, the last cell k."""
    number = np.zeros(len(regulates))
    number[tf_index] = np.arange(len(tf_index))
    return np.vstack([regulates.T, number]).astype(np.float32)


def truth_in(roots: torch.Tensor, tf_index: torch.Tensor) -> torch.Tensor:
    return roots[roots[-1, tf_index].round().long()].T


def test_a_panel_keeps_cells_and_truth_together() -> None:
    panel = large().panel(37, np.random.default_rng(1))
    assert panel is not None
    n_tfs = len(panel.tf_index)
    assert panel.roots.shape == (27, 37)
    assert panel.regulates.shape == panel.is_candidate.shape == (37, n_tfs)
    assert 3 <= n_tfs < 26
    told = truth_in(torch.from_numpy(panel.roots), torch.from_numpy(panel.tf_index))
    np.testing.assert_array_equal(told, panel.regulates)
    itself = np.zeros_like(panel.is_candidate)
    itself[panel.tf_index, np.arange(n_tfs)] = True
    np.testing.assert_array_equal(panel.is_candidate, ~itself)


def test_a_panel_with_nothing_to_learn_from_is_none() -> None:
    whole = large()
    assert whole.panel(101, np.random.default_rng(0)) is None
    few_tfs = RealNetwork(
        "study", whole.roots, whole.tf_index[:2], whole.regulates[:, :2], whole.is_candidate[:, :2]
    )
    assert few_tfs.panel(60, np.random.default_rng(0)) is None
    without = RealNetwork(
        "study", whole.roots, whole.tf_index, whole.regulates & False, whole.is_candidate
    )
    assert without.panel(60, np.random.default_rng(0)) is None


@pytest.mark.parametrize("name", ["mDC", "beeline/mDC", "beeline/mDC/STRING/more"])
def test_names_have_three_parts(name: str) -> None:
    with pytest.raises(InputError, match="expected collection/name/network"):
        load_networks([name])


def test_a_data_set_that_is_nowhere_is_refused() -> None:
    with pytest.raises(InputError):
        load_networks(["beeline/protein/STRING"])


@pytest.fixture
def transformer() -> SphericalTransformer:
    return SphericalTransformer(
        n_blocks=1, width=3, n_heads=1, head_dim=2, n_channels=2, hidden_size=3
    )


Knows = Callable[[torch.Tensor], bool]


@pytest.fixture
def knowing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Knows], None]:
    """Let the closed form know the truth of some cells, and the transformer that of the others.

    Of cells that the closed form knows, the first statistic is 1, of others −1.
    """

    def set_up(closed_form_knows: Knows) -> None:
        random = torch.Generator().manual_seed(0)

        def says(roots: torch.Tensor, tf_index: torch.Tensor, *, knows: bool) -> torch.Tensor:
            truth = truth_in(roots, tf_index)
            noise = torch.randn(truth.shape, generator=random)
            return 2 * truth - 2 + noise if knows else noise

        def transformed(
            _: SphericalTransformer, roots: torch.Tensor, tf_index: torch.Tensor
        ) -> tuple[Found, SimpleNamespace]:
            said = says(roots, tf_index, knows=not closed_form_knows(roots))
            of_cells = torch.zeros(len(OF_CELLS))
            of_cells[0] = 1.0 if closed_form_knows(roots) else -1.0
            of_genes = torch.zeros(1, len(OF_GENE))
            known = SimpleNamespace(profiles=None, of_cells=of_cells, of_genes=of_genes)
            return Found(said, torch.ones_like(said)), known

        def alike(roots: torch.Tensor, tf_index: torch.Tensor, _: object) -> Alike:
            said = says(roots, tf_index, knows=closed_form_knows(roots))
            return Alike(said, torch.ones_like(said))

        def samples(kind: str, n: int, seed: int, _: int) -> list[Sample]:
            rng = np.random.default_rng(seed)
            drawn = []
            for _ in range(n):
                regulates = rng.random((12, 12)) < 0.2
                np.fill_diagonal(regulates, 0)
                cells = telling(regulates, np.arange(12)) ** 2
                drawn.append(Sample(kind, cells, regulates.T.astype(np.int8)))
            return drawn

        monkeypatch.setattr(real, "apply_transformer", transformed)
        monkeypatch.setattr(real, "alike_beyond_background", alike)
        monkeypatch.setattr(real, "draw_samples", samples)
        monkeypatch.setattr(real, "_N_SIMULATED", 2)
        monkeypatch.setattr(real, "_PANELS", ())
        monkeypatch.setattr(real, "_MOST_PAIRS", 700)

    return set_up


def share(parameters: torch.Tensor, first: float) -> float:
    """Return the share for cells that the closed form knows (1) or the transformer does (−1)."""
    summary = torch.zeros(N_EVIDENCE)
    summary[0] = first
    # Mean and spread of 2 · truth − 2 + noise where a fifth is true, or of noise alone.
    summary[-3:-1] = torch.tensor([0.0, 1.0] if first > 0 else [-1.6, 1.28])
    return Blend.of(parameters).share(summary)


def is_simulated(roots: torch.Tensor) -> bool:
    return roots.shape[1] == 12


def test_what_knows_the_truth_is_believed(
    transformer: SphericalTransformer, knowing: Callable[[Knows], None]
) -> None:
    knowing(lambda _: True)
    parameters, left_out = fit_blend(transformer, [large()], seed=0)
    assert parameters.shape == (N_PARAMETERS,)
    assert not parameters.requires_grad
    assert share(parameters, 1.0) > 0.6
    assert Blend.of(parameters).slope > 0.3
    assert set(left_out) == {"study"}
    knowing(lambda _: False)
    parameters, _ = fit_blend(transformer, [large()], seed=0)
    assert share(parameters, -1.0) < 0.4


def test_the_share_follows_the_cells(
    transformer: SphericalTransformer, knowing: Callable[[Knows], None]
) -> None:
    knowing(lambda roots: not is_simulated(roots))
    parameters, left_out = fit_blend(transformer, [large()], seed=0)
    assert share(parameters, 1.0) > 0.7
    assert share(parameters, -1.0) < 0.2
    # Without the study, nothing speaks for the closed form.
    assert share(left_out["study"], 1.0) < share(parameters, 1.0) - 0.1


def test_a_study_has_no_part_in_what_is_fitted_without_it(
    transformer: SphericalTransformer, knowing: Callable[[Knows], None]
) -> None:
    knowing(lambda _: True)
    first, second, other = large("first", 0), large("second", 1), large("second", 2)
    _, left_out = fit_blend(transformer, [first, second], seed=0)
    _, changed = fit_blend(transformer, [first, other], seed=0)
    assert set(left_out) == {"first", "second"}
    assert not torch.allclose(left_out["first"], left_out["second"])
    assert not torch.allclose(changed["first"], left_out["first"])


def test_without_real_cells_the_transformer_alone_is_believed(
    transformer: SphericalTransformer,
) -> None:
    parameters, left_out = fit_blend(transformer, [], seed=0)
    assert left_out == {}
    assert share(parameters, 3.0) < 1e-6
