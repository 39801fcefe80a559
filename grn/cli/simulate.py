"""`grn simulate`: cells of a known network, with knock-outs and knock-downs."""

import argparse
from typing import Any

from grn.errors import InputError


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    from grn.simulation.models import model_names

    simulate = commands.add_parser(
        "simulate",
        help="simulate cells whose regulation is known",
        epilog="Writes cells.h5ad, tfs.txt and BEELINE's ExpressionData.csv, PseudoTime.csv and "
        "refNetwork.csv (the truth).",
    )
    simulate.set_defaults(command=_simulate)
    simulate.add_argument("model", metavar="MODEL", help=", ".join(model_names()))
    simulate.add_argument(
        "--cells", type=int, default=2000, metavar="N", help="of each group (default: 2000)"
    )
    simulate.add_argument("--output", metavar="DIR", required=True)
    simulate.add_argument("--seed", type=int, default=0)
    simulate.add_argument(
        "--dropout", type=float, default=0.0, metavar="Q",
        help="values below this quantile of a gene are lost with this probability",
    )  # fmt: skip
    simulate.add_argument(
        "--depth", type=float, metavar="D", help="count molecules: D per unit of mRNA, Poisson"
    )
    simulate.add_argument(
        "--knockout", nargs="+", action="extend", default=[], metavar="GENE",
        help="adds a group of cells without this gene, for each",
    )  # fmt: skip
    simulate.add_argument(
        "--knockdown", nargs="+", action="extend", default=[], metavar="GENE=FACTOR",
        help="adds a group of cells with less of this gene, for each",
    )  # fmt: skip
    simulate.add_argument("--tfs", type=int, metavar="N", help="of the model random")
    simulate.add_argument("--targets", type=int, metavar="N", help="of the model random")
    simulate.add_argument("--overwrite", action="store_true", help="replace an existing result")


def _simulate(options: argparse.Namespace) -> None:
    from grn.export.cells import check_free, write_simulation
    from grn.simulation.cells import simulate_model

    if not options.overwrite:
        check_free(options.output)  # before the time is spent
    adata = simulate_model(
        options.model,
        n_cells=options.cells,
        seed=options.seed,
        dropout=options.dropout,
        depth=options.depth,
        knockouts=options.knockout,
        knockdowns=dict(map(_knockdown, options.knockdown)),
        n_tfs=options.tfs,
        n_targets=options.targets,
    )
    write_simulation(adata, options.output, overwrite=options.overwrite)
    groups = ", ".join(adata.obs["perturbation"].unique())
    print(
        f"{options.model}: {adata.n_obs} cells ({groups}) × {adata.n_vars} genes, "
        f"{len(adata.uns['truth'])} edges → {options.output}"
    )


def _knockdown(text: str) -> tuple[str, float]:
    gene, _, factor = text.rpartition("=")
    try:
        return gene, float(factor)
    except ValueError as error:
        msg = f"--knockdown {text}: expected GENE=FACTOR, such as Gata1=0.2."
        raise InputError(msg) from error
