"""`grn evaluate`: judge an edge list beside its controls."""

import argparse
import json
from typing import Any

from grn.cli.table import report


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    evaluate = commands.add_parser("evaluate", help="judge an edge list beside its controls")
    evaluate.set_defaults(command=_evaluate)
    evaluate.add_argument("edges", metavar="EDGES", help="edges.tsv, or another method's list")
    evaluate.add_argument("--truth", metavar="FILE", required=True, help="known edges")
    evaluate.add_argument("--cells", metavar="CELLS", help="adds controls that need expression")
    evaluate.add_argument("--json", metavar="FILE", help="write the metrics here too")


def _evaluate(options: argparse.Namespace) -> None:
    from grn.edges.read import read_edges, read_truth
    from grn.evaluation import evaluate, evaluate_json
    from grn.files import replacing

    edges, truth = read_edges(options.edges), read_truth(options.truth)
    adata = None
    if options.cells is not None:
        from grn.data.preprocessing.preprocess import preprocess
        from grn.data.reading.read import read_cells

        adata = preprocess(read_cells(options.cells))
    metrics = evaluate(edges, truth, adata)
    report(metrics, None)
    if options.json is not None:
        with replacing(options.json) as temporary:
            temporary.write_text(json.dumps(evaluate_json(metrics), indent=2) + "\n")
