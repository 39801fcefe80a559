"""The part of the summary on knock-outs: per metric one table, by experiment."""

import pandas as pd

from grn.benchmark.knockouts import ALONE, METRICS
from grn.benchmark.markdown import label, markdown_table, spread

_INTRODUCTION = (
    "Responses to knock-outs that were left out, by `grn.tl.knock_out` and its controls, among "
    "the genes that respond; means over knock-outs. *Mean response* is that to all other "
    "knock-outs, which nobody has who has control cells alone; *correlation* is that with the "
    "knocked gene, times its change; *no network* is the same propagation over a ridge regression "
    "that shrinks to 0 instead of to the network; *shuffled targets* is the same propagation over "
    "the same coefficients, dealt out to other targets."
)


def summarise_knockouts(results: pd.DataFrame) -> str:
    """Write a section of Markdown: per metric one table with a column for every experiment.

    Parameters
    ----------
    results
        Rows of `grn.benchmark.run.Outcome` of the regime `knock_outs`; at least one.
    """
    said = ["## Knock-outs", _INTRODUCTION]
    for metric, title in METRICS.items():
        values = results[results["metric"] == metric]
        columns = list(dict.fromkeys(zip(values["dataset"], values["network"], strict=True)))
        kinds = values.groupby("method", sort=False)["kind"].first()
        rows = []
        for name, kind in kinds.items():
            of_method = values[values["method"] == name].groupby(["dataset", "network"])["value"]
            found = of_method.agg(["mean", "std"])
            means, sds = found["mean"], found["std"]
            cells = [spread(means[column], sds[column], 2) for column in columns]
            rows.append([label(str(name), kind), *cells])
        counts = values.drop_duplicates(["dataset", "network", "seed"])
        per_column = counts.groupby(["dataset", "network"])["n_candidates"].sum()
        rows.append(["knock-outs", *(str(per_column.loc[column]) for column in columns)])
        header = [_heading(*column) for column in columns]
        said += [f"### {title}", markdown_table(["method", *header], rows)]
    return "\n\n".join(said) + "\n"


def _heading(dataset: str, trained_on: str) -> str:
    name = dataset.partition("/")[2]
    return name if trained_on == ALONE else f"{name}, others known"
