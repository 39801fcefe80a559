"""Splits of a known network into training, validation and test pairs, for the supervised regime.

A split depends on the shape of the network and the seed. The order of rows and genes and repeated
rows do not matter; names decide only among genes that the network cannot distinguish (see
`_structural_order`), so they change no score that is computed from the network alone.
"""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from grn.edges.matrix import locate
from grn.errors import InputError
from grn.evaluation.candidates import Candidates, candidates

# Part of a pair; if its two directions are in different parts, the later part keeps its direction.
NO_PART, TRAINING, VALIDATION, TEST = range(-1, 3)
Parts: TypeAlias = Int[np.ndarray, "n_tfs n_genes"]
Mask: TypeAlias = Bool[np.ndarray, "n_tfs n_genes"]

# GENELink's shares of training, validation and test (`grn.supervised.genelink`).
_SHARES = np.array([0.67, 0.10, 0.23])
# Of genes: a part of `both_unseen_split` holds about the square of its share of the edges, here
# 0.36, 0.02 and 0.06 of them all. Validation and test have a little more than their shares of 0.10
# and 0.23 would give, 0.01 and 0.05, so that they hold edges of small networks too. Not measured.
_GENE_SHARES = np.array([0.60, 0.15, 0.25])
# More draws would come closer to the shares; no other number was tried.
_N_DRAWS = 200


@dataclass(frozen=True)
class Split:
    """Labelled pairs for training, for model selection, and for a single final evaluation.

    All three lie in the same rows (`tfs`) and columns (`genes`), and each is what `TruthScorer`
    and `score_candidates` take.
    """

    training: Candidates
    validation: Candidates
    test: Candidates

    def summary(self) -> pd.DataFrame:
        """Count TFs, genes, pairs and positives of each part.

        Returns
        -------
        One row per part: `n_tfs` and `n_genes` that occur in a pair, `n_pairs`, `n_positives`,
        `density`, `reversed` (share of the positives u→v for which v→u is a training positive) and
        `leaked` (share of the negatives that are training positives); NaN where there are none.
        """
        known = self.training.labels
        columns = locate(self.training.tfs, self.training.genes)
        back = np.zeros_like(known)
        back[:, columns] = known[:, columns].T
        rows = {}
        for name in ("training", "validation", "test"):
            part: Candidates = getattr(self, name)
            rows[name] = {
                "n_tfs": int(part.pairs.any(axis=1).sum()),
                "n_genes": int(part.pairs.any(axis=0).sum()),
                "n_pairs": int(part.pairs.sum()),
                "n_positives": int(part.labels.sum()),
                "density": _share(part.labels, part.pairs),
                "reversed": _share(back, part.labels),
                "leaked": _share(known, part.pairs & ~part.labels),
            }
        return pd.DataFrame.from_dict(rows, orient="index")


def _share(what: Bool[np.ndarray, "*shape"], among: Bool[np.ndarray, "*shape"]) -> float:
    return float(what[among].mean()) if among.any() else float("nan")


def apply_split(
    split: Callable[..., Split], truth: pd.DataFrame, tfs: Collection[str], genes: Collection[str]
) -> Split:
    """Split known edges; a split that has parameters `tfs` and `genes` is given those of the data.

    Parameters
    ----------
    split
        A split of this module or of `grn.supervised.genelink`, with its settings.
    truth
        Known edges, as `grn.edges.read.read_truth` returns them.
    tfs, genes
        All TFs and genes of the data, with or without known edges.
    """
    draws_from_all = {"tfs", "genes"} <= inspect.signature(split).parameters.keys()
    return split(truth, tfs=tfs, genes=genes) if draws_from_all else split(truth)


def both_seen_split(truth: pd.DataFrame, *, seed: int) -> Split:
    """Split pairs: a model may know both genes of a test pair, but neither of its directions.

    Candidates are those of BEELINE's rule, at natural density; shares of 67, 10 and 23 %, of
    positives and of negatives.

    Parameters
    ----------
    truth
        Known edges, as `grn.edges.read.read_truth` returns them.
    seed
        Seed of the random choices.

    Raises
    ------
    InputError
        The network is so small that a part lacks a positive.
    """
    judged, columns = _candidates(truth)
    generator = np.random.default_rng(seed)
    part = np.full(judged.pairs.shape, NO_PART)
    # Pairs of two TFs occur in both directions: one stands for both.
    first, either = judged.pairs.copy(), judged.labels.copy()
    first[:, columns] &= ~np.tri(len(columns), dtype=bool)
    either[:, columns] |= judged.labels[:, columns].T
    for alike in (first & either, first & ~either):
        pairs = generator.permutation(np.flatnonzero(alike))
        cuts = (np.cumsum(_SHARES[:2]) * len(pairs)).round().astype(int)
        for number, chosen in enumerate(np.split(pairs, cuts)):
            part.flat[chosen] = number
    part[:, columns] = np.maximum(part[:, columns], part[:, columns].T)
    return _split(judged, part)


def unseen_tf_split(truth: pd.DataFrame, *, seed: int) -> Split:
    """Split TFs: a model knows no target of a test TF; parameters as in `both_seen_split`.

    A pair of TFs of two parts is judged in the later part (validation after training, test last),
    in one direction; its other direction is in no part. Of 200 random assignments the one is kept
    that splits the edges best, 67, 10 and 23 %.
    """
    judged, _ = _candidates(truth)
    sources, _ = np.nonzero(judged.labels)
    tfs = _balanced(seed, len(judged.tfs), _SHARES, _SHARES, lambda part: part[sources])
    return _split(judged, np.where(judged.pairs, tfs[:, None], NO_PART))


def unseen_target_split(truth: pd.DataFrame, *, seed: int) -> Split:
    """Split targets: a model knows no regulator of a test target; else as `unseen_tf_split`."""
    judged, _ = _candidates(truth)
    _, targets = np.nonzero(judged.labels)
    genes = _balanced(seed, len(judged.genes), _SHARES, _SHARES, lambda part: part[targets])
    return _split(judged, np.where(judged.pairs, genes, NO_PART))


def both_unseen_split(truth: pd.DataFrame, *, seed: int) -> Split:
    """Split genes: a model knows no edge of either gene of a test pair.

    Pairs of genes of two parts are in no part, so this split uses fewer edges than the others;
    else as `unseen_tf_split`, with shares of the genes of 60, 15 and 25 %.
    """
    judged, columns = _candidates(truth)
    sources, targets = np.nonzero(judged.labels)

    def part_of_edges(part: np.ndarray) -> np.ndarray:
        inside: np.ndarray = part[targets][part[targets] == part[columns[sources]]]
        return inside

    goal = _GENE_SHARES**2 / (_GENE_SHARES**2).sum()
    genes = _balanced(seed, len(judged.genes), _GENE_SHARES, goal, part_of_edges)
    same_part = judged.pairs & (genes[columns][:, None] == genes)
    return _split(judged, np.where(same_part, genes, NO_PART))


def _balanced(
    seed: int,
    n_nodes: int,
    shares: np.ndarray,
    goal: np.ndarray,
    part_of_edges: Callable[[np.ndarray], np.ndarray],
) -> Int[np.ndarray, " n_nodes"]:
    """Assign nodes at random to parts, so that the edges are shared as the goal says."""
    generator = np.random.default_rng(seed)
    draws = [generator.choice(3, size=n_nodes, p=shares) for _ in range(_N_DRAWS)]

    def deviation(part: np.ndarray) -> float:
        counts = np.bincount(part_of_edges(part), minlength=3)
        return float(np.abs(counts / max(counts.sum(), 1) - goal).max())

    return min(draws, key=deviation)


def _candidates(truth: pd.DataFrame) -> tuple[Candidates, Int[np.ndarray, " n_tfs"]]:
    """Return BEELINE's candidates in structural order, and the columns of their TFs."""
    judged = in_structural_order(candidates(truth))
    return judged, locate(judged.tfs, judged.genes)


def _split(judged: Candidates, part: Parts) -> Split:
    """Build the three parts; if the directions of a pair differ, the later part keeps its one."""
    columns = locate(judged.tfs, judged.genes)
    between_tfs = part[:, columns]
    part[:, columns] = np.where(between_tfs < between_tfs.T, NO_PART, between_tfs)
    pairs = part == np.array([TRAINING, VALIDATION, TEST])[:, None, None]
    return split_of_masks(judged, pairs, pairs & judged.labels)


def split_of_masks(
    judged: Candidates,
    pairs: Bool[np.ndarray, "3 n_tfs n_genes"],
    labels: Bool[np.ndarray, "3 n_tfs n_genes"],
) -> Split:
    """Build the parts from their pairs and positives; refuse a part without a positive."""
    counts = labels.sum(axis=(1, 2)).tolist()
    if not all(counts):
        msg = (
            f"This split leaves {counts} true edges for training, validation and test, of "
            f"{int(judged.labels.sum())}; each needs one. Use a larger network or another seed."
        )
        raise InputError(msg)
    parts = zip(pairs, labels, strict=True)
    return Split(*(restrict(judged, *part) for part in parts))


def restrict(
    judged: Candidates,
    pairs: Bool[np.ndarray, "n_tfs n_genes"],
    labels: Bool[np.ndarray, "n_tfs n_genes"],
) -> Candidates:
    """Return candidates with other pairs and labels; signs are kept for positives."""
    return replace(judged, pairs=pairs, labels=labels, signs=np.where(labels, judged.signs, 0))


def in_structural_order(judged: Candidates) -> Candidates:
    """Sort TFs and genes by `_structural_order`."""
    columns = locate(judged.tfs, judged.genes)
    rows, targets = np.nonzero(judged.labels)
    is_tf = np.zeros(len(judged.genes), dtype=int)
    is_tf[columns] = 1
    order = _structural_order(columns[rows], targets, is_tf)
    row_order = np.argsort(np.argsort(order)[columns])
    block = np.ix_(row_order, order)
    return Candidates(
        [judged.tfs[row] for row in row_order],
        [judged.genes[column] for column in order],
        judged.pairs[block],
        judged.labels[block],
        judged.signs[block],
    )


def _structural_order(
    sources: Int[np.ndarray, " n_edges"],
    targets: Int[np.ndarray, " n_edges"],
    colour: Int[np.ndarray, " n_genes"],
) -> Int[np.ndarray, " n_genes"]:
    """Order genes by their position in the network, on which random choices are based.

    Colour refinement (Weisfeiler and Leman 1968): the new colour of a gene combines its old one
    with those of its targets and its regulators, until no more genes are distinguished. Genes that
    still share a colour are interchangeable, except in contrived networks; they keep their order.
    """
    n_colours, n_before = int(colour.max()) + 1, 0
    # A sum of one random number per colour stands for the colours of all neighbours.
    code = np.random.default_rng(0).integers(2**62, size=max(len(colour), n_colours))
    while n_colours > n_before:
        n_before = n_colours
        out, into = np.zeros((2, len(colour)), dtype=int)
        np.add.at(out, sources, code[colour[targets]])
        np.add.at(into, targets, code[colour[sources]])
        described = np.stack([colour, out, into], axis=1)
        colour = np.unique(described, axis=0, return_inverse=True)[1].ravel()
        n_colours = int(colour.max()) + 1
    return np.argsort(colour, kind="stable")
