"""Scores from cells whose perturbations are known: differences of means, and a peer.

All take √(log expression), the interventions and the columns of the TFs. A pair of a gene with
itself has 0.
"""

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.ensemble import HistGradientBoostingClassifier

from grn.evaluation.scores import Scores
from grn.interventions import NO_GROUP, Interventions

_FEWEST_CONTROLS = 2
# Settings and threshold of Deng and Guan.
_LEAST_CORRELATION = 0.1
_BOOSTING = {
    "learning_rate": 0.05,
    "max_iter": 1000,
    "max_leaf_nodes": 5,
    "max_depth": 2,
    "min_samples_leaf": 5,
    "early_stopping": False,
}


def mean_difference(
    roots: Float[np.ndarray, "n_cells n_genes"],
    interventions: Interventions,
    tf_index: Int[np.ndarray, " n_tfs"],
) -> Scores:
    r"""Rank pairs by how far the target's mean moves where the TF is perturbed.

    In group g, of :math:`n_g` cells, gene i is at :math:`m_{gi}`, in the controls at
    :math:`m_{0i}`, and :math:`s_i` is its standard deviation within groups. The difference
    :math:`y_{gi} = m_{gi} - m_{0i}` has the variance
    :math:`v_{gi} = s_i^2 (1 / n_g + 1 / n_0)`, and is regressed on the doses :math:`d_{gj}` of
    the TF over its groups, a line through the origin. What ranks is the magnitude of the slope
    over its standard error,

    .. math:: z_{ij} = \sum_g d_{gj} y_{gi} / v_{gi} \Big/ \sqrt{\sum_g d_{gj}^2 / v_{gi}} ,

    for one group the standardised difference alone. Its sign is that of the regulation: where the
    loss of an activator (d = −1) lowers its target, it is positive. Groups that perturb the target
    say nothing about it. With one control cell or none, the other cells are the controls: those in
    which neither TF nor target is perturbed; :math:`s_i` is then their standard deviation. A TF
    that is perturbed nowhere has 0 with every gene.

    Parameters
    ----------
    roots
        √(log expression).
    interventions
        Perturbation of every cell.
    tf_index
        Columns of the regulators.
    """
    levels = roots.astype(float)
    group, dose = interventions.group, interventions.dose.astype(float)
    controls = group == 0
    sd = _within_groups(levels, group, dose) if controls.sum() >= _FEWEST_CONTROLS else None
    weight = np.zeros((len(tf_index), levels.shape[1]))
    for row, tf in enumerate(tf_index):
        product, precision = np.zeros(levels.shape[1]), np.zeros(levels.shape[1])
        for one in np.unique(group[group > 0]):
            if dose[one, tf] == 0:
                continue
            inside = group == one
            if sd is None:
                others = (group != NO_GROUP) & (dose[group, tf] == 0)
                n, mean, spread = _moments(levels, others[:, None] & (dose[group] == 0))
            else:
                n, mean, spread = controls.sum(), levels[controls].mean(axis=0), sd
            difference = levels[inside].mean(axis=0) - mean
            with np.errstate(divide="ignore"):
                inverse = 1 / (spread**2 * (1 / inside.sum() + 1 / n))
            inverse = np.where((spread > 0) & (dose[one] == 0), inverse, 0)
            product += dose[one, tf] * difference * inverse
            precision += dose[one, tf] ** 2 * inverse
        weight[row] = product / np.sqrt(np.where(precision > 0, precision, 1))
    return Scores(weight, np.abs(weight))


def _within_groups(
    levels: Float[np.ndarray, "n_cells n_genes"],
    group: Int[np.ndarray, " n_cells"],
    dose: Float[np.ndarray, "n_groups n_genes"],
) -> Float[np.ndarray, " n_genes"]:
    """Return the standard deviation of each gene within the groups that do not perturb it."""
    squares, n = np.zeros(levels.shape[1]), np.zeros(levels.shape[1])
    for one in np.unique(group[group != NO_GROUP]):
        inside = levels[group == one]
        counts = dose[one] == 0
        squares += counts * ((inside - inside.mean(axis=0)) ** 2).sum(axis=0)
        n += counts * (len(inside) - 1)
    return np.asarray(np.sqrt(squares / np.maximum(n, 1)))


def _moments(
    levels: Float[np.ndarray, "n_cells n_genes"], chosen: Bool[np.ndarray, "n_cells n_genes"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number, mean and standard deviation of the chosen cells of every gene."""
    n = np.maximum(chosen.sum(axis=0), 1)
    mean = (levels * chosen).sum(axis=0) / n
    return n, mean, np.sqrt(((levels - mean) ** 2 * chosen).sum(axis=0) / n)


def boosted_means(
    roots: Float[np.ndarray, "n_cells n_genes"],
    interventions: Interventions,
    tf_index: Int[np.ndarray, " n_tfs"],
    *,
    seed: int = 0,
) -> Scores:
    """Rank pairs by boosted trees that predict correlation from means, without signs.

    The winner of the CausalBench challenge 2023 (K. Deng and Y. Guan; Chevalley et al. 2023,
    arXiv:2308.15395), with trees of scikit-learn instead of LightGBM. A pair is described by four
    means of standardised expression: of TF and target in the controls, and of both where the TF
    is perturbed, 0 and missing if it is nowhere. It is labelled by whether the two genes have an
    absolute correlation above 0.1 in the cells with the TF perturbed and as many controls, or in
    the controls if it is nowhere. A classifier of these labels then ranks the pairs it was
    trained on: it smooths a noisy correlation by the means. With one control cell or none, all
    cells in which the TF is not perturbed are the controls.

    Parameters
    ----------
    roots, interventions, tf_index
        As in `mean_difference`.
    seed
        Draws the controls that are correlated.
    """
    rng = np.random.default_rng(seed)
    levels = roots.astype(float)
    sd = levels.std(axis=0)
    z = (levels - levels.mean(axis=0)) / np.where(sd > 0, sd, 1)
    described, labels = [], []
    for tf in tf_index:
        features, correlated = _describe(z, interventions, tf, rng)
        described.append(features)
        labels.append(correlated)
    pairs = np.ones((len(tf_index), z.shape[1]), dtype=bool)
    pairs[np.arange(len(tf_index)), tf_index] = False
    importance = np.zeros(pairs.shape)
    known, label = np.stack(described)[pairs], np.stack(labels)[pairs]
    if label.any() and not label.all():
        trees = HistGradientBoostingClassifier(**_BOOSTING, random_state=seed)
        importance[pairs] = trees.fit(known, label).decision_function(known)
    return Scores(None, importance)


def _describe(
    z: Float[np.ndarray, "n_cells n_genes"],
    interventions: Interventions,
    tf: np.integer,
    rng: np.random.Generator,
) -> tuple[Float[np.ndarray, "n_genes 4"], Bool[np.ndarray, " n_genes"]]:
    """Describe the pairs of one TF, and say which are correlated."""
    known = interventions.group != NO_GROUP
    perturbed = known & (interventions.dose[interventions.group, tf] != 0)
    controls = interventions.group == 0
    if controls.sum() < _FEWEST_CONTROLS:
        controls = known & ~perturbed
    control_mean = z[controls].mean(axis=0)
    features = np.empty((z.shape[1], 4))
    features[:, 0], features[:, 1] = control_mean[tf], control_mean
    cells = np.flatnonzero(controls)
    if perturbed.any():
        mean = z[perturbed].mean(axis=0)
        features[:, 2], features[:, 3] = mean[tf], mean
        n = min(len(cells), int(perturbed.sum()))
        # One perturbed cell and one control would be correlated whatever they are.
        drawn = cells if n < _FEWEST_CONTROLS else rng.choice(cells, n, replace=False)
        cells = np.concatenate([drawn, np.flatnonzero(perturbed)])
    else:
        features[:, 2], features[:, 3] = 0, np.nan
    centred = z[cells] - z[cells].mean(axis=0)
    scale = np.sqrt((centred**2).mean(axis=0))
    scale = np.where(scale > 0, scale, np.inf)
    correlation = (centred * centred[:, [tf]]).mean(axis=0) / (scale * scale[tf])
    return features, np.abs(correlation) > _LEAST_CORRELATION
