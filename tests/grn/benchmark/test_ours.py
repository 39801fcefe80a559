from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import grn
from grn.benchmark.ours import (
    prior_guided,
    read_settings,
    read_supervised_settings,
    spherical,
    spherical_transfer,
    supervised,
    untrained,
)
from grn.data.preprocessing.preprocess import preprocess
from grn.evaluation.splits import both_seen_split
from grn.network import adjacency
from grn.training.prior import fit_prior_guided
from grn.training.run import run
from grn.training.supervised import fit_supervised
from tests.helpers import fast_config, file_config, tfs_of, write_inputs

if TYPE_CHECKING:
    from anndata import AnnData

SHORT = ("trainer.max_steps=8", "trainer.val_check_interval=4", "trainer.accelerator=cpu")


def test_spherical_is_the_estimator(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    scores = spherical(adata, tfs, seed=3, overrides=SHORT)
    model = grn.SphericalGRN(small, tfs)
    model.train(seed=3, overrides=SHORT)
    expected = adjacency(model.edges(), tfs, adata.var_names)
    np.testing.assert_allclose(scores.weight, expected, rtol=1e-6)
    assert scores.importance.min() == 0


def test_untrained_is_a_start_that_training_leaves(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    before, after = untrained(adata, tfs, seed=3), spherical(adata, tfs, seed=3, overrides=SHORT)
    # Eight steps change little; another network altogether would agree less.
    assert not np.array_equal(before.importance, after.importance)
    agreement = np.corrcoef(before.weight.ravel(), after.weight.ravel())[0, 1]
    assert agreement > 0.8


def test_a_transfer_is_a_checkpoint_of_other_cells(small: "AnnData", tmp_path: Path) -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    # Other cells, of which some genes are the same, in another case.
    source = small[:30, ::-1].copy()
    source.var_names = [
        gene.swapcase() if i % 3 else f"other{i}" for i, gene in enumerate(source.var_names)
    ]
    told = {"source": preprocess(source), "source_tfs": tfs_of(source)}
    scores = spherical_transfer(adata, tfs, seed=3, overrides=SHORT, **told)
    renamed = source.copy()
    renamed.var_names = [
        gene if gene.startswith("other") else gene.swapcase() for gene in source.var_names
    ]
    model = grn.SphericalGRN(renamed, tfs_of(renamed))
    model.train(seed=3, overrides=SHORT)
    model.save(tmp_path / "x.ckpt")
    files = write_inputs(small, tmp_path / "in")
    there = run(file_config(tmp_path / "out", files), checkpoint=tmp_path / "x.ckpt")
    expected = adjacency(there.edges, tfs, adata.var_names, "importance")
    np.testing.assert_allclose(scores.importance, expected, rtol=1e-6)
    start = untrained(adata, tfs, seed=3)
    assert not np.array_equal(scores.weight, start.weight)


def test_a_transfer_to_the_same_cells_is_the_trained_network(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    told = {"source": adata, "source_tfs": tfs}
    moved = spherical_transfer(adata, tfs, seed=3, overrides=SHORT, **told)
    here = spherical(adata, tfs, seed=3, overrides=SHORT)
    np.testing.assert_allclose(moved.weight, here.weight, rtol=1e-6)
    np.testing.assert_allclose(moved.importance, here.importance, rtol=1e-6)


def test_settings_are_those_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    from grn.benchmark import ours

    first, compose = read_settings(), ours.compose_config
    assert read_settings() == first
    ours._settings.cache_clear()
    monkeypatch.setattr(
        ours, "compose_config", lambda overrides: compose([*overrides, "optimizer.lr=0.5"])
    )
    assert read_settings() != first
    ours._settings.cache_clear()


def test_known_edges_train_with_the_same_overrides(small: "AnnData") -> None:
    adata, tfs = preprocess(small), tfs_of(small)
    truth = grn.read_truth(small.uns["truth"])
    split = both_seen_split(truth, seed=0)
    scores = supervised(adata, tfs, seed=3, split=split, overrides=SHORT)
    config = fast_config(Path("unused"), "objective=supervised", *SHORT, "seed=3")
    expected = fit_supervised(config, adata, tfs, split)
    np.testing.assert_array_equal(scores.importance, expected.importance)
    guided = prior_guided(adata, tfs, seed=3, prior=truth, overrides=SHORT)
    config = fast_config(Path("unused"), *SHORT, "seed=3")
    expected = fit_prior_guided(config, adata, tfs, truth)
    np.testing.assert_array_equal(guided.importance, expected.importance)
    slower = (*SHORT, "optimizer.lr=0.0001")
    others = (
        supervised(adata, tfs, seed=3, split=split, overrides=slower),
        prior_guided(adata, tfs, seed=3, prior=truth, overrides=slower),
    )
    for other, full in zip(others, (scores, guided), strict=True):
        assert not np.array_equal(other.importance, full.importance)


def test_the_settings_of_known_edges_are_their_own() -> None:
    assert "KnownEdges" in read_supervised_settings()
    assert "KnownEdges" not in read_settings()
