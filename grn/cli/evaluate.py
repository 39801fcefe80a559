"""`grn evaluate` scores an edge list and its controls, with known edges or without."""

import argparse
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.cli.table import report
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from grn.runs.held_out import FinishedRun

logger = logging.getLogger(__name__)

_HEADINGS = {
    "r2": "R²",
    "median_r2": "median R²",
    "above_random": "above random",
    "jaccard": "Jaccard",
    "spearman": "rank correlation",
}


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    evaluate = commands.add_parser("evaluate", help="score an edge list and its controls")
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument(
        "edges", metavar="EDGES|RUN", help="edges.tsv, another method's list, or a run folder"
    )
    evaluate.add_argument("--truth", metavar="FILE", help="known edges to evaluate against")
    evaluate.add_argument(
        "--prior", metavar="FILE|NAME",
        help="known edges that guided the list, judged by themselves beside it; of a run folder "
        "its own",
    )  # fmt: skip
    evaluate.add_argument(
        "--cells", metavar="CELLS",
        help="held-out cells, to measure how well top regulators predict their expression; with "
        "--truth also for the controls that need expression",
    )  # fmt: skip
    evaluate.add_argument(
        "--k",
        type=int,
        default=10,
        metavar="N",
        help="number of top regulators that predict each target (default: 10)",
    )
    evaluate.add_argument(
        "--groupby", metavar="KEY",
        help="column of obs: evaluate edges_by_group.tsv, or a list with a column group, by group",
    )  # fmt: skip
    evaluate.add_argument(
        "--halves", action="store_true",
        help="also infer the networks of random halves of the cells, and compare them",
    )  # fmt: skip
    evaluate.add_argument(
        "--seed", type=int, default=0, help="seed of partitions and random choices (default: 0)"
    )
    evaluate.add_argument("--json", metavar="FILE", help="also write the metrics to this file")


def _evaluate(options: argparse.Namespace) -> None:
    _check(options)
    from grn.edges.read import read_edges, read_truth
    from grn.evaluation import evaluate, evaluate_json, predictability_json
    from grn.files import replacing

    run = None
    if Path(options.edges).is_dir():
        from grn.runs.held_out import open_run

        run = open_run(options.edges)
    edges = read_edges(options.edges if run is None else run.edges)
    truth = None if options.truth is None else read_truth(options.truth)
    adata = None
    if options.cells is not None:
        from grn.runs.held_out import read_held_out

        adata = read_held_out(options.cells, run, edges["source"].unique().tolist())
    own_cells = None if run is None else run.own_cells
    judged: dict[str, Any] = {}
    if truth is not None:
        # The controls use the cells that the network was inferred from, if they are available.
        extra = _prior_alone(options, run, edges, truth)
        metrics = evaluate(edges, truth, adata if own_cells is None else own_cells, extra=extra)
        report(metrics, None)
        judged |= evaluate_json(metrics)
    if adata is not None:
        table = _predict(options, run, edges, adata)
        judged["predictability"] = predictability_json(table)
        if options.halves:
            judged["halves"] = predictability_json(_compare_halves(options, run, edges, adata))
    if options.json is not None:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(judged, indent=2) + "\n")


def _prior_alone(
    options: argparse.Namespace,
    run: "FinishedRun | None",
    edges: "pd.DataFrame",
    truth: "pd.DataFrame",
) -> "dict[str, pd.DataFrame]":
    """Return the prior as one more list to judge, and warn where it holds much of the truth."""
    settings: dict[str, Any] = {} if run is None else run.settings
    named = options.prior if options.prior is not None else settings.get("prior")
    if named is None:
        return {}
    from grn.evaluation import warn_of_overlap
    from grn.inference.prior import prior_edges, read_prior
    from grn.names.symbols import read_aliases

    data = settings.get("data") or {}
    tfs = edges["source"].unique().tolist()
    genes = list(dict.fromkeys([*tfs, *edges["target"]]))
    try:
        aliases = None if data.get("aliases") is None else read_aliases(data["aliases"])
        prior = read_prior(named, genes, species=data.get("tfs"), aliases=aliases)
    except InputError as error:
        if options.prior is not None:
            raise
        logger.warning("the prior of the run is not judged, since it is not here: %s", error)
        return {}
    warn_of_overlap(prior, truth, genes)
    return {"prior": prior_edges(prior, tfs, genes)}


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be judged, before seconds of loading libraries."""
    if options.truth is None and options.cells is None:
        msg = (
            "there is nothing to judge the edges by. Give known edges (--truth FILE), cells that "
            "the network was not found on (--cells CELLS), or both."
        )
        raise InputError(msg)
    if options.prior is not None and options.truth is None:
        msg = "--prior is judged by known edges. Give them with --truth FILE."
        raise InputError(msg)
    for name in ("halves", "groupby"):
        if getattr(options, name) and options.cells is None:
            msg = f"--{name} needs cells. Give held-out ones with --cells CELLS."
            raise InputError(msg)
    if options.k < 1:
        msg = f"--k is {options.k}; expected at least 1 regulator per target."
        raise InputError(msg)


def _predict(
    options: argparse.Namespace, run: "FinishedRun | None", edges: "pd.DataFrame", adata: "AnnData"
) -> "pd.DataFrame":
    """Print and return how well top regulators predict the cells."""
    from grn.evaluation import predictability

    fit_on = None if run is None else run.own_cells
    judged: Any = edges
    if options.groupby is not None:
        judged = options.edges if run is None else run.by_group
    table = predictability(
        judged, adata, fit_on, options.k, groupby=options.groupby, seed=options.seed
    )
    fitted = "other parts of these cells" if fit_on is None else "the run's cells"
    _print(
        table,
        f"Expression of {adata.n_obs} cells from the top {options.k} regulators, fitted on "
        f"{fitted}",
        "A network is informative as far as it exceeds random regulators.",
    )
    return table


def _compare_halves(
    options: argparse.Namespace, run: "FinishedRun | None", edges: "pd.DataFrame", adata: "AnnData"
) -> "pd.DataFrame":
    """Print and return how similar the networks of halves of the cells are."""
    from grn.runs.halves import compare_halves

    table = compare_halves(adata, edges["source"].unique().tolist(), run, seed=options.seed)
    _print(
        table,
        f"Networks of two halves of {adata.n_obs} cells: their top {table['k'].iloc[0]} edges",
        "Agreement is not correctness: a confounder acts in both halves alike.",
    )
    return table


def _print(table: "pd.DataFrame", title: str, caption: str) -> None:
    """Print a tidy table with a row per method and a column per metric."""
    from rich.table import Table

    from grn.cli.output import Output

    if "n_targets" in table:
        caption += " Targets left out are in brackets."
    shown = Table()
    by_group = "group" in table
    if by_group:
        shown.add_column("group", no_wrap=True)
    shown.add_column("", no_wrap=True)
    metrics = table["metric"].unique()
    for metric in metrics:
        shown.add_column(_HEADINGS[metric], justify="right", no_wrap=True)
    if "n_targets" in table:
        shown.add_column("targets", justify="right", no_wrap=True)
    keys = ["group", "method"] if by_group else ["method"]
    for key, rows in table.groupby(keys, sort=False):
        values = rows.set_index("metric")
        cells = [_cell(values, metric) for metric in metrics]
        if "n_targets" in table:
            cells.append(f"{rows['n_targets'].iloc[0]} ({rows['n_left_out'].iloc[0]})")
        shown.add_row(*map(str, key), *cells, style="bold" if key[-1] == "network" else None)
    # As a title of the table this text would be wrapped at the width of the table.
    console = Output(highlight=False)
    console.print(title, soft_wrap=True)
    console.print(shown)
    console.print(caption, soft_wrap=True)


def _cell(values: "pd.DataFrame", metric: str) -> str:
    if metric not in values.index:
        return "–"
    value, spread = values.loc[metric, ["value", "spread"]]
    # The comparison is false for NaN.
    return f"{value:.3f}" + (f" ± {spread:.3f}" if spread == spread else "")
