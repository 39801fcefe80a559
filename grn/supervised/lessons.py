"""Lessons of supervised training: some training edges are hidden, and have to be predicted."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from grn.edges.matrix import locate
from grn.evaluation.candidates import Candidates
from grn.supervised.splits import Mask, Split

# Share of the genes that a lesson hides if test genes are unseen. If both genes of a pair are, it
# is 0.4, so that about as many pairs have to be predicted: 0.4² = 0.16. Not measured.
_HIDDEN, _HIDDEN_BOTH = 0.2, 0.4
_MOST = 0.5  # lessons hide genes as the validation part does for more than this share of its edges


@dataclass(frozen=True)
class LaidOut:
    """The parts of a split that training may use, over the regulators and genes of a network.

    It holds no test pairs, so nothing that is computed from it can depend on them.

    Parameters
    ----------
    tf_index
        Column of each regulator.
    known
        Training positives.
    negatives
        Pairs that count as false.
    asked, answers
        Validation pairs, and the true ones among them.
    """

    tf_index: Int[np.ndarray, " n_tfs"]
    known: Mask
    negatives: Mask
    asked: Mask
    answers: Mask


@dataclass(frozen=True)
class Lesson:
    """Visible training edges, and the pairs that have to be predicted.

    Parameters
    ----------
    visible
        Training edges that are given.
    positives, negatives
        Hidden edges and false pairs, as flat positions.
    """

    visible: Mask
    positives: Int[np.ndarray, " n_positives"]
    negatives: Int[np.ndarray, " n_negatives"]


def lay_out(split: Split, tfs: list[str], genes: list[str]) -> LaidOut:
    """Arrange the training and validation parts as matrices; pairs of other genes are ignored.

    Negatives are those of the training part. Where they were drawn, so that the part is less than
    half of the pairs of its TFs and genes (GENELink's split), every pair of the split that is no
    training positive counts as false: among them, as anywhere, few are true, and TFs keep their
    numbers of targets, which as many negatives as positives for each would hide.
    """
    training = split.training
    drawn = training.pairs.any(axis=1).sum() * training.pairs.any(axis=0).sum()
    false = training.pairs & ~training.labels
    if training.pairs.sum() < drawn / 2:
        false = ~training.labels
        false[np.arange(len(training.tfs)), locate(training.tfs, training.genes)] = False
    return LaidOut(
        tf_index=locate(tfs, genes),
        known=place(training, training.labels, tfs, genes),
        negatives=place(training, false, tfs, genes),
        asked=place(split.validation, split.validation.pairs, tfs, genes),
        answers=place(split.validation, split.validation.labels, tfs, genes),
    )


def place(part: Candidates, mask: Mask, tfs: list[str], genes: list[str]) -> Mask:
    """Lay a mask over the pairs of a part out over other TFs and genes, by name."""
    rows, columns = locate(part.tfs, tfs), locate(part.genes, genes)
    placed = np.zeros((len(tfs), len(genes)), dtype=bool)
    placed[np.ix_(rows[rows >= 0], columns[columns >= 0])] = mask[rows >= 0][:, columns >= 0]
    return placed


def make_lessons(laid_out: LaidOut, n_lessons: int, seed: int) -> list[Lesson]:
    """Hide training edges in the way in which the validation edges are hidden.

    If most validation edges belong to TFs without a training edge, a lesson hides all edges of
    some TFs, which have to be predicted; the same holds for targets, and for both. Otherwise every
    lesson hides its share of the edges. An edge is hidden in both directions, unless some
    validation edge is a reversed training edge.
    """
    generator = np.random.default_rng(seed)
    known, tf_index = laid_out.known, laid_out.tf_index
    of_tf, of_target = np.nonzero(laid_out.answers)
    unseen_tf = bool((known.sum(axis=1)[of_tf] == 0).mean() > _MOST)
    unseen_target = bool((known.sum(axis=0)[of_target] == 0).mean() > _MOST)
    one_way = bool((_reversed(known, tf_index) & laid_out.answers).any())
    turn = generator.integers(n_lessons, size=known.shape)
    if not one_way:
        between = turn[:, tf_index]
        turn[:, tf_index] = np.where(np.tri(len(between), dtype=bool), between, between.T)
    lessons = []
    for number in range(n_lessons):
        if unseen_tf or unseen_target:
            share = _HIDDEN_BOTH if unseen_tf and unseen_target else _HIDDEN
            chosen = np.less(generator.random(known.shape[1]), share)
            hidden_tf = np.broadcast_to(chosen[tf_index][:, None], known.shape)
            hidden_target = np.broadcast_to(chosen, known.shape)
            if unseen_tf and unseen_target:
                asked, hidden = hidden_tf & hidden_target, hidden_tf | hidden_target
            else:
                asked = hidden = hidden_tf if unseen_tf else hidden_target
            hidden = hidden | _reversed(hidden, tf_index)
            false = asked & laid_out.negatives
        else:
            asked = hidden = turn == number
            false = laid_out.negatives
        positives = np.flatnonzero(asked & known)
        if len(positives) and false.any():
            lessons.append(Lesson(known & ~hidden, positives, np.flatnonzero(false)))
    return lessons


def _reversed(mask: Mask, tf_index: Int[np.ndarray, " n_tfs"]) -> Mask:
    """Exchange the genes of every pair whose target is a regulator."""
    turned = np.zeros_like(mask)
    turned[:, tf_index] = mask[:, tf_index].T
    return turned
