"""`grn report` makes report.html of a finished run anew, from the files of its folder."""

import argparse
from typing import Any


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    report = commands.add_parser(
        "report",
        help="make report.html of a finished run anew",
        description="Make report.html from edges.tsv, metrics.json and config.yaml of a run.",
        epilog="Open the file in a browser; it needs no network access.",
    )
    report.set_defaults(command=_report)
    report.add_argument("run", metavar="RUN_DIR", help="folder of a finished run")
    report.add_argument(
        "--activity", metavar="KEY",
        help="column of adata.obs: adds which regulators are active in which groups of cells",
    )  # fmt: skip


def _report(options: argparse.Namespace) -> None:
    from grn.report import write_report

    if options.activity is not None:
        from grn.tools.of_run import write_activity

        write_activity(options.run, options.activity)
    print(write_report(options.run))
