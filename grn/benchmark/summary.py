"""The summary of a benchmark: ranks, and a Markdown table per metric and collection."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from grn.benchmark.direction import summarise_directions
from grn.benchmark.markdown import label, markdown_table, network_label, number, spread
from grn.benchmark.methods import CONTROL, METHOD
from grn.data.datasets.catalogue import study_of
from grn.data.datasets.corpus import COLLECTION as CORPUS

METRICS = {
    "auprc_ratio": "AUPRC ratio",
    "auprc": "AUPRC",
    "auroc": "AUROC",
    "early_precision_ratio": "Early precision ratio",
    "per_tf_auroc": "Per-TF AUROC",
    "sign_accuracy": "Sign accuracy",
    "signed_early_precision_ratio": "Signed early precision ratio",
    "direction_accuracy": "Direction accuracy",
    "top_k_jaccard": "Jaccard index of the top k across seeds",
}
_NOTES = {
    "signed_early_precision_ratio": "An edge counts only with the right sign; 1 is a random "
    "ranking with random signs.",
    "direction_accuracy": "Of the pairs of TFs that are true in one direction only; a score that "
    "is the same both ways has 0.5.",
    "top_k_jaccard": "k is the number of true edges; 1 where nothing is drawn.",
}


def overview(results: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods by the geometric mean of their AUPRC ratios over all networks.

    The mean does not include the corpus, unless nothing else was run.

    Returns
    -------
    One row per method, index `method`, methods from best to worst, then the controls. Columns:
    `kind`; `rank` (NaN of controls); `mean` and `sd` over seeds of the geometric mean over
    networks, NaN where a network has no result; `seconds`, of one seed, the data sets of that mean
    together, NaN likewise; the mean of each collection under its name; and beside that of cells
    that were measured the mean of their per-TF AUROC.
    """
    values = results.assign(collection=results["dataset"].str.partition("/")[0])
    ratios = values[values["metric"] == "auprc_ratio"]
    ranking = ratios[_ranks(ratios)]
    means = _geometric_mean(ranking).groupby("method")
    table = means.agg(["mean", "std"]).rename(columns={"std": "sd"})
    table = table.reindex(ratios["method"].unique())
    table["kind"] = ratios.groupby("method")["kind"].first()
    per_job = ranking.drop_duplicates(["method", "seed", "dataset"])
    by_dataset = per_job.set_index(["method", "seed", "dataset"])["seconds"].unstack()
    table["seconds"] = by_dataset.sum(axis=1, skipna=False).groupby("method").mean()
    for collection, part in ratios.groupby("collection", sort=False):
        table[collection] = _geometric_mean(part).groupby("method").mean()
        if any(map(study_of, part["dataset"].unique())):
            chosen = (values["metric"] == "per_tf_auroc") & (values["collection"] == collection)
            by_seed = _mean(values[chosen], values.loc[chosen, "value"])
            table[f"{collection}, per-TF AUROC"] = by_seed.groupby("method").mean()
    table = table.sort_values("mean", ascending=False, kind="stable")
    table["rank"] = table["mean"].where(table["kind"] == METHOD).rank(ascending=False)
    return pd.concat([table[table["kind"] == kind] for kind in (METHOD, CONTROL)])


def _ranks(rows: pd.DataFrame) -> pd.Series:
    """Mark the rows of networks that rank the methods: all but the corpus, if there are others."""
    is_corpus = rows["dataset"].str.startswith(f"{CORPUS}/")
    return ~is_corpus | is_corpus.all()


def _geometric_mean(ratios: pd.DataFrame) -> pd.Series:
    """Return the geometric mean over networks by method and seed; NaN if one has no result."""
    return np.exp(_mean(ratios, np.log(ratios["value"])))


def _mean(rows: pd.DataFrame, values: pd.Series) -> pd.Series:
    """Return the mean over networks by method and seed; NaN if one has no result.

    For the corpus the mean is taken within each study, then over studies, since data sets of one
    study are similar cells.
    """
    keys = ["method", "seed", "dataset", "network"]
    wide = rows.assign(value=values).set_index(keys)["value"].unstack(["dataset", "network"])
    groups = pd.Series(
        [
            study_of(dataset) if dataset.startswith(f"{CORPUS}/") else f"{dataset}/{network}"
            for dataset, network in wide.columns
        ],
        wide.columns,
    )
    weights = 1 / (groups.map(groups.value_counts()) * groups.nunique())
    return (wide * weights).sum(axis=1, skipna=False)


def summarise(
    results: pd.DataFrame,
    *,
    command: str,
    skipped: Sequence[str] = (),
    failed: Sequence[str] = (),
) -> str:
    """Write the tables as Markdown.

    Parameters
    ----------
    results
        As in `grn.benchmark.run.Outcome`, of one regime.
    command, skipped, failed
        As in `introduce`.
    """
    introduction = introduce(command=command, skipped=skipped, failed=failed)
    if results.empty:
        return f"{introduction}\nNo results.\n"
    ranked = overview(results)
    n_seeds = results["seed"].nunique()
    seeds = f"{n_seeds} seeds" if n_seeds > 1 else "one seed"
    said = [
        introduction.rstrip(),
        f"Mean ± standard deviation over {seeds}. Controls (in italics) stand below the methods; "
        "a score means something only above its controls. `–`: undefined, or no result. Seconds "
        "are those of one core, unless jobs ran one after another (`n_jobs=1`).",
    ]
    said += ["## Overall", *_on_corpus(results), _overview_table(ranked)]
    by_metric = dict(tuple(results.groupby("metric")))
    for metric in filter(by_metric.__contains__, METRICS):
        if tables := _metric_tables(by_metric[metric], ranked):
            said.append(f"## {METRICS[metric]}")
            said += [_NOTES[metric]] if metric in _NOTES else []
            said += tables
            if metric == "direction_accuracy":
                said += summarise_directions(by_metric[metric], ranked)
    said += ["## Networks", _networks_table(results)]
    return "\n\n".join(said) + "\n"


def _on_corpus(results: pd.DataFrame) -> list[str]:
    """Say what the column of the corpus is a mean of, and that it ranks nothing."""
    networks = results[["dataset", "network"]].drop_duplicates()
    inside = networks["dataset"].str.startswith(f"{CORPUS}/")
    if not inside.any():
        return []
    n_studies = len({study_of(dataset) for dataset in networks.loc[inside, "dataset"]})
    n_others = int((~inside).sum())
    apart = f" Rank, geometric mean and seconds are of the other {n_others} networks alone."
    return [
        f"{CORPUS}: real cells of {n_studies} studies, {inside.sum()} networks; mean within each "
        f"study, then over studies.{apart if n_others else ''}"
    ]


def introduce(*, command: str, skipped: Sequence[str] = (), failed: Sequence[str] = ()) -> str:
    """Write what stands above the tables of all regimes.

    Parameters
    ----------
    command
        Command that reproduces the results.
    skipped, failed
        Parts without rows, and the reasons.
    """
    said = [f"    {command}"]
    said += [f"Skipped: {one}." for one in skipped]
    said += [f"**Failed:** {one}" for one in failed]
    return "\n\n".join(said) + "\n"


def _overview_table(ranked: pd.DataFrame) -> str:
    fixed = {"kind", "mean", "sd", "seconds", "rank"}
    collections = [column for column in ranked if column not in fixed]
    header = ["rank", "method", "geometric mean of AUPRC ratios", *collections, "seconds per seed"]
    rows = [
        [
            number(row["rank"], 0),
            label(str(name), row["kind"]),
            spread(row["mean"], row["sd"], 3),
            *(number(row[collection], 3) for collection in collections),
            number(row["seconds"], 0 if row["seconds"] >= 10 else 2),
        ]
        for name, row in ranked.iterrows()
    ]
    return markdown_table(header, rows, n_names=2)


def _metric_tables(values: pd.DataFrame, ranked: pd.DataFrame) -> list[str]:
    """Write one table per collection of data sets, with a column per network that has a number."""
    by_cell = values.groupby(["method", "dataset", "network"])["value"]
    cells: Mapping[tuple[str, ...], pd.Series] = {
        key: group for key, group in by_cell if group.notna().any()
    }
    networks = values[["dataset", "network"]].drop_duplicates().itertuples(index=False, name=None)
    defined = {(dataset, network) for _, dataset, network in cells}
    collections: dict[str, list[tuple[str, str]]] = {}
    for dataset, network in filter(defined.__contains__, networks):
        collections.setdefault(dataset.partition("/")[0], []).append((dataset, network))
    tables = []
    for collection, members in collections.items():
        header = [collection, *(network_label(*member) for member in members)]
        rows = []
        for name, kind in ranked["kind"].items():
            found = [cells.get((str(name), *member)) for member in members]
            spreads = ["–" if f is None else spread(f.mean(), f.std(), 3) for f in found]
            rows.append([label(str(name), kind), *spreads])
        tables.append(markdown_table(header, rows))
    return tables


def _networks_table(results: pd.DataFrame) -> str:
    facts = results.drop_duplicates(["dataset", "network"])
    rows = [
        [f"{row.dataset}/{row.network}", f"{row.n_candidates:,}", f"{row.density:.4f}"]
        for row in facts.itertuples()
    ]
    return markdown_table(["network", "candidate pairs", "density"], rows)
