from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch

from grn.evaluation import evaluate
from grn.network import read_truth
from grn.readout import AttentionScores, read_attention, read_edges_off, score_pairs

if TYPE_CHECKING:
    from anndata import AnnData
    from flashsign import SphericalAttentionMap

    from grn.training.module import DenoisingModule

    Trained = tuple[DenoisingModule, AnnData, list[str]]

GENES, TFS = ["a", "b", "c", "d"], ["b", "d"]
TF_INDEX = np.array([1, 3])


def attended(scores: list[list[float]], dominated: float = 1.0) -> AttentionScores:
    values = np.array(scores, dtype=np.float32)
    return AttentionScores(
        scores=values,
        profile_sign=np.sign(values).astype(np.int8),
        row_norm=np.linalg.norm(values, axis=0),
        background=np.zeros((2, values.shape[1]), dtype=np.float32),
        dominated=dominated,
    )


SCORES = [[3.0, 0.0, -1.0, 1.0], [-2.0, 2.0, 1.0, 0.0]]
PAIRS = np.array([[True, False, True, True], [True, True, True, False]])


def test_weight_is_the_score_in_units_of_its_root_mean_square() -> None:
    weight, _ = score_pairs(attended(SCORES), TF_INDEX)
    # Squares of the six pairs: 9 + 1 + 1 + 4 + 4 + 1 = 20.
    np.testing.assert_allclose(weight, np.array(SCORES) / np.sqrt(20 / 6), rtol=1e-6)


def test_profiles_say_which_way_and_scores_how_strong() -> None:
    plain = score_pairs(attended(SCORES), TF_INDEX)
    turned = np.array(SCORES, dtype=np.float32)
    turned[1] *= -1
    mixed = replace(attended(SCORES), scores=turned)
    for found, expected in zip(score_pairs(mixed, TF_INDEX), plain, strict=True):
        np.testing.assert_array_equal(found, expected)


def unit(values: np.ndarray) -> np.ndarray:
    return values / values[PAIRS].std()


@pytest.mark.parametrize("dominated", [0.0, 0.25, 1.0])
def test_importance_by_hand(dominated: float) -> None:
    background = np.array([[1.0, 0.5, 0.0, 0.25], [0.5, 0.0, 0.25, 0.0]], dtype=np.float32)
    given = replace(attended(SCORES, dominated), background=background)
    _, importance = score_pairs(given, TF_INDEX)
    signed = np.array(SCORES) - np.array([[3 / 3], [1 / 3]]) - np.array([0.5, 0.5, -0.25, 0.25])
    either = np.abs(SCORES) - np.array([[5 / 3], [5 / 3]]) - np.array([1.5, 0.5, 0.25, 0.25])
    strengths = np.abs(SCORES)
    beyond = np.maximum(unit(signed), unit(either))
    expected = dominated * beyond + (1 - dominated) * unit(strengths)
    expected = np.where(PAIRS, expected - expected[PAIRS].min(), 0)
    np.testing.assert_allclose(importance, expected, atol=1e-5)
    assert importance[PAIRS].min() == 0


@pytest.mark.parametrize("dominated", [0.0, 1.0])
def test_importance_in_the_units_of_another_fit(dominated: float) -> None:
    units: dict[str, float] = {}
    given = attended(SCORES, dominated)
    weight, importance = score_pairs(given, TF_INDEX, units)
    again = score_pairs(given, TF_INDEX, units)
    np.testing.assert_array_equal(again, (weight, importance))
    # Scores half as large, of a fit that no programme dominates.
    weaker = replace(given, scores=given.scores / 2, dominated=0.0)
    half_weight, found = score_pairs(weaker, TF_INDEX, units)
    np.testing.assert_allclose(half_weight, weight / 2, rtol=1e-6)
    signed = np.array(SCORES) - np.array([[3 / 3], [1 / 3]])
    either = np.abs(SCORES) - np.array([[5 / 3], [5 / 3]])
    strengths = np.abs(SCORES)

    def halved(term: np.ndarray) -> np.ndarray:
        """Halve what a term has beyond its mean."""
        return (term + term[PAIRS].mean()) / 2 / term[PAIRS].std()

    least = np.maximum(unit(signed), unit(either))[PAIRS].min()
    expected = np.maximum(halved(signed), halved(either)) - least
    if dominated == 0:
        expected = unit(strengths) / 2 - unit(strengths)[PAIRS].min()
    np.testing.assert_allclose(found, np.where(PAIRS, expected, 0), atol=1e-5)


def test_where_nothing_dominates_the_strength_alone_ranks() -> None:
    scores = [[1.0, 0.0, 0.1, -2.0], [0.2, 0.3, 0.1, 0.0]]
    weight, importance = score_pairs(attended(scores, 0.0), TF_INDEX)
    ranked = [importance[0, 3], importance[0, 0], importance[1, 1], importance[1, 0]]
    assert ranked == sorted(ranked, reverse=True)
    assert importance[0, 2] == importance[1, 2] == 0
    assert weight[0, 3] < 0


def test_what_all_pairs_of_a_regulator_or_target_share_does_not_rank() -> None:
    rng = np.random.default_rng(0)
    tf_index, self_pairs = np.arange(3), np.eye(3, 8, dtype=bool)
    scores = np.where(self_pairs, 0, rng.uniform(1, 2, (3, 8)))
    hub = np.where(self_pairs, 0, scores + 5.0 * np.eye(3)[:, :1])
    busy = scores + 4.0 * (np.arange(8) == 6)
    _, plain = score_pairs(attended(scores.tolist()), tf_index)
    _, of_hub = score_pairs(attended(hub.tolist()), tf_index)
    background = np.zeros((2, 8), dtype=np.float32)
    background[0, 6] = 4.0
    given = replace(attended(busy.tolist()), background=background)
    _, of_busy = score_pairs(given, tf_index)
    for other in (of_hub, of_busy):
        scale = other.max() / plain.max()
        np.testing.assert_allclose(other, scale * plain, atol=1e-5)


def test_scores_that_are_all_zero_give_zeros() -> None:
    weight, importance = score_pairs(attended([[0.0] * 4] * 2), TF_INDEX)
    assert not weight.any()
    assert not importance.any()


def test_table_is_complete_with_one_row_norm_per_target() -> None:
    edges = read_edges_off(attended(SCORES), TFS, GENES)
    columns = ["source", "target", "weight", "importance", "row_norm"]
    assert edges.columns.tolist() == columns
    more = read_edges_off(attended(SCORES), TFS, GENES, stability=np.abs(SCORES) / 4)
    assert more.columns.tolist() == [*columns, "stability"]
    assert more.loc[0, "stability"] == 3 / 4  # b → a, the strongest
    assert len(edges) == 2 * 4 - 2
    assert (edges["source"] != edges["target"]).all()
    assert edges["importance"].is_monotonic_decreasing
    assert edges["importance"].min() >= 0
    of_a = edges.loc[edges["target"] == "a", "row_norm"]
    np.testing.assert_allclose(of_a, np.sqrt(13), rtol=1e-6)
    strongest = edges.set_index(["source", "target"])["weight"]
    assert strongest["b", "a"] > 0 > strongest["d", "a"]


def test_signs_of_simulated_edges_are_recovered(trained: "Trained") -> None:
    module, adata, tfs = trained
    edges = read_edges_off(read_attention(module.network), tfs, adata.var_names)
    row = evaluate(edges, adata.uns["truth"], n_random=1).loc["edges"]
    known = read_truth(adata.uns["truth"])
    assert (known["sign"] < 0).sum() >= 20
    # By chance 0.5 ± 0.05; calling every edge an activation gets the share of activations.
    assert row["sign_accuracy"] > 0.75
    assert row["sign_accuracy"] > (known["sign"] > 0).mean() + 0.1


class _Shuffled:
    """Deals the weights of every map out to other pairs, and its row norms to other targets.

    Nothing else of the network changes.
    """

    def __init__(self, seed: int) -> None:
        self._generator = torch.Generator().manual_seed(seed)

    def __call__(self, seen: "SphericalAttentionMap") -> "SphericalAttentionMap":
        weights = seen.weight_mean
        order = torch.randperm(weights.numel(), generator=self._generator)
        norms = seen.row_norm_mean
        targets = torch.randperm(norms.shape[-1], generator=self._generator)
        return seen._replace(
            weight_mean=weights.flatten()[order].reshape(weights.shape),
            row_norm_mean=norms[..., targets],
        )


def test_edges_depend_on_the_attention_maps_alone(
    trained: "Trained", monkeypatch: pytest.MonkeyPatch
) -> None:
    module, adata, tfs = trained
    attention, truth = module.network.attention, adata.uns["truth"]
    whole, profile = attention.map, attention.profile_map

    def auprc_ratio() -> pd.DataFrame:
        edges = read_edges_off(read_attention(module.network), tfs, adata.var_names)
        return evaluate(edges, truth, n_random=100)["auprc_ratio"]

    learned = auprc_ratio()
    shuffled = []
    for seed in range(25):
        deal = _Shuffled(seed)
        monkeypatch.setattr(attention, "map", lambda deal=deal: deal(whole()))
        monkeypatch.setattr(attention, "profile_map", lambda g, deal=deal: deal(profile(g)))
        shuffled.append(auprc_ratio()["edges"])
    spread = np.std(shuffled, ddof=1)
    assert learned["edges"] > max(shuffled) + 3 * spread
    assert learned["edges"] > 1.5 * learned["random"]
    assert abs(np.mean(shuffled) - learned["random"]) < 3 * spread / np.sqrt(len(shuffled)) + 0.03
