from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

import grn
from grn.benchmark.ours import (
    partial_pooling,
    pooled_centred,
    prior_guided,
    read_settings,
    read_supervised_settings,
    ridge_profiles,
    spherical,
    supervised,
    untrained,
)
from grn.data.dataset import CellDataset
from grn.data.preprocessing.preprocess import preprocess
from grn.edges.matrix import adjacency, locate
from grn.model.pretrained import find_network
from grn.model.profiles import gene_profiles
from grn.supervised.module import fit_supervised
from grn.supervised.splits import both_seen_split
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData

SHORT = ("trainer.max_steps=8", "trainer.val_check_interval=4", "trainer.accelerator=cpu")


def test_spherical_is_the_estimator_without_training(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    scores = spherical(adata, tfs, seed=0)
    edges = grn.SphericalGRN(small, tfs).edges()
    expected = [adjacency(edges, tfs, adata.var_names, c) for c in ("weight", "importance")]
    np.testing.assert_allclose(scores.weight, expected[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores.importance, expected[1], rtol=1e-5, atol=1e-6)


def test_what_is_left_out_arrives(small: "AnnData", monkeypatch: pytest.MonkeyPatch) -> None:
    from grn.inference import infer

    seen: list[object] = []
    find = infer.find_network

    def watched(roots: Any, tf_index: Any, path: Path, left_out: str | None, *rest: Any) -> Any:
        seen.append(left_out)
        return find(roots, tf_index, path, left_out, *rest)

    monkeypatch.setattr(infer, "find_network", watched)
    adata, tfs = preprocess(small), tfs_of(small)
    truth = grn.read_truth(small.uns["truth"])
    split = both_seen_split(truth, seed=0)
    spherical(adata, tfs, seed=0, left_out="a")
    prior_guided(adata, tfs, seed=0, left_out="b", prior=truth)
    supervised(adata, tfs, seed=0, left_out="c", split=split, overrides=SHORT)
    assert seen == ["a", "b", "c"]


def test_centred_within_groups_their_means_have_no_part(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    adata.obs["group"] = np.where(np.arange(adata.n_obs) % 2 == 0, "one", "two")
    first = pooled_centred(adata, tfs, seed=0)
    assert not np.allclose(first.importance, spherical(adata, tfs, seed=0).importance)
    # What a batch has in common, and nothing else, is without effect.
    roots = torch.from_numpy(np.sqrt(adata.to_df().to_numpy()))
    codes = torch.arange(adata.n_obs) % 2
    index = torch.from_numpy(locate(tfs, adata.var_names))
    expected = find_network(roots, index, batch=codes).scores.T.abs()
    pairs = ~np.eye(16, dtype=bool)[index]
    np.testing.assert_allclose(first.importance[pairs], expected[pairs], atol=1e-5)


def test_a_group_is_partially_pooled_by_name(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    adata.obs["group"] = ["one"] * 22 + ["two"] * 38
    model = grn.SphericalGRN(adata, tfs, groupby="group")
    edges = model.edges_by_group()
    for group in ("one", "two"):
        found = partial_pooling(adata, tfs, seed=0, group=group)
        own = edges[edges["group"] == group]
        expected = [adjacency(own, tfs, adata.var_names, c) for c in ("weight", "importance")]
        np.testing.assert_allclose(found.weight, expected[0], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(found.importance, expected[1], rtol=1e-5, atol=1e-6)


def test_untrained_is_drawn_by_the_seed(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    first, again, other = (untrained(adata, tfs, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.importance, again.importance)
    assert not np.array_equal(first.importance, other.importance)


def test_ridge_profiles_by_hand(small: "AnnData", monkeypatch: pytest.MonkeyPatch) -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    scores = ridge_profiles(adata, tfs, seed=0)
    z = CellDataset(adata).rows(np.arange(len(adata)))
    u = gene_profiles(z).tokens(99).numpy()
    r = u @ u.T
    np.fill_diagonal(r, 0)
    np.testing.assert_allclose(scores.weight, r[:4], atol=1e-5)
    pairs = ~np.eye(16, dtype=bool)[:4]
    ranked = []
    for values in (r, np.abs(r)):
        mean = values.sum(axis=0) / 15
        beyond = (values - mean[:, None] - mean)[:4]
        ranked.append((beyond - beyond[pairs].mean()) / beyond[pairs].std())
    np.testing.assert_allclose(scores.importance[pairs], np.maximum(*ranked)[pairs], atol=1e-4)
    monkeypatch.setattr("grn.benchmark.ours._GENES_PER_BLOCK", 5)
    np.testing.assert_allclose(
        ridge_profiles(adata, tfs, seed=0).importance, scores.importance, atol=1e-5
    )


def test_settings_are_those_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    from grn.benchmark import ours

    first, compose = read_settings(), ours.compose_config
    assert read_settings() == first
    ours._settings.cache_clear()
    monkeypatch.setattr(
        ours, "compose_config", lambda overrides: compose([*overrides, "model.max_cells=50"])
    )
    assert read_settings() != first
    ours._settings.cache_clear()


def test_known_edges_train_with_the_same_overrides(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    split = both_seen_split(grn.read_truth(small.uns["truth"]), seed=0)
    scores = supervised(adata, tfs, seed=3, split=split, overrides=SHORT)
    config = fast_config(Path("unused"), "objective=supervised", *SHORT, "seed=3")
    expected = fit_supervised(config, adata, tfs, split)
    np.testing.assert_array_equal(scores.importance, expected.importance)
    slower = (*SHORT, "optimizer.lr=0.0001")
    other = supervised(adata, tfs, seed=3, split=split, overrides=slower)
    assert not np.array_equal(other.importance, scores.importance)


def test_edges_of_the_prior_come_first(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    truth = grn.read_truth(small.uns["truth"])
    guided = prior_guided(adata, tfs, seed=3, prior=truth)
    known = adjacency(truth.assign(one=1), tfs, adata.var_names, "one") == 1
    assert np.median(guided.importance[known]) > guided.importance[~known].max()


def test_the_settings_of_known_edges_are_their_own() -> None:
    assert "KnownEdges" in read_supervised_settings()
    assert "KnownEdges" not in read_settings()
