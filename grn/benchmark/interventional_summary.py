"""The part of the summary on cells whose perturbations are known, by where the cells come from."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from grn.benchmark.direction import share_of
from grn.benchmark.judge import RANDOM
from grn.benchmark.markdown import label, markdown_table, number, spread
from grn.benchmark.methods import INTERVENTIONAL_METHODS, OURS
from grn.benchmark.summary import METRICS

_RANDOM_NETWORKS, _BOOLEAN, _DREAM4 = "random networks", "Boolean models", "DREAM4"
_ALL, _GEOMETRIC = "all models", "geometric mean"
_METRICS = {
    _DREAM4: ("auprc", "auprc_ratio", "direction_accuracy"),
    _RANDOM_NETWORKS: ("auprc_ratio", "direction_accuracy", "sign_accuracy"),
    _BOOLEAN: ("auprc_ratio", "direction_accuracy", "sign_accuracy"),
}
_ABOUT = {
    _DREAM4: "Size 100, one sample each: the wild type and all knock-outs, or all knock-downs "
    "too. All ordered pairs of genes are judged, as the challenge counted. The seeds are of the "
    "methods alone.",
    _RANDOM_NETWORKS: "12 TFs and 88 targets, all pairs of a TF and a gene. Columns: cells of "
    "each knock-out and of the controls, and the share of the TFs that is knocked out. "
    "Smaller screens are parts of the larger ones.",
    _BOOLEAN: "Each TF is a gene of the model; 30 cells of each knock-out and of the controls, "
    "half of the genes knocked out.",
}
_INTRODUCTION = (
    "Networks of cells whose perturbations are known (`grn.simulate_model` with knock-outs, and "
    "DREAM4). *Spherical* is told which genes were perturbed in which cells, and *without labels* "
    "is the same on the same cells without being told. *Mean difference* and *boosted means* are "
    "told; *Pearson*, *TF variance* and *random* are not."
)
_COMPARED = ("mean_difference", "without_labels")
_DIRECTION, _RATIO, _SIGN = "direction_accuracy", "auprc_ratio", "sign_accuracy"
_SIGN_NOTE = "A pair without a score counts as wrong, such as those of a TF that is not perturbed."
_DIRECTION_NOTE = (
    "Of the pairs that are true in one direction only, with 95 % intervals (Wilson); 0.5 is "
    "chance. The last row counts the pairs; those of one gene are not independent, and an "
    "interval may be too narrow."
)


def summarise_interventional(results: pd.DataFrame) -> str:
    """Write a section of Markdown: per source of cells and metric one table.

    Parameters
    ----------
    results
        Rows of `grn.benchmark.run.Outcome` of the regime `interventional`; at least one.
    """
    n_seeds = results["seed"].nunique()
    seeds = f"{n_seeds} seeds" if n_seeds > 1 else "one seed"
    said = ["## Interventional", _INTRODUCTION, f"Mean ± standard deviation over {seeds}."]
    sources = results["dataset"].map(_source)
    for source, metrics in _METRICS.items():
        part = results[sources == source]
        if part.empty:
            continue
        said += [f"### {source[0].upper()}{source[1:]}", _ABOUT[source]]
        for metric in metrics:
            said.append(f"#### {METRICS[metric]}, {source}")
            values = part[part["metric"] == metric]
            if metric == _DIRECTION:
                said += [_DIRECTION_NOTE, _directions(_by_column(values, source, pooled=True))]
            else:
                said += [_SIGN_NOTE] if metric == _SIGN else []
                pooled = metric != _RATIO
                said.append(_means(_by_column(values, source, pooled=pooled), metric))
    return "\n\n".join(said) + "\n"


def _source(dataset: str) -> str:
    model = dataset.split("/")[1]
    return {RANDOM: _RANDOM_NETWORKS, _DREAM4: _DREAM4}.get(model, _BOOLEAN)


def _by_column(values: pd.DataFrame, source: str, *, pooled: bool) -> pd.DataFrame:
    """Add the column of the table that a row belongs to; pooled: one for all Boolean models.

    Separately, the Boolean models have a column each, and another for their geometric mean.
    """
    names = values["dataset"].str.split("/").str[-1]
    if source == _RANDOM_NETWORKS:
        return values.assign(column=values["network"])
    if source == _DREAM4:
        return values.assign(column=names + ", " + values["network"])
    if pooled:
        return values.assign(column=_ALL)
    logs = values.assign(value=np.log(values["value"]), column=_GEOMETRIC)
    means = np.exp(logs.groupby(["method", "kind", "column", "seed"])["value"].mean())
    return pd.concat([values.assign(column=names), means.reset_index()])


def _order(values: pd.DataFrame) -> Iterator[tuple[str, str]]:
    """Yield the methods that have values, with their kind, in the order of the table."""
    kinds = values.groupby("method")["kind"].first()
    for name in (*(method.name for method in INTERVENTIONAL_METHODS), RANDOM):
        if name in kinds:
            yield name, kinds[name]


def _means(values: pd.DataFrame, metric: str) -> str:
    """Write the mean over seeds; of AUPRC ratios, also what ours has of the others'."""
    columns = values["column"].unique()
    by_seed = values.groupby(["method", "column", "seed"])["value"].mean().unstack("column")
    digits = 3 if metric == "auprc" else 2
    rows = []
    for name, kind in _order(values):
        rows.append([label(name, kind), *_spreads(by_seed.loc[name], columns, digits)])
    if metric == _RATIO:
        for other in _COMPARED:
            if {OURS, other} <= set(by_seed.index.get_level_values("method")):
                times = by_seed.loc[OURS] / by_seed.loc[other]
                said = f"{label(OURS, '')} / {other.replace('_', ' ')}"
                rows.append([said, *_spreads(times, columns, digits)])
    return markdown_table(["method", *columns], rows)


def _spreads(by_seed: pd.DataFrame, columns: Iterator[str], digits: int) -> Iterator[str]:
    for column in columns:
        yield spread(by_seed[column].mean(), by_seed[column].std(), digits)


def _directions(values: pd.DataFrame) -> str:
    """Write shares of all pairs of a column. Seeds add pairs where they have other networks."""
    columns = values["column"].unique()
    values = values.assign(right=values["value"] * values["n_one_way"])
    keys = ["method", "column", "dataset", "network"]
    by_network = values.groupby(keys).agg(right=("right", "mean"), n=("n_one_way", "first"))
    pooled = by_network.groupby(["method", "column"]).sum()
    rows = []
    for name, kind in _order(values):
        if name != RANDOM:
            cells = [_share(*pooled.loc[(name, column)]) for column in columns]
            rows.append([label(name, kind), *cells])
    counts = pooled.groupby("column")["n"].first()
    rows.append(["pairs", *(str(int(counts[column])) for column in columns)])
    return markdown_table(["method", *columns], rows)


def _share(right: float, n: float) -> str:
    if n == 0:
        return "–"
    found = share_of(right, int(n))
    mean, low, high = (number(value, 2) for value in found[:3])
    return f"{mean} [{low}, {high}]"
