"""Judges predicted responses to knock-outs that were left out, beside controls."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from grn.benchmark.failures import Failures
from grn.benchmark.knockout_data import Experiment, find_dream4, read_dream4, simulate_knockouts
from grn.benchmark.methods import CONTROL, METHOD
from grn.benchmark.ours import spherical
from grn.benchmark.regimes import KNOCK_OUTS
from grn.data.reading.read import read_cells
from grn.edges.matrix import locate
from grn.simulation.models import RANDOM
from grn.tools.propagation import fit_regression, propagate

SIMULATED = (RANDOM, "HSC", "GSD", "VSC")
ALONE, BESIDE_OTHERS = "control cells", "controls and other knock-outs"
OURS = "knock_out"
METRICS = {
    "response_sign_accuracy": "Share of responses whose sign is right",
    "response_rank_correlation": "Rank correlation of predicted and true responses",
}
"""What is measured, as the tables say it."""
_MOST_LEFT_OUT = 4
_CHANCE = 0.5
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Trained:
    """What is learned from some cells of an experiment; in standard deviations of these cells."""

    own: Int[np.ndarray, " n_tfs"]
    coefficients: dict[str, Float[np.ndarray, "n_tfs n_genes"]]
    """Of every way to propagate, by name."""
    correlation: Float[np.ndarray, "n_tfs n_genes"]
    start: Float[np.ndarray, " n_genes"]
    """Mean of the controls."""
    low: Float[np.ndarray, " n_genes"]
    """Least and most expression."""
    high: Float[np.ndarray, " n_genes"]
    none: Float[np.ndarray, " n_genes"]
    """No expression."""
    sd: Float[np.ndarray, " n_genes"]

    @classmethod
    def fit(cls, experiment: Experiment, cells: np.ndarray, seed: int) -> "Trained":
        """Find the network of some cells, given as a mask, and fit the regressions."""
        roots, own = experiment.roots[cells], locate(experiment.tfs, experiment.adata.var_names)
        mean, sd = roots.mean(axis=0), roots.std(axis=0)
        sd = np.where(sd > 0, sd, 1)
        z = (roots - mean) / sd
        weights = np.asarray(
            spherical(experiment.adata[cells].copy(), experiment.tfs, seed=seed).weight, float
        )
        fitted = fit_regression(z, own, weights).coefficients
        shuffled = fitted[:, np.random.default_rng(seed).permutation(fitted.shape[1])]
        shuffled[np.arange(len(own)), own] = 0
        without = fit_regression(z, own, np.zeros_like(weights)).coefficients
        return cls(
            own=own,
            coefficients={OURS: fitted, "no_network": without, "shuffled_targets": shuffled},
            correlation=z[:, own].T @ z / len(z),
            start=z[experiment.knocked[cells] < 0].mean(axis=0),
            low=z.min(axis=0),
            high=z.max(axis=0),
            none=-mean / sd,
            sd=sd,
        )

    def predict(self, gene: int) -> dict[str, Float[np.ndarray, " n_genes"]]:
        """Return the response of every gene to the loss of one, by method."""
        shift = (self.none - self.start)[None]
        clamped = np.arange(len(self.start)) == gene
        bounds = (self.low - self.start)[None], (self.high - self.start)[None]
        found = {
            name: propagate(b, self.own, clamped, shift, bounds).response[0]
            for name, b in self.coefficients.items()
        }
        of_gene = self.correlation[np.flatnonzero(self.own == gene)[0]]
        return found | {"correlation": of_gene * shift[0, gene]}


def knockout_rows(seeds: Sequence[int], failures: Failures) -> Rows:
    """Predict knock-outs that were left out, and judge the responses.

    Every seed has simulated cells of its own. There, methods learn from control cells, or from
    these and all other knock-outs; for time, at most four knock-outs of each network are then
    left out in turn. In DREAM4, one sample per knock-out, they learn from the wild type and all
    other knock-outs, with the first seed: it shuffles targets, and nothing else is drawn.

    Parameters
    ----------
    seeds
        Of the simulated cells and the shuffled targets.
    failures
        Where an experiment is noted that cannot be judged.

    Returns
    -------
    Rows of `grn.benchmark.run.COLUMNS`, each the mean over the knock-outs of an experiment;
    `network` says what was learned from, `n_candidates` counts the knock-outs.
    """
    rows: Rows = []
    for model in SIMULATED:
        for seed in seeds:
            with failures.caught(f"{KNOCK_OUTS}/{model}, seed {seed}"):
                experiment = simulate_knockouts(model, seed)
                rows += judge(experiment, seed, others=False)
                rows += judge(experiment, seed, others=True, most=_MOST_LEFT_OUT)
    for folder in find_dream4():
        with failures.caught(f"{KNOCK_OUTS}/{folder.name}"):
            cells = read_cells(folder / "expression.h5ad")
            rows += judge(read_dream4(cells, folder.name), seeds[0], others=True)
    return rows


def judge(experiment: Experiment, seed: int, *, others: bool, most: int | None = None) -> Rows:
    """Predict the knock-outs of an experiment; return the mean of each metric, by method.

    Parameters
    ----------
    experiment
        From `grn.benchmark.knockout_data`.
    seed
        Shuffles targets, and draws the knock-outs that are left out.
    others
        Whether the other knock-outs are learned from, so that each needs a fit of its own.
    most
        How many knock-outs are left out at most; None: all.
    """
    genes = sorted(np.random.default_rng(seed).permutation([*experiment.responds])[:most].tolist())
    values: dict[tuple[str, str], list[float]] = {}
    controls = experiment.knocked < 0
    trained = None if others else Trained.fit(experiment, controls, seed)
    for gene in genes:
        known = trained or Trained.fit(experiment, experiment.knocked != gene, seed)
        at = experiment.responds[gene]
        true = experiment.response(gene) / known.sd
        others_mean = experiment.mean_response(gene) / known.sd
        predicted = known.predict(gene) | {"mean_response": others_mean}
        for name, response in predicted.items():
            for metric, value in score(response[at], true[at]).items():
                values.setdefault((name, metric), []).append(value)
    return [
        {
            "method": name,
            "kind": METHOD if name == OURS else CONTROL,
            "dataset": f"{KNOCK_OUTS}/{experiment.name}",
            "network": BESIDE_OTHERS if others else ALONE,
            "regime": KNOCK_OUTS,
            "seed": seed,
            "metric": metric,
            "value": float(np.mean(found)),
            "n_candidates": len(found),
        }
        for (name, metric), found in values.items()
    ]


def score(
    predicted: Float[np.ndarray, " n_genes"], true: Float[np.ndarray, " n_genes"]
) -> dict[str, float]:
    """Return the share of signs that are right and Spearman's rank correlation.

    A prediction of 0 is half right; a constant one has a rank correlation of 0.
    """
    right = np.where(predicted == 0, _CHANCE, np.sign(predicted) == np.sign(true))
    constant = np.ptp(predicted) == 0
    rank = 0.0 if constant else float(stats.spearmanr(predicted, true).statistic)
    return dict(zip(METRICS, (float(right.mean()), rank), strict=True))
