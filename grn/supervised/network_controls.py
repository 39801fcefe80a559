"""Baselines that see only the training edges, and test pairs with matched node degrees.

A supervised score is informative only as far as it is better than these baselines.
"""

import numpy as np
from jaxtyping import Float
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from grn.edges.matrix import locate
from grn.evaluation import controls
from grn.evaluation.candidates import Candidates
from grn.evaluation.scores import Scores
from grn.supervised.splits import Split, restrict

# Degrees of a matched pair differ by at most 10 %, so not at all below 10. Chosen such that
# degrees carry no information: on BEELINE's sets `degree_control` has AUROC 0.5 within 0.02.
_TOLERANCE = np.log(1.1)


def degree_control(split: Split) -> Scores:
    """Rank pairs by the degrees of the TF and of the target among the training positives.

    See `grn.evaluation.controls.degree`.
    """
    known = split.training.labels
    return controls.degree(known.sum(axis=1), known.sum(axis=0))


def walk_control(split: Split) -> Scores:
    """Rank pairs by random walks of three steps along training positives from TF to target.

    With A the symmetric adjacency of the training positives and D its degrees: S³ for
    S = D^(−1/2) A D^(−1/2). The score of u→v is high if v→u is known, or if targets of u share
    regulators with v; it is 0 if either gene has no training positive in any role.
    """
    tfs, genes = split.training.tfs, split.training.genes
    sources, targets = np.nonzero(split.training.labels)
    rows = locate(tfs, genes)
    edges = (rows[sources], targets)
    directed = sparse.csr_array((np.ones(len(targets)), edges), shape=(len(genes), len(genes)))
    linked = directed.maximum(directed.T)
    scale = sparse.diags_array(1 / np.sqrt(np.maximum(linked.sum(axis=0), 1)))
    step = (scale @ linked @ scale).tocsr()
    # In float32, equal pairs tie, whatever the order of summation was.
    return Scores(None, (step[rows] @ step @ step).toarray().astype(np.float32))


NETWORK_CONTROLS = {"degree": degree_control, "walk": walk_control}
"""Baselines of supervised scores, by name."""


def degree_matched_negatives(split: Split, *, seed: int) -> Candidates:
    """Cut the test pairs to positives and negatives of equal degrees in the training network.

    Each positive gets one negative of the test part: of the same TF, with a target of the same
    in-degree and out-degree, up to a tenth, that is a TF if and only if the positive's target is.
    As many positives as possible get one, with the least total difference; the others, mostly
    those of hubs, are left out. Half of the remaining pairs are positive, and degrees carry no
    information about which: `degree_control` has an AUROC of 0.5, within 0.02 on BEELINE's sets.
    `walk_control` can be better, since a network without expression holds more than degrees.

    Parameters
    ----------
    split
        Any split; its other parts are unchanged.
    seed
        Seed of the choice among negatives that match equally well.
    """
    generator = np.random.default_rng(seed)
    test, of_target = split.test, _degrees_of_targets(split.training)
    pairs = np.zeros_like(test.pairs)
    for row in np.flatnonzero(test.labels.any(axis=1)):
        positives = np.flatnonzero(test.labels[row])
        negatives = generator.permutation(np.flatnonzero(test.pairs[row] & ~test.labels[row]))
        difference = np.abs(of_target[positives, None] - of_target[negatives]).max(axis=2)
        # A pair that does not match costs more than all matches together, so the assignment
        # matches as many positives as possible.
        no_match = (len(positives) + 1) * _TOLERANCE
        cost = np.where(difference <= _TOLERANCE, difference, no_match)
        left, right = linear_sum_assignment(cost)
        close = cost[left, right] < no_match
        pairs[row, positives[left[close]]] = True
        pairs[row, negatives[right[close]]] = True
    return restrict(test, pairs, test.labels & pairs)


def _degrees_of_targets(training: Candidates) -> Float[np.ndarray, "n_genes 3"]:
    """Log in-degree, log out-degree, and a number that keeps TFs and other genes apart."""
    known, rows = training.labels, locate(training.tfs, training.genes)
    out_degree, is_tf = np.zeros((2, known.shape[1]))
    out_degree[rows], is_tf[rows] = known.sum(axis=1), 1.0
    return np.stack([np.log1p(known.sum(axis=0)), np.log1p(out_degree), is_tf], axis=1)
