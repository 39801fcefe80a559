from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grn.edges.matrix import adjacency, locate
from grn.edges.read import read_truth
from grn.errors import InputError
from grn.evaluation.candidates import Candidates, score_candidates
from grn.supervised.genelink import genelink_split
from grn.supervised.network_controls import degree_control, degree_matched_negatives
from grn.supervised.splits import (
    Split,
    apply_split,
    both_seen_split,
    both_unseen_split,
    unseen_target_split,
    unseen_tf_split,
)

N_TFS, N_GENES = 23, 61
TFS = [f"T{i}" for i in range(N_TFS)]
GENES = TFS + [f"G{i}" for i in range(N_GENES - N_TFS)]
SPLITS = {
    "both_seen": both_seen_split,
    "unseen_tf": unseen_tf_split,
    "unseen_target": unseen_target_split,
    "both_unseen": both_unseen_split,
}
WITH_GENELINK = SPLITS | {
    "genelink": partial(genelink_split, tfs=TFS, genes=GENES),
    "genelink_hard": partial(genelink_split, tfs=TFS, genes=GENES, hard=True),
}
MakeSplit = Callable[..., Split]

parts_of = pytest.mark.parametrize("make", SPLITS.values(), ids=SPLITS.keys())
every_split = pytest.mark.parametrize("make", WITH_GENELINK.values(), ids=WITH_GENELINK.keys())


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    """A network with hubs, signs, and about half of its TF–TF edges in both directions."""
    generator = np.random.default_rng(3)
    chance = np.outer(generator.beta(1, 3, N_TFS), generator.beta(1, 1.5, N_GENES))
    edges = generator.random((N_TFS, N_GENES)) < chance
    edges[:, :N_TFS] |= edges[:, :N_TFS].T & (generator.random((N_TFS, N_TFS)) < 0.5)
    rows, columns = np.nonzero(edges)
    sources, targets = np.array(TFS)[rows], np.array(GENES)[columns]
    signs = generator.integers(-1, 2, len(rows))
    return read_truth(pd.DataFrame({"source": sources, "target": targets, "sign": signs}))


def _parts(split: Split) -> tuple[Candidates, Candidates, Candidates]:
    return split.training, split.validation, split.test


def _named(part: Candidates, mask: np.ndarray) -> set[tuple[str, str]]:
    return {(part.tfs[row], part.genes[column]) for row, column in np.argwhere(mask)}


@every_split
@pytest.mark.parametrize("seed", [0, 7])
def test_no_pair_is_in_two_parts_and_labels_are_the_truth(
    make: MakeSplit, truth: pd.DataFrame, seed: int
) -> None:
    split = make(truth, seed=seed)
    pairs = [_named(part, part.pairs) for part in _parts(split)]
    positives = [_named(part, part.labels) for part in _parts(split)]
    true = set(zip(truth["source"], truth["target"], strict=True))
    assert sum(map(len, pairs)) == len(set.union(*pairs))
    for given, labelled in zip(pairs, positives, strict=True):
        assert labelled == given & true
        assert len(given) > len(labelled) > 0
        assert not any(source == target for source, target in given)
    for part in _parts(split):
        signs = adjacency(truth, part.tfs, part.genes, "sign")
        assert np.array_equal(part.signs, np.where(part.labels, signs, 0))


@every_split
def test_truth_as_prediction_reaches_every_maximum(make: MakeSplit, truth: pd.DataFrame) -> None:
    split = make(truth, seed=1)
    for part in (*_parts(split), degree_matched_negatives(split, seed=0)):
        perfect = adjacency(truth.assign(known=1), part.tfs, part.genes, "known")
        signed = adjacency(truth, part.tfs, part.genes, "sign")
        found = score_candidates(part, signed, perfect)
        assert found["auprc"] == found["auroc"] == found["per_tf_auroc"] == 1
        assert found["auprc_ratio"] == found["early_precision_ratio"] == 1 / found["density"]
        assert found["sign_accuracy"] == 1


@parts_of
def test_both_directions_of_a_pair_are_in_one_part(make: MakeSplit, truth: pd.DataFrame) -> None:
    split = make(truth, seed=2)
    pairs = [_named(part, part.pairs) for part in _parts(split)]
    for one, given in enumerate(pairs):
        reverse = {(target, source) for source, target in given}
        assert not any(reverse & other for two, other in enumerate(pairs) if two != one)
    assert split.summary()["reversed"].tolist()[1:] == [0, 0]
    assert split.summary()["leaked"].tolist() == [0, 0, 0]


def test_both_seen_leaves_no_candidate_out_and_keeps_its_shares(truth: pd.DataFrame) -> None:
    split = both_seen_split(truth, seed=0)
    found = split.summary()
    n_tfs = truth["source"].nunique()
    n_genes = len(set(truth["source"]) | set(truth["target"]))
    assert found["n_pairs"].sum() == n_tfs * (n_genes - 1)
    assert found["n_positives"].sum() == len(truth)
    # Pairs of genes, whatever the direction, with an edge and without.
    linked = [{frozenset(pair) for pair in _named(part, part.labels)} for part in _parts(split)]
    others = [{frozenset(pair) for pair in _named(part, part.pairs)} for part in _parts(split)]
    for pairs in (linked, [all_ - some for all_, some in zip(others, linked, strict=True)]):
        n_pairs = np.array(list(map(len, pairs)))
        exact = n_pairs.sum() * np.array([0.67, 0.10, 0.23])
        assert np.abs(n_pairs - exact).max() <= 1


def test_unseen_means_disjoint_and_every_pair_of_a_test_tf_or_target_is_judged(
    truth: pd.DataFrame,
) -> None:
    def used(split: Split, axis: int) -> list[set[int]]:
        return [set(np.flatnonzero(part.pairs.any(axis=axis))) for part in _parts(split)]

    def disjoint(sets: list[set[int]]) -> bool:
        return sum(map(len, sets)) == len(set.union(*sets))

    by_tf, by_target = unseen_tf_split(truth, seed=0), unseen_target_split(truth, seed=0)
    by_both = both_unseen_split(truth, seed=0)
    assert disjoint(used(by_tf, 1))
    assert disjoint(used(by_target, 0))
    assert disjoint(used(by_both, 1))
    assert disjoint(used(by_both, 0))
    assert not disjoint(used(by_tf, 0))
    assert not disjoint(used(by_target, 1))
    n_tfs, n_genes = by_tf.test.pairs.shape
    assert set(by_tf.test.pairs.sum(axis=1)) == {0, n_genes - 1}
    assert set(by_target.test.pairs.sum(axis=0)) <= {0, n_tfs - 1, n_tfs}
    # No gene of a test pair, in either role, has a training pair, in either role.
    names = [
        {name for pair in _named(part, part.pairs) for name in pair} for part in _parts(by_both)
    ]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]


@pytest.mark.parametrize("make", [unseen_tf_split, unseen_target_split])
def test_edges_are_shared_evenly_among_parts(make: MakeSplit, truth: pd.DataFrame) -> None:
    for seed in range(5):
        split = make(truth, seed=seed)
        # Before the directions that no part may have are dropped; the test part keeps all of its.
        assert split.test.labels.sum() / len(truth) == pytest.approx(0.23, abs=0.04)
        assert split.validation.labels.sum() / len(truth) == pytest.approx(0.09, abs=0.04)


@every_split
def test_seeds_differ_and_repeat(make: MakeSplit, truth: pd.DataFrame) -> None:
    one, again, other = (make(truth, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(one.test.pairs, again.test.pairs)
    assert not np.array_equal(one.test.pairs, other.test.pairs)


def test_summary_by_hand() -> None:
    pairs = np.array([[0, 1, 1, 0], [1, 0, 1, 1]], dtype=bool)
    training = np.array([[0, 1, 0, 0], [0, 0, 0, 1]], dtype=bool)
    test = np.array([[0, 0, 1, 0], [1, 0, 0, 0]], dtype=bool)

    def part(labels: np.ndarray) -> Candidates:
        return Candidates(["A", "B"], ["A", "B", "C", "D"], pairs, labels, labels.astype(int))

    empty = Candidates(["A", "B"], ["A", "B", "C", "D"], pairs & False, pairs & False, test * 0)
    found = Split(part(training), empty, part(test)).summary()
    # B→A is the one test positive of two that reverses a training positive; of the three test
    # negatives A→B and B→D are training positives.
    assert found.loc["test"].tolist() == pytest.approx([2, 4, 5, 2, 0.4, 0.5, 2 / 3])
    assert found.loc["validation"].tolist()[:4] == [0, 0, 0, 0]
    assert found.loc["validation", ["density", "reversed", "leaked"]].isna().all()


def test_a_network_too_small_to_split_is_refused() -> None:
    tiny = pd.DataFrame({"source": ["A", "B"], "target": ["B", "C"]})
    for make in (*SPLITS.values(), partial(genelink_split, tfs=["A", "B"], genes=["A", "B", "C"])):
        with pytest.raises(InputError, match="each needs one"):
            make(tiny, seed=0)


def test_a_split_is_given_the_names_that_it_has_parameters_for(truth: pd.DataFrame) -> None:
    seen = []

    def of_all_names(truth: pd.DataFrame, tfs: list[str], genes: list[str], *, seed: int) -> Split:
        seen.append((tfs, genes, seed))
        return both_seen_split(truth, seed=seed)

    expected = both_seen_split(truth, seed=2).summary()
    for make in (of_all_names, both_seen_split):
        found = apply_split(partial(make, seed=2), truth, TFS, GENES)
        pd.testing.assert_frame_equal(found.summary(), expected)
    assert seen == [(TFS, GENES, 2)]


def _figures(split: Split) -> np.ndarray:
    """Every statistic of a split, and the degree control on its test and matched pairs."""
    control = degree_control(split)
    judged = (split.test, degree_matched_negatives(split, seed=0))
    metrics = [list(score_candidates(part, *control).values()) for part in judged]
    return np.concatenate([np.ravel(metrics), split.summary().to_numpy(float).ravel()])


@pytest.mark.parametrize("network", ["simulated", "STRING", "ChIP"])
@pytest.mark.parametrize("name", [*SPLITS, "genelink", "genelink_defects"])
def test_order_names_and_repeated_rows_change_nothing(
    name: str, network: str, truth: pd.DataFrame, request: pytest.FixtureRequest
) -> None:
    tfs, genes = TFS, GENES
    if network != "simulated":
        folder: Path = request.getfixturevalue("shared_data") / "beeline" / "mDC"
        truth = read_truth(folder / f"edges_{network}.csv")
        tfs = (folder / "tfs.txt").read_text().split()
        genes = sorted({*tfs, *truth["source"], *truth["target"]})
    hard = network == "ChIP"

    def figures(truth: pd.DataFrame, tfs: list[str], genes: list[str]) -> np.ndarray:
        if name in SPLITS:
            return _figures(SPLITS[name](truth, seed=0))
        defects = name == "genelink_defects"
        return _figures(genelink_split(truth, tfs, genes, seed=0, defects=defects, hard=hard))

    expected = figures(truth, tfs, genes)
    generator = np.random.default_rng(0)
    repeated = pd.concat([truth, truth.sample(frac=0.5, random_state=1)]).sample(
        frac=1, random_state=2
    )
    mixed = [generator.permutation(names).tolist() for names in (tfs, genes)]
    assert np.array_equal(figures(repeated, *mixed), expected, equal_nan=True)
    new = dict(zip(genes, generator.permutation(len(genes)).astype(str), strict=True))
    renamed = truth.assign(source=truth["source"].map(new), target=truth["target"].map(new))
    names = [[new[name] for name in given] for given in mixed]
    found = figures(renamed.sample(frac=1, random_state=3), *names)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_rows_and_columns_follow_from_the_network(truth: pd.DataFrame) -> None:
    one = both_seen_split(truth, seed=0).test
    other = both_seen_split(truth.sample(frac=1, random_state=0), seed=5).test
    assert one.tfs == other.tfs
    assert one.genes == other.genes
    assert (locate(one.tfs, one.genes) >= 0).all()
    # A gene without a twin keeps its place under any name.
    renamed = truth.assign(
        source=truth["source"].map(lambda name: name[::-1]),
        target=truth["target"].map(lambda name: name[::-1]),
    )
    assert [name[::-1] for name in both_seen_split(renamed, seed=0).test.tfs] == one.tfs
