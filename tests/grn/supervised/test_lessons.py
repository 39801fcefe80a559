from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import locate
from grn.edges.read import read_truth
from grn.supervised.genelink import genelink_split
from grn.supervised.lessons import LaidOut, lay_out, make_lessons
from grn.supervised.splits import (
    Split,
    both_seen_split,
    both_unseen_split,
    unseen_target_split,
    unseen_tf_split,
)


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    """A network in which every second edge between TFs is known in both directions."""
    generator = np.random.default_rng(0)
    tfs, genes = [f"T{i}" for i in range(12)], [f"G{i}" for i in range(40)]
    edges = {(tf, gene) for tf in tfs for gene in generator.choice(genes, 12)}
    for source, target in generator.choice(tfs, (30, 2)):
        edges |= {(source, target), (target, source)} if source != target else set()
    return pd.DataFrame(sorted(edges), columns=["source", "target"])


def laid_out(split: Split) -> LaidOut:
    return lay_out(split, split.training.tfs, split.training.genes)


def test_no_test_pair_and_no_validation_label_is_laid_out(truth: pd.DataFrame) -> None:
    split = both_seen_split(truth, seed=0)
    found = laid_out(split)
    assert not ((found.known | found.negatives | found.asked) & split.test.pairs).any()
    assert not (found.known & found.negatives).any()
    assert not ((found.known | found.negatives) & split.validation.pairs).any()
    assert np.array_equal(found.known | found.negatives, split.training.pairs)


def test_drawn_negatives_are_replaced_by_all_pairs_that_are_not_known(truth: pd.DataFrame) -> None:
    genes = sorted({*truth["source"], *truth["target"], *(f"X{i}" for i in range(60))})
    split = genelink_split(truth, [], genes, seed=0)
    found = laid_out(split)
    own = np.zeros_like(found.known)
    own[np.arange(len(own)), found.tf_index] = True
    assert np.array_equal(found.negatives, ~(found.known | own))


def test_genes_that_the_cells_lack_are_left_out(truth: pd.DataFrame) -> None:
    split = both_seen_split(truth, seed=0)
    tfs, genes = split.training.tfs[::-2], split.training.genes[::-1]
    found = lay_out(split, tfs, genes)
    rows = locate(tfs, split.training.tfs)
    assert np.array_equal(found.known, split.training.labels[rows][:, ::-1])


@pytest.mark.parametrize(
    "kind", [both_seen_split, unseen_tf_split, unseen_target_split, both_unseen_split]
)
def test_what_is_asked_for_is_hidden_as_validation_edges_are(
    truth: pd.DataFrame,
    kind: Callable[..., Split],
) -> None:
    split = kind(truth, seed=1)
    found = laid_out(split)
    lessons = make_lessons(found, 8, seed=0)
    assert len(lessons) >= 4
    for lesson in lessons:
        rows, columns = np.unravel_index(lesson.positives, found.known.shape)
        assert found.known[rows, columns].all()
        assert not lesson.visible[rows, columns].any()
        assert (lesson.visible <= found.known).all()
        assert found.negatives.flat[lesson.negatives].all()
        square = lesson.visible[:, found.tf_index]
        hidden = np.zeros_like(found.known)
        hidden[rows, columns] = True
        assert not (hidden[:, found.tf_index].T & square).any(), "known in the other direction"
        if kind in (unseen_tf_split, both_unseen_split):
            assert not lesson.visible[rows].any()
        if kind in (unseen_target_split, both_unseen_split):
            assert not lesson.visible[:, columns].any()


def test_reversed_edges_stay_visible_where_validation_has_them(truth: pd.DataFrame) -> None:
    genes = sorted({*truth["source"], *truth["target"]})
    split = genelink_split(truth, [], genes, seed=0)
    assert split.summary().loc["validation", "reversed"] > 0
    found = laid_out(split)
    seen = 0
    for lesson in make_lessons(found, 8, seed=0):
        rows, columns = np.unravel_index(lesson.positives, found.known.shape)
        hidden = np.zeros_like(found.known)
        hidden[rows, columns] = True
        seen += (hidden[:, found.tf_index].T & lesson.visible[:, found.tf_index]).sum()
    assert seen > 0


def test_each_edge_is_hidden_once_where_genes_are_seen(truth: pd.DataFrame) -> None:
    found = laid_out(both_seen_split(truth, seed=0))
    positives = np.concatenate([lesson.positives for lesson in make_lessons(found, 4, seed=0)])
    assert np.array_equal(np.sort(positives), np.flatnonzero(found.known))


def test_test_labels_reach_no_lesson(truth: pd.DataFrame) -> None:
    split = unseen_tf_split(truth, seed=0)
    other = replace(split, test=replace(split.test, labels=~split.test.labels))
    first, second = (laid_out(one) for one in (split, other))
    for name in ("known", "negatives", "asked", "answers"):
        assert np.array_equal(getattr(first, name), getattr(second, name))


def test_networks_on_file_give_as_many_lessons_as_asked(shared_data: Path) -> None:
    string = read_truth(shared_data / "beeline" / "mDC" / "edges_STRING.csv")
    for kind in (both_seen_split, both_unseen_split):
        assert len(make_lessons(laid_out(kind(string, seed=0)), 8, seed=0)) == 8
