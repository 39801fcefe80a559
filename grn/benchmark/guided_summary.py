"""The part of the summary on regimes with known edges: our method beside its baselines."""

import pandas as pd

from grn.benchmark.markdown import label, markdown_table, network_label, spread
from grn.benchmark.methods import CONTROL, OURS
from grn.benchmark.regimes import SUPERVISED
from grn.benchmark.summary import METRICS

_METRICS = ("auroc", "auprc", "auprc_ratio")
# Columns before and after the methods without known edges; other controls are in the results.
_FIRST, _LAST = ("degree", "walk", "prior"), ("untrained", "random", OURS)
_NOT_SHOWN = ("target_mean", "tf_variance")
_NOTES = (
    "Edges are known here: part of a network (the name of its split), whose test part judges, or "
    "another network of the same cells (`prior_guided`). *degree*, *walk* and *prior* see the "
    "known edges and no cell, the other controls cells and no edge. A score that is not above "
    "*degree* and *walk* has learnt nothing about regulation.",
    "`matched`: test edges, each with one false pair of the same TF and of a target of equal "
    "degrees in the training part; by degrees alone they cannot be told apart (AUROC 0.5).",
)


def summarise_guided(results: pd.DataFrame) -> str:
    """Write a section of Markdown: per metric one table, in it a row per network and regime.

    Parameters
    ----------
    results
        Rows of `grn.benchmark.run.Outcome` of regimes in which edges are known; at least one.
    """
    n_seeds = results["seed"].nunique()
    seeds = f"{n_seeds} seeds" if n_seeds > 1 else "one seed"
    said = ["## Known edges", *_NOTES, f"Mean ± standard deviation over {seeds}."]
    for metric in _METRICS:
        values = results[results["metric"] == metric]
        said += [f"### {METRICS[metric]}, known edges", _table(values)]
    return "\n\n".join(said) + "\n"


def _table(values: pd.DataFrame) -> str:
    found = set(values["method"])
    blind = [
        name for name in values["method"].unique() if name not in (*_FIRST, *_LAST, *_NOT_SHOWN)
    ]
    shown = [name for name in (*_FIRST, *blind, *_LAST) if name in found]
    keys = ["dataset", "network", "regime"]
    over_seeds = values.groupby([*keys, "method"])["value"].agg(["mean", "std"])
    rows = []
    for dataset, network, regime in values[keys].drop_duplicates().itertuples(index=False):
        row = over_seeds.loc[dataset, network, regime].reindex(shown)
        spreads = [spread(one.mean, one.std, 3) for one in row.itertuples(index=False)]
        rows.append([network_label(dataset, network), regime.removeprefix(SUPERVISED), *spreads])
    names = [f"**{label(OURS, '')}**" if name == OURS else label(name, CONTROL) for name in shown]
    return markdown_table(["network", "known", *names], rows, n_names=2)
