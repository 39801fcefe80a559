from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from grn.data.preprocessing.prepare import prepare
from grn.data.preprocessing.preprocess import preprocess
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation.candidates import Candidates, TruthScorer, score_candidates
from grn.simulation.random_network import simulate
from grn.supervised.module import fit_supervised
from grn.supervised.network_controls import degree_control
from grn.supervised.splits import Split, both_seen_split, unseen_target_split
from tests.helpers import fast_config, tfs_of

if TYPE_CHECKING:
    from anndata import AnnData
    from omegaconf import DictConfig


def config(seed: int = 0, steps: int = 100) -> "DictConfig":
    settings = (f"trainer.max_steps={steps}", "trainer.val_check_interval=20", f"seed={seed}")
    return fast_config(Path("unused"), "objective=supervised", *settings)


@pytest.fixture(scope="module")
def cells() -> "AnnData":
    raw = simulate(n_cells=400, seed=0)
    adata, _ = prepare(raw, tfs_of(raw), preprocess)
    return adata


@pytest.fixture(scope="module")
def truth(cells: "AnnData") -> pd.DataFrame:
    return read_truth(cells.uns["truth"])


def with_labels(part: Candidates, change: Callable[[np.ndarray], np.ndarray]) -> Candidates:
    labels = np.zeros_like(part.labels)
    labels[part.pairs] = change(part.labels[part.pairs])
    return replace(part, labels=labels)


def fit(settings: "DictConfig", cells: "AnnData", split: Split) -> np.ndarray:
    """Scores in the rows and columns of the split."""
    tfs = tfs_of(cells)
    scores = fit_supervised(settings, cells, tfs, split)
    assert scores.weight is None
    assert scores.importance.shape == (len(tfs), cells.n_vars)
    return TruthScorer(split.test, tfs, cells.var_names).lay_out(*scores)[1]


def auroc(split: Split, scores: np.ndarray) -> float:
    return score_candidates(split.test, None, scores)["auroc"]


@pytest.mark.parametrize("kind", [both_seen_split, unseen_target_split])
def test_it_beats_the_degree_control(
    cells: "AnnData", truth: pd.DataFrame, kind: Callable[..., Split]
) -> None:
    split = kind(truth, seed=0)
    scores = fit(config(), cells, split)
    assert scores.shape == split.test.pairs.shape
    assert np.isfinite(scores).all()
    assert auroc(split, scores) > auroc(split, degree_control(split).importance) + 0.1
    assert not Path("unused").exists()


def test_test_pairs_change_nothing(cells: "AnnData", truth: pd.DataFrame) -> None:
    split = both_seen_split(truth, seed=0)
    flipped = replace(split, test=with_labels(split.test, np.logical_not))
    none = replace(split, test=replace(split.test, pairs=np.zeros_like(split.test.pairs)))
    scores = [fit(config(steps=20), cells, one) for one in (split, flipped, none)]
    assert np.array_equal(scores[0], scores[1])
    assert np.array_equal(scores[0], scores[2])


def test_shuffled_training_labels_teach_nothing(cells: "AnnData", truth: pd.DataFrame) -> None:
    """What expression alone says is left: it is above chance, and far below true labels."""
    shuffled, true = [], []
    for seed in range(2):
        split = both_seen_split(truth, seed=seed)
        shuffle = np.random.default_rng(seed).permutation
        other = replace(split, training=with_labels(split.training, shuffle))
        shuffled.append(auroc(split, fit(config(seed), cells, other)))
        true.append(auroc(split, fit(config(seed), cells, split)))
    assert np.mean(shuffled) < 0.75
    assert np.mean(true) > np.mean(shuffled) + 0.1


def test_same_seed_same_scores_and_another_seed_others(
    cells: "AnnData", truth: pd.DataFrame
) -> None:
    split = both_seen_split(truth, seed=0)
    first, again, other = (fit(config(seed, steps=20), cells, split) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_genes_that_the_cells_lack_rank_last(cells: "AnnData", truth: pd.DataFrame) -> None:
    split = both_seen_split(truth, seed=0)
    lost = split.test.genes[-1]
    scores = fit(config(steps=20), cells[:, cells.var_names != lost], split)
    assert np.isneginf(scores[:, -1]).all()
    assert np.isfinite(scores[:, 0]).sum() >= len(scores) - 1


def test_foreign_genes_are_refused(cells: "AnnData", truth: pd.DataFrame) -> None:
    split = both_seen_split(truth, seed=0)
    renamed = cells.copy()
    renamed.var_names = [f"X{name}" for name in cells.var_names]
    with pytest.raises(InputError, match="Check the names"):
        fit_supervised(config(), renamed, tfs_of(renamed), split)


def test_settings_out_of_range_are_refused(cells: "AnnData", truth: pd.DataFrame) -> None:
    settings = config()
    settings.objective.n_lessons = 1
    with pytest.raises(InputError, match="n_lessons=1"):
        fit_supervised(settings, cells, tfs_of(cells), both_seen_split(truth, seed=0))
