from typing import TYPE_CHECKING

import numpy as np
import pytest

import grn
from grn.benchmark.ours import read_settings, spherical, untrained
from grn.data.preprocessing.preprocess import preprocess
from grn.network import adjacency
from tests.helpers import tfs_of

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
