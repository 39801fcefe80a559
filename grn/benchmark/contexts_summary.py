"""The part of the summary on networks per group of cells: per metric one table, by group size."""

import pandas as pd

from grn.benchmark.judge import RANDOM
from grn.benchmark.markdown import label, markdown_table, spread
from grn.benchmark.methods import CONTEXT_METHODS
from grn.benchmark.summary import METRICS

_METRICS = {
    "auprc_ratio": METRICS["auprc_ratio"],
    "sign_accuracy": METRICS["sign_accuracy"],
    "differing_auprc_ratio": "AUPRC ratio of which group has the edge",
    "specific_auprc_ratio": "AUPRC ratio of edges that not all groups have",
}
_NOTES = {
    "auprc_ratio": "Each group by its own edges, among all pairs of a TF and a gene that occur in "
    "the truth of any group.",
    "sign_accuracy": "Of the edges of the group; 0.5 is chance.",
    "differing_auprc_ratio": "Among the edges that some groups have and others do not, those of "
    "this group are true. What ranks is how far the score of the group, standardised over all "
    "pairs, is above its mean over the groups; 1 where a method says the same of all groups.",
    "specific_auprc_ratio": "The same ranking among all pairs: the edges that this group and not "
    "all groups have are true. It also asks where groups differ.",
}
_INTRODUCTION = (
    "Simulated cells of groups of unequal sizes that share a part of their network: a third of "
    "the edges is absent from some of the groups (`grn.simulation.simulate_contexts`). "
    "*Pooled* is one network of all cells, *pooled centred* the same of cells centred within "
    "their group, *alone* the network of the cells of one group, *partial pooling* what a group "
    "has when groups are named (`groupby`)."
)


def summarise_contexts(results: pd.DataFrame) -> str:
    """Write a section of Markdown: per metric one table with a column for every group size.

    Parameters
    ----------
    results
        Rows of `grn.benchmark.run.Outcome` of the regime `contexts`; at least one.
    """
    n_seeds = results["seed"].nunique()
    n_sets = results["dataset"].nunique() // n_seeds
    seeds = f"{n_seeds} seeds" if n_seeds > 1 else "one seed"
    said = [
        "## Contexts: a network per group",
        _INTRODUCTION,
        f"Mean ± standard deviation over {seeds}, each the mean of {n_sets} sets of groups; a "
        "seed has sets of its own.",
    ]
    for metric, title in _METRICS.items():
        values = results[results["metric"] == metric]
        said += [f"### {title}, contexts", _NOTES[metric], _table(values)]
    return "\n\n".join(said) + "\n"


def _table(values: pd.DataFrame) -> str:
    sizes = values["network"].unique()
    by_seed = values.groupby(["method", "network", "seed"])["value"].mean()
    over_seeds = by_seed.groupby(["method", "network"]).agg(["mean", "std"])
    kinds = values.groupby("method")["kind"].first()
    rows = []
    for name in (*(method.name for method in CONTEXT_METHODS), RANDOM):
        if name in kinds:
            row = over_seeds.loc[name].reindex(sizes)
            cells = [spread(one.mean, one.std, 2) for one in row.itertuples(index=False)]
            rows.append([label(name, kinds[name]), *cells])
    return markdown_table(["method", *sizes], rows)
