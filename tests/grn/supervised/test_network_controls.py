from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import degrees, locate
from grn.edges.read import read_truth
from grn.evaluation.candidates import Candidates, score_candidates
from grn.supervised.genelink import genelink_split
from grn.supervised.network_controls import degree_control, degree_matched_negatives, walk_control
from grn.supervised.splits import (
    Split,
    both_seen_split,
    both_unseen_split,
    unseen_target_split,
    unseen_tf_split,
)

SPLITS = (both_seen_split, unseen_tf_split, unseen_target_split, both_unseen_split)


@pytest.fixture(scope="module")
def string(shared_data: Path) -> pd.DataFrame:
    return read_truth(shared_data / "beeline" / "mDC" / "edges_STRING.csv")


def _genelink(truth: pd.DataFrame, *, seed: int) -> Split:
    return genelink_split(truth, [], [*truth["source"], *truth["target"]], seed=seed)


def test_degree_control_counts_the_training_positives(string: pd.DataFrame) -> None:
    split = both_seen_split(string, seed=0)
    rows, columns = np.nonzero(split.training.labels)
    test = split.test
    edges = pd.DataFrame(
        {"source": np.array(test.tfs)[rows], "target": np.array(test.genes)[columns]}
    )
    out_degree, in_degree = degrees(edges, test.tfs, test.genes)
    expected = np.log1p(out_degree)[:, None] + np.log1p(in_degree)
    assert np.array_equal(degree_control(split).importance, expected)
    assert degree_control(split).weight is None


def test_degree_knows_nothing_of_genes_it_never_saw(string: pd.DataFrame) -> None:
    for seed in range(3):
        split = both_unseen_split(string, seed=seed)
        found = score_candidates(split.test, *degree_control(split))
        assert found["auroc"] == found["per_tf_auroc"] == 0.5
        # Every pair is tied with every other.
        assert found["auprc_ratio"] == pytest.approx(1)
        assert found["early_precision_ratio"] == pytest.approx(1)
        # A TF's own targets are told apart by in-degree alone, of which unseen targets have none.
        split = unseen_target_split(string, seed=seed)
        assert score_candidates(split.test, *degree_control(split))["per_tf_auroc"] == 0.5


def test_walks_by_hand() -> None:
    # Known: A→x, A→y, B→y, B→z, so A has one way of three steps to z: over y and B.
    tfs, genes = ["A", "B"], ["x", "A", "y", "B", "z", "w"]
    known = np.array([[1, 0, 1, 0, 0, 0], [0, 0, 1, 0, 1, 0]], dtype=bool)
    part = Candidates(tfs, genes, known, known, known.astype(int))
    scores = walk_control(Split(part, part, part))
    assert scores.weight is None
    found = dict(zip(genes, scores.importance[0].tolist(), strict=True))
    # Degrees: x 1, A 2, y 2, B 2, z 1. Each step counts 1 / √(degrees of its ends).
    assert found["z"] == pytest.approx(1 / 2 * 1 / 2 * 1 / np.sqrt(2))
    # To x: over x, and over y, back to A, then to x.
    assert found["x"] == pytest.approx((1 / 2 + 1 / 4) / np.sqrt(2))
    assert found["A"] == found["B"] == found["w"] == 0


def test_walks_find_reversed_edges_and_nothing_about_unseen_genes(string: pd.DataFrame) -> None:
    for seed in range(3):
        split = _genelink(string, seed=seed)
        walks, test = walk_control(split), split.test
        found = score_candidates(test, *walks)
        # The training network alone, against .956 and .66 for the best published score.
        assert found["auroc"] > 0.93
        assert found["auprc"] > 0.5
        columns = locate(test.tfs, test.genes)
        between_tfs = test.labels[:, columns]
        reversed_too = split.training.labels[:, columns].T[between_tfs]
        scores = walks.importance[:, columns][between_tfs]
        assert np.median(scores[reversed_too]) > 1.2 * np.median(scores[~reversed_too])
        for make in (unseen_tf_split, both_unseen_split):
            split = make(string, seed=seed)
            assert score_candidates(split.test, *walk_control(split))["auroc"] == 0.5


@pytest.mark.parametrize("make", [_genelink, *SPLITS], ids=lambda make: make.__name__)
@pytest.mark.parametrize("seed", range(3))
def test_degrees_are_no_better_than_random_on_matched_negatives(
    make: Callable[..., Split], seed: int, string: pd.DataFrame
) -> None:
    split = make(string, seed=seed)
    matched = degree_matched_negatives(split, seed=seed)
    found = score_candidates(matched, *degree_control(split))
    assert found["auroc"] == pytest.approx(0.5, abs=0.01)
    assert found["per_tf_auroc"] == pytest.approx(0.5, abs=0.05)  # many TFs have one pair
    assert found["density"] == 0.5
    # Nor is any other degree of the target, nor whether it is a TF.
    known, rows = split.training.labels, locate(matched.tfs, matched.genes)
    out_degree, is_tf = np.zeros((2, len(matched.genes)))
    out_degree[rows], is_tf[rows] = known.sum(axis=1), 1
    for of_target in (out_degree, is_tf, known.sum(axis=0), known.sum(axis=0) + out_degree):
        scores = np.broadcast_to(of_target.astype(float), matched.pairs.shape)
        auroc = score_candidates(matched, None, scores)["auroc"]
        assert auroc == pytest.approx(0.5, abs=0.01)
    # Part of the test pairs, with their labels; half as many negatives as pairs for every TF.
    assert not (matched.pairs & ~split.test.pairs).any()
    assert np.array_equal(matched.labels, split.test.labels & matched.pairs)
    assert np.array_equal(matched.pairs.sum(axis=1), 2 * matched.labels.sum(axis=1))
    assert matched.labels.sum() > 0.3 * split.test.labels.sum()


def test_without_matching_degrees_tell_much(string: pd.DataFrame) -> None:
    for make, least in ((_genelink, 0.82), (both_seen_split, 0.82), (unseen_tf_split, 0.62)):
        split = make(string, seed=0)
        assert score_candidates(split.test, *degree_control(split))["auroc"] > least


def _split(in_degrees: list[int], test: list[int], positive: list[int]) -> Split:
    """One TF to be tested on some genes, whose in-degrees other TFs make; no gene is a TF."""
    n_tfs, n_genes = max(in_degrees) + 1, len(in_degrees)
    tfs = [f"T{i}" for i in range(n_tfs)]
    genes = [f"G{i}" for i in range(n_genes)] + tfs
    known = np.zeros((n_tfs, n_genes + n_tfs), dtype=bool)
    for column, degree in enumerate(in_degrees):
        known[1 : degree + 1, column] = True
    pairs, labels = np.zeros((2, *known.shape), dtype=bool)
    pairs[0, test], labels[0, positive] = True, True
    training = Candidates(tfs, genes, known, known, known.astype(int))
    return Split(training, training, Candidates(tfs, genes, pairs, labels, labels.astype(int)))


def test_matches_by_hand() -> None:
    # Positives: in-degree 2, 5, 40 and 7. Negatives: 2, 6, 43, 43 and 0. 5 and 6 differ by more
    # than a tenth, 40 and 43 do not; 7 has no partner.
    split = _split([2, 5, 40, 7, 2, 6, 43, 43, 0, 5], list(range(9)), [0, 1, 2, 3])
    matched = degree_matched_negatives(split, seed=0)
    assert np.flatnonzero(matched.labels[0]).tolist() == [0, 2]
    # Gene 9 would fit gene 1, but is no test pair. Genes 6 and 7 fit gene 2 equally well.
    chosen = {
        tuple(np.flatnonzero(degree_matched_negatives(split, seed=seed).pairs[0]).tolist())
        for seed in range(20)
    }
    assert chosen == {(0, 2, 4, 6), (0, 2, 4, 7)}


def test_as_many_positives_as_possible_find_a_partner() -> None:
    # 31 and 34 have a perfect match each, which would leave 29 alone: it can only have 31. Then 31
    # has to take 34, and 34 has to take 37.
    split = _split([29, 31, 34, 31, 34, 37], list(range(6)), [0, 1, 2])
    assert degree_matched_negatives(split, seed=0).labels.sum() == 3


def test_a_tf_is_no_match_for_a_gene_that_is_none() -> None:
    # T0's pairs with G0 (positive) and with T1 and G1; none is anyone's training target.
    split = _split([0, 0, 1], [0, 1, 4], [0])
    assert split.test.genes[4] == "T1"
    chosen = {
        tuple(np.flatnonzero(degree_matched_negatives(split, seed=seed).pairs[0]).tolist())
        for seed in range(20)
    }
    assert chosen == {(0, 1)}
