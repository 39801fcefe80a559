"""`grn evaluate`: judge an edge list beside its controls, with a truth or without one."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.cli.table import report
from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from grn.runs.held_out import FinishedRun

_HEADINGS = {
    "r2": "R²",
    "median_r2": "median R²",
    "above_random": "above random",
    "jaccard": "Jaccard",
    "spearman": "rank correlation",
}


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    evaluate = commands.add_parser("evaluate", help="judge an edge list beside its controls")
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument(
        "edges", metavar="EDGES|RUN", help="edges.tsv, another method's list, or a run folder"
    )
    evaluate.add_argument("--truth", metavar="FILE", help="known edges to judge by")
    evaluate.add_argument(
        "--cells", metavar="CELLS",
        help="held-out cells: how well top regulators predict them, and with --truth the controls "
        "that need expression",
    )  # fmt: skip
    evaluate.add_argument(
        "--k", type=int, default=10, metavar="N", help="regulators of each target that predict it"
    )
    evaluate.add_argument(
        "--groupby", metavar="KEY",
        help="column of obs: judge edges_by_group.tsv, or a list with a column group, by group",
    )  # fmt: skip
    evaluate.add_argument(
        "--halves", action="store_true",
        help="also find the networks of random halves of the cells, and compare them",
    )  # fmt: skip
    evaluate.add_argument("--seed", type=int, default=0, help="of partitions and random choices")
    evaluate.add_argument("--json", metavar="FILE", help="write the metrics here too")


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
        # The controls see the cells that the network was found on, where these are at hand.
        metrics = evaluate(edges, truth, adata if own_cells is None else own_cells)
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


def _check(options: argparse.Namespace) -> None:
    """Refuse what cannot be judged, before seconds of loading libraries."""
    if options.truth is None and options.cells is None:
        msg = (
            "there is nothing to judge the edges by. Give known edges (--truth FILE), cells that "
            "the network was not found on (--cells CELLS), or both."
        )
        raise InputError(msg)
    for name in ("halves", "groupby"):
        if getattr(options, name) and options.cells is None:
            msg = f"--{name} judges by cells. Give held-out ones with --cells CELLS."
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
        "A network is worth what it has above random regulators.",
    )
    return table


def _compare_halves(
    options: argparse.Namespace, run: "FinishedRun | None", edges: "pd.DataFrame", adata: "AnnData"
) -> "pd.DataFrame":
    """Print and return how alike the networks of halves of the cells are."""
    from grn.runs.halves import compare_halves

    table = compare_halves(adata, edges["source"].unique().tolist(), run, seed=options.seed)
    _print(
        table,
        f"Networks of two halves of {adata.n_obs} cells: their top {table['k'].iloc[0]} edges",
        "Alike is not true: what confounds two genes does so in both halves.",
    )
    return table


def _print(table: "pd.DataFrame", title: str, caption: str) -> None:
    """Print a tidy table with a row per method and a column per metric."""
    from rich.console import Console
    from rich.table import Table

    if "n_targets" in table:
        caption += " In brackets: targets left out."
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
    # A title of the table would be wrapped at its width.
    console = Console(highlight=False)
    console.print(title, soft_wrap=True)
    console.print(shown)
    console.print(caption, soft_wrap=True)


def _cell(values: "pd.DataFrame", metric: str) -> str:
    if metric not in values.index:
        return "–"
    value, spread = values.loc[metric, ["value", "spread"]]
    # NaN is not equal to itself.
    return f"{value:.3f}" + (f" ± {spread:.3f}" if spread == spread else "")
