"""`grn knockout` predicts how genes respond if regulators are lost or over-expressed."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

_NETWORK = "network.h5ad"


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    knockout = commands.add_parser(
        "knockout",
        help="predict the response to a knock-out or an over-expression of regulators",
        epilog="A response is in standard deviations of the gene; docs/knock_outs.md describes "
        "how far to trust it.",
    )
    knockout.set_defaults(command=_knockout)
    knockout.add_argument("run", metavar="RUN", help="folder of a result")
    knockout.add_argument("genes", metavar="GENE", nargs="+", help="genes to perturb, together")
    knockout.add_argument(
        "--overexpress", action="store_true",
        help="set them to their 0.99 quantile where they are expressed, instead of to 0",
    )  # fmt: skip
    knockout.add_argument(
        "--groupby", metavar="KEY",
        help="column of obs: predict the response of each group (default: that of the result)",
    )  # fmt: skip
    knockout.add_argument("--group", metavar="NAME", help="predict for this group only")
    knockout.add_argument(
        "--output", metavar="FILE", help="write the responses of all genes to this file"
    )
    knockout.add_argument(
        "--top",
        type=int,
        default=10,
        metavar="N",
        help="genes to show for each group (default: 10)",
    )


def _knockout(options: argparse.Namespace) -> None:
    if options.top < 1:
        msg = f"--top is {options.top}; expected at least 1."
        raise InputError(msg)
    from grn.files import replacing
    from grn.tools.knock_out import knock_out

    network = _read_network(Path(options.run))
    responses = knock_out(
        network,
        options.genes,
        overexpress=options.overexpress,
        groupby=options.groupby,
        group=options.group,
    )
    for name, of_group in responses.groupby("group", sort=False):
        _print(of_group, options.top, str(name))
    if options.output is not None:
        with replacing(options.output) as temporary:
            responses.to_csv(temporary, sep="\t", index=False)


def _read_network(run: Path) -> "AnnData":
    """Read the network of a run folder, with its cells."""
    path = run / _NETWORK
    if not path.is_file():
        msg = f"{run} holds no {_NETWORK}. Expected the folder of a finished grn infer."
        raise InputError(msg)
    import anndata

    try:
        return anndata.read_h5ad(path)
    except (OSError, KeyError, ValueError) as error:
        msg = f"{path} cannot be read ({error}). Run grn infer again."
        raise InputError(msg) from error


def _print(responses: "pd.DataFrame", top: int, group: str) -> None:
    from rich.table import Table

    from grn.cli.output import Output

    perturbed = responses["perturbed"]
    names = ", ".join(responses.loc[perturbed, "gene"])
    table = Table(title=f"Response to {names} in {group} cells")
    for name in ("gene", "response", "response_log"):
        table.add_column(name, justify="left" if name == "gene" else "right", no_wrap=True)
    for row in responses[~perturbed].head(top).itertuples(index=False):
        table.add_row(row.gene, f"{row.response:+.3f}", f"{row.response_log:+.3f}")
    Output().print(table)
