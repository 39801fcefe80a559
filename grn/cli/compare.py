"""`grn compare` tests which edges differ between two groups of cells of a finished run."""

import argparse
from pathlib import Path
from typing import Any

_SHOWN, _FDR = 20, 0.05  # conventional; --output writes all edges


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    compare = commands.add_parser(
        "compare",
        help="test which edges differ between two groups of cells",
        epilog="Example: grn compare RUN Treg --reference Tconv --replicate donor "
        "--output differences.tsv",
    )
    compare.set_defaults(command=_compare)
    compare.add_argument("run", metavar="RUN", help="folder of grn infer ... --groupby KEY")
    compare.add_argument("group", metavar="GROUP", help="a group of that column")
    compare.add_argument(
        "--reference", metavar="GROUP", help="the group to compare with (default: all other cells)"
    )
    compare.add_argument(
        "--bootstraps", type=int, default=50, metavar="N",
        help="number of bootstraps; each infers two networks (default: 50)",
    )  # fmt: skip
    compare.add_argument(
        "--replicate", metavar="KEY",
        help="column of adata.obs with the donor of each cell: bootstraps draw donors, not cells",
    )  # fmt: skip
    compare.add_argument("--output", metavar="FILE", help="write the whole table (.tsv, .parquet)")


def _compare(options: argparse.Namespace) -> None:
    from grn.export.tables import write_table
    from grn.files import check_path
    from grn.runs.differences import compare_groups

    if options.output is not None:
        check_path(options.output)  # before any long work
    table = compare_groups(
        options.run,
        options.group,
        options.reference,
        n_bootstraps=options.bootstraps,
        replicate=options.replicate,
    )
    if options.output is not None:
        write_table(table, Path(options.output))
    _print(table, options)


def _print(table: Any, options: argparse.Namespace) -> None:
    from rich.table import Table

    from grn.cli.output import Output

    found = table[table["fdr"] < _FDR]
    other = options.reference or "all other cells"
    shown = Table(
        title=f"{options.group} against {other}: {len(found)} of {len(table)} edges differ at an "
        f"FDR below {_FDR}",
        caption="Largest differences first"
        + ("" if len(found) else "; none of them is significant in these cells"),
    )
    for heading in ("source", "target", "difference", options.group, other, "z", "FDR"):
        shown.add_column(heading, justify="left" if heading in ("source", "target") else "right")
    for row in (found if len(found) else table).head(_SHOWN).itertuples():
        shown.add_row(
            str(row.source), str(row.target), f"{row.difference:+.3f}", f"{row.score:+.3f}",
            f"{row.reference_score:+.3f}", f"{row.z:.1f}", f"{row.fdr:.2g}",
        )  # fmt: skip
    Output().print(shown)
