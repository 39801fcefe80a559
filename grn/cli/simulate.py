"""`grn simulate` simulates cells of a known network, with knock-outs and knock-downs."""

import argparse
from typing import TYPE_CHECKING, Any

from grn.errors import InputError

if TYPE_CHECKING:
    from anndata import AnnData

_CELLS = 2000  # chosen by hand: these take some seconds


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    from grn.simulation.models import CONTEXTS, model_names

    simulate = commands.add_parser(
        "simulate",
        help="simulate cells whose network is known",
        epilog="Writes cells.h5ad, tfs.txt and BEELINE's ExpressionData.csv, PseudoTime.csv and "
        "refNetwork.csv (the known edges). The model contexts simulates groups of cells that "
        "share a part of their network, and also writes refNetwork_by_group.csv.",
    )
    simulate.set_defaults(command=_simulate)
    simulate.add_argument("model", metavar="MODEL", help=", ".join([*model_names(), CONTEXTS]))
    simulate.add_argument(
        "--cells", type=int, metavar="N",
        help=f"unperturbed cells, and cells of each perturbation (default: {_CELLS})",
    )  # fmt: skip
    simulate.add_argument(
        "--sizes", type=int, nargs="+", metavar="N",
        help="cells of each group, for the model contexts (default: 300 150 60)",
    )  # fmt: skip
    simulate.add_argument("--output", metavar="DIR", required=True, help="folder to write")
    simulate.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    simulate.add_argument(
        "--dropout", type=float, metavar="Q",
        help="values below this quantile of a gene are lost with this probability (default: 0; in "
        "contexts low counts are lost most often, default: 0.15)",
    )  # fmt: skip
    simulate.add_argument(
        "--depth", type=float, metavar="D",
        help="draw counts from a Poisson distribution with a mean of D per unit of mRNA",
    )  # fmt: skip
    simulate.add_argument(
        "--knockout", nargs="+", action="extend", default=[], metavar="GENE",
        help="for each gene, add a group of cells that lack it",
    )  # fmt: skip
    simulate.add_argument(
        "--knockdown", nargs="+", action="extend", default=[], metavar="GENE=FACTOR",
        help="for each gene, add a group of cells in which its transcription is scaled by FACTOR",
    )  # fmt: skip
    drawn = "number of these genes, for the models random and contexts"
    simulate.add_argument("--tfs", type=int, metavar="N", help=drawn)
    simulate.add_argument("--targets", type=int, metavar="N", help=drawn)
    simulate.add_argument("--overwrite", action="store_true", help="replace an existing result")


def _simulate(options: argparse.Namespace) -> None:
    from grn.export.cells import check_free, write_simulation
    from grn.simulation.models import CONTEXTS

    if not options.overwrite:
        check_free(options.output)  # before any long work
    if options.model == CONTEXTS:
        adata, groups = _contexts(options), "group"
    else:
        adata, groups = _model(options), "perturbation"
    write_simulation(adata, options.output, overwrite=options.overwrite)
    names = ", ".join(adata.obs[groups].unique())
    n_edges = len(adata.uns["truth"][["source", "target"]].drop_duplicates())
    print(
        f"{options.model}: {adata.n_obs} cells ({names}) × {adata.n_vars} genes, "
        f"{n_edges} edges → {options.output}"
    )


def _model(options: argparse.Namespace) -> "AnnData":
    """Simulate a Boolean model or a random network."""
    from grn.simulation.cells import simulate_model

    if options.sizes is not None:
        msg = f"--sizes applies to contexts only; for {options.model} use --cells instead."
        raise InputError(msg)
    return simulate_model(
        options.model,
        n_cells=_CELLS if options.cells is None else options.cells,
        seed=options.seed,
        dropout=0.0 if options.dropout is None else options.dropout,
        depth=options.depth,
        knockouts=options.knockout,
        knockdowns=dict(map(_knockdown, options.knockdown)),
        n_tfs=options.tfs,
        n_targets=options.targets,
    )


def _contexts(options: argparse.Namespace) -> "AnnData":
    """Simulate groups that share a part of their network."""
    from grn.simulation.contexts import simulate_contexts

    if options.cells is not None or options.knockout or options.knockdown:
        msg = (
            "contexts have no perturbations, and each group has its own number of cells: leave "
            "out --cells, --knockout and --knockdown, and give --sizes, such as 300 150 60."
        )
        raise InputError(msg)
    settings = {
        "sizes": options.sizes,
        "n_tfs": options.tfs,
        "n_targets": options.targets,
        "depth": options.depth,
        "dropout": options.dropout,
    }
    given = {name: value for name, value in settings.items() if value is not None}
    return simulate_contexts(seed=options.seed, **given)


def _knockdown(text: str) -> tuple[str, float]:
    gene, _, factor = text.rpartition("=")
    try:
        return gene, float(factor)
    except ValueError as error:
        msg = f"--knockdown {text}: expected GENE=FACTOR, such as Gata1=0.2."
        raise InputError(msg) from error
