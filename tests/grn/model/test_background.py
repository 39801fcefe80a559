import numpy as np
import pytest
import torch
from scipy import stats

from grn.model import background
from grn.model.background import Alike, alike_beyond_background
from tests.largest_tensor import largest_tensor

N_CELLS, N_GENES = 47, 13
TFS = torch.tensor([5, 2, 11])
FLAT = 3


@pytest.fixture(scope="module")
def roots() -> torch.Tensor:
    """Genes of one programme, some of them twins or opposites; one never varies."""
    rng = np.random.default_rng(0)
    logs = rng.normal(size=(N_CELLS, N_GENES)) + rng.normal(size=(N_CELLS, 1))
    logs[:, 0] = 0.8 * logs[:, 5] + 0.4 * logs[:, 0]
    logs[:, 7] = -0.8 * logs[:, 2] + 0.4 * logs[:, 7]
    logs[:, FLAT] = 0.2
    return torch.from_numpy(np.exp(logs / 2).astype(np.float32))


def cosines(z: np.ndarray, ridge: float) -> np.ndarray:
    """Return cosines of the rows of S (S + ρ)⁻¹ᐟ² by inversion."""
    correlations = z.T @ z / N_CELLS
    rho = ridge * ((1 + np.sqrt(N_GENES / N_CELLS)) ** 2 - 1)
    projection = correlations @ np.linalg.inv(correlations + rho * np.eye(N_GENES))
    size = np.sqrt(np.diag(projection))
    size[FLAT] = np.inf
    return projection / size / size[:, None]


def standardised(x: np.ndarray) -> np.ndarray:
    varies = np.ptp(x, axis=0) > 0
    return np.where(varies, x - x.mean(axis=0), 0) / np.where(varies, x.std(axis=0), 1)


def mean_with_others(matrix: np.ndarray, gene: int) -> float:
    return float(np.mean([matrix[gene, other] for other in range(N_GENES) if other != gene]))


def unit_over_pairs(score: np.ndarray, *, centred: bool) -> np.ndarray:
    """Scale a score of all pairs by its standard deviation over the pairs that are asked for."""
    pairs = [score[i, j] for i in range(N_GENES) for j in TFS if i != j]
    return (score - np.mean(pairs) * centred) / np.std(pairs, ddof=1)


def without_background(s: np.ndarray, form: background._Form) -> np.ndarray:
    """Apply the formula of `_Form` to every pair."""
    phi = np.where(s > 0, s, form.negative * -s)
    score = np.zeros_like(s)
    for i in range(N_GENES):
        for j in range(N_GENES):
            mean = mean_with_others(phi, i) + mean_with_others(phi, j)
            spread = [
                np.std([s[gene, other] for other in range(N_GENES) if other != gene])
                for gene in (i, j)
            ]
            scale = (max(spread[0], 1e-6) * max(spread[1], 1e-6)) ** form.scaled
            score[i, j] = (phi[i, j] - form.background * mean) / scale
    return score


def double_centred(s: np.ndarray) -> np.ndarray:
    mean = np.array([mean_with_others(s, gene) for gene in range(N_GENES)])
    return s - mean - mean[:, None]


def test_the_mean_of_six_forms(roots: torch.Tensor) -> None:
    x = roots.double().numpy()
    z, ranks = standardised(x), standardised(stats.rankdata(x, axis=0))
    similarities = {
        "cosine_8": cosines(z, 8),
        "cosine_64": cosines(z, 64),
        "rank_cosine_8": cosines(ranks, 8),
        "spearman": ranks.T @ ranks / N_CELLS,
    }
    with_sign, without = (
        unit_over_pairs(double_centred(s), centred=False)
        for s in (similarities["cosine_8"], np.abs(similarities["cosine_8"]))
    )
    scores = [np.maximum(with_sign, without)]
    scores += [
        without_background(similarities[form.similarity], form) for form in background._FORMS
    ]
    assert len(scores) == 6
    expected = np.mean([unit_over_pairs(score, centred=True) for score in scores], axis=0)
    found = alike_beyond_background(roots, TFS)
    for column, tf in enumerate(TFS.tolist()):
        for gene in range(N_GENES):
            if gene == tf:
                assert found.beyond_background[gene, column] == 0
            elif gene != FLAT:
                for value, right in zip(
                    found[:2], (expected, similarities["cosine_8"]), strict=True
                ):
                    assert value[gene, column] == pytest.approx(right[gene, tf], abs=2e-3)


def test_twins_and_opposites_stand_out_of_the_programme(roots: torch.Tensor) -> None:
    found = alike_beyond_background(roots, TFS)
    assert found.beyond_background[:, 0].argmax() == 0
    assert found.cosine[0, 0] > 0.3
    assert found.cosine[7, 1] < 0


def same(first: Alike, second: Alike, tolerance: float) -> None:
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, atol=tolerance, rtol=tolerance)


def reordered(alike: Alike, genes: torch.Tensor) -> Alike:
    return Alike(alike.beyond_background[genes], alike.cosine[genes])


def test_order_of_cells_changes_nothing_and_genes_keep_theirs(roots: torch.Tensor) -> None:
    cells, genes = torch.randperm(N_CELLS), torch.randperm(N_GENES)
    place = genes.argsort()
    moved = alike_beyond_background(roots[cells][:, genes], place[TFS])
    same(reordered(moved, place), alike_beyond_background(roots, TFS), 1e-3)


def test_a_gene_that_does_not_vary_is_like_none(roots: torch.Tensor) -> None:
    found = alike_beyond_background(roots, torch.tensor([FLAT, 5, 2]))
    assert all(matrix.isfinite().all() for matrix in found)
    assert not found.cosine[:, 0].any()
    assert not found.cosine[FLAT].any()
    alone = alike_beyond_background(torch.ones(7, 5), torch.tensor([1, 3]))
    assert not alone.beyond_background.any()
    assert not alone.cosine.any()


def test_the_background_of_many_genes_is_a_sample_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from grn.model import pair_statistics

    shared = torch.randn(31, 4) @ torch.randn(4, 2503)
    many = (0.3 * (shared + torch.randn(shared.shape))).exp()
    with largest_tensor() as largest:
        sampled = alike_beyond_background(many, TFS)
    # Three sums over the same block of genes at once.
    assert largest.n_elements <= 3 * 1024**2
    monkeypatch.setattr(pair_statistics, "_MOST_BACKGROUND_GENES", 5000)
    full = alike_beyond_background(many, TFS)
    assert torch.equal(sampled.cosine, full.cosine)
    assert 0 < (sampled.beyond_background - full.beyond_background).abs().max() < 0.2
