"""`grn show` prints the regulators of a gene, or the targets of a TF, in a result."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

_EDGES, _EDGES_BY_GROUP = "edges.tsv", "edges_by_group.tsv"


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    show = commands.add_parser(
        "show",
        help="show the regulators of a gene or the targets of a TF",
        epilog="A positive weight means activation, a negative one repression.",
    )
    show.set_defaults(command=_show)
    show.add_argument("run", metavar="RUN", help="folder of a result, or a table of edges")
    asked = show.add_mutually_exclusive_group(required=True)
    asked.add_argument("--gene", metavar="NAME", help="show what regulates this gene")
    asked.add_argument("--tf", metavar="NAME", help="show what this TF regulates")
    show.add_argument("--group", metavar="NAME", help="use the network of this group of cells")
    show.add_argument(
        "--top", type=int, default=10, metavar="N", help="number of edges (default: 10)"
    )


def _show(options: argparse.Namespace) -> None:
    from grn.edges.load import load
    from grn.tools.neighbours import regulators_of, targets_of

    edges, _ = load(table_in(Path(options.run), options.group))
    chosen = {"top": options.top, "group": options.group}
    if options.gene is not None:
        title = f"Regulators of {options.gene}"
        found = regulators_of(edges, options.gene, **chosen)
    else:
        title = f"Targets of {options.tf}"
        found = targets_of(edges, options.tf, **chosen)
    _print(found, title if options.group is None else f"{title} in {options.group}")


def table_in(run: Path, group: str | None) -> Path:
    """Return the file of edges: that of the run, of the group, or the given table."""
    if not run.is_dir():
        return run
    path = run / (_EDGES if group is None else _EDGES_BY_GROUP)
    if path.exists():
        return path
    if group is not None and (run / _EDGES).exists():
        msg = (
            f"{run} has no networks by group ({_EDGES_BY_GROUP}). Leave --group out, or run "
            "grn infer with --groupby."
        )
    else:
        msg = f"{run} holds no {path.name}. Expected the folder of a finished grn infer."
    raise InputError(msg)


def _print(edges: "pd.DataFrame", title: str) -> None:
    from rich.table import Table

    from grn.cli.output import Output

    table = Table(title=title)
    for name in edges:
        text = name in ("source", "target")
        table.add_column(str(name), justify="left" if text else "right", no_wrap=text)
    for row in edges.itertuples(index=False):
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row))
    Output().print(table)
