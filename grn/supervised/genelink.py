"""GENELink's split of a known network, with or without its defects, for comparison with papers.

Chen and Liu, Bioinformatics 2022 (10.1093/bioinformatics/btac559); zpliulab/GENELink,
`Code/Train_Test_Split.py`.
"""

from collections.abc import Collection

import numpy as np
import pandas as pd
from jaxtyping import Bool, Int

from grn.edges.matrix import adjacency, locate
from grn.errors import InputError
from grn.evaluation.candidates import Candidates, candidates
from grn.names.regulators import hint
from grn.supervised.splits import (
    TEST,
    TRAINING,
    VALIDATION,
    Mask,
    Split,
    in_structural_order,
    split_of_masks,
)


def genelink_split(
    truth: pd.DataFrame,
    tfs: Collection[str],
    genes: Collection[str],
    *,
    seed: int,
    defects: bool = False,
    hard: bool = False,
) -> Split:
    """Split the targets of each TF, as most published supervised results on BEELINE's sets do.

    A third of the positives of a TF are for test, and a fifth of the rest for validation. Of two
    positives, one is for training and one for test; a single one is for either. Training and
    validation get as many negatives per TF as positives. Test negatives are drawn, TF and gene
    uniformly, until the test set has the density of the network (`grn.evaluation.candidates`). A
    TF with few non-targets gives as many negatives as it has.

    Every TF and target occurs in all parts, and a test positive may be a reversed training
    positive; `Split.summary` counts these. `both_seen_split` allows neither direction.

    Parameters
    ----------
    truth
        Known edges, as `grn.edges.read.read_truth` returns them; those of other genes are left
        out.
    tfs, genes
        All TFs (for `defects`) and genes of the data; negatives are drawn from them.
    seed
        Seed of the random choices.
    defects
        As published: test negatives may be training pairs, positives among them, and are drawn
        from TFs without a known target as well. Changes nothing with `hard`.
    hard
        The variant for ChIP of the cell type: 67, 10 and 23 % of the positives, and of all
        non-targets, of each TF with a positive.

    Raises
    ------
    InputError
        No edge is among the genes, or a part lacks a positive.
    """
    known = truth[truth["source"].isin(list(genes)) & truth["target"].isin(list(genes))]
    if known.empty:
        msg = f"No true edge is among the genes. {hint(truth['source'].unique(), genes)}"
        raise InputError(msg)
    judged = _lay_out(known, tfs if defects and not hard else (), genes)
    generator = np.random.default_rng(seed)
    positives, negatives = np.zeros((2, 3, *judged.pairs.shape), dtype=bool)
    for row, labels in enumerate(judged.labels):
        targets = generator.permutation(np.flatnonzero(labels))
        others = generator.permutation(np.flatnonzero(judged.pairs[row] & ~labels))
        ends = _ends(len(targets), generator, hard=hard)
        _cut(positives[:, row], targets, ends)
        # Without `hard` the third part, all that is left, is drawn anew below.
        _cut(negatives[:, row], others, _shares(len(others)) if hard else ends)
    if not hard:
        taken = positives[TEST] | positives[VALIDATION] | negatives[VALIDATION]
        if not defects:
            taken |= positives[TRAINING] | negatives[TRAINING]
        natural = candidates(known)
        per_positive = natural.pairs.sum() / natural.labels.sum() - 1
        n_negatives = int(positives[TEST].sum() * per_positive)
        negatives[TEST] = _draw(generator, judged.pairs & ~taken, n_negatives)
    return split_of_masks(judged, positives | negatives, positives)


def _lay_out(truth: pd.DataFrame, tfs: Collection[str], genes: Collection[str]) -> Candidates:
    """Return all pairs of a TF, which has a known target or is listed, and a gene of the data."""
    columns = sorted(set(genes))
    rows = sorted(set(truth["source"]) | set(tfs) & set(columns))
    pairs = np.ones((len(rows), len(columns)), dtype=bool)
    pairs[np.arange(len(rows)), locate(rows, columns)] = False
    truth = truth.assign(label=1, sign=truth.get("sign", 0))
    labels = adjacency(truth, rows, columns, "label") == 1
    signs = adjacency(truth, rows, columns, "sign").astype(int)
    return in_structural_order(Candidates(rows, columns, pairs, labels, signs))


def _ends(n: int, generator: np.random.Generator, *, hard: bool) -> list[int]:
    """Return where training and validation end among n shuffled positives of a TF."""
    if n == 1:
        return [1, 1] if generator.random() <= 0.5 else [0, 0]
    if n == 2:
        return [1, 1]
    seen = n * 2 // 3
    return _shares(n) if hard else [seen - seen // 5, seen]


def _shares(n: int) -> list[int]:
    return [int(n * 0.67), int(n * 0.77)]


def _cut(
    masks: Bool[np.ndarray, "3 n_genes"], columns: Int[np.ndarray, " n_chosen"], ends: list[int]
) -> None:
    """Mark the columns of each part."""
    for mask, chosen in zip(masks, np.split(columns, ends), strict=True):
        mask[chosen] = True


def _draw(generator: np.random.Generator, allowed: Mask, n: int) -> Mask:
    """Draw n allowed pairs, all if there are fewer: the TF uniformly, then the gene."""
    room = allowed.sum(axis=1)
    n, per_tf = min(n, int(room.sum())), np.zeros(len(room), dtype=int)
    while per_tf.sum() < n:
        free = np.flatnonzero(per_tf < room)
        per_tf[free] += generator.multinomial(n - per_tf.sum(), np.full(len(free), 1 / len(free)))
        per_tf = np.minimum(per_tf, room)
    drawn = np.zeros_like(allowed)
    for row, count in enumerate(per_tf):
        chosen = generator.choice(np.flatnonzero(allowed[row]), count, replace=False)
        drawn[row, chosen] = True
    return drawn
