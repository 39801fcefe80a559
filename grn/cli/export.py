"""`grn export` writes the network of a result for another program."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grn.errors import InputError


@dataclass(frozen=True)
class _Format:
    """A format that `--to` names."""

    writer: str
    """Name of a function of `grn.export` that takes edges, path and number of edges."""
    file: str
    """Name of the file, unless another is asked for."""
    top: int | None
    """Number of edges, unless another is asked for; of `gmt`, targets of a set."""
    what: str


FORMATS = {
    "scenic": _Format(
        "write_adjacencies", "adjacencies.tsv", None, "TF, target, importance for pyscenic ctx"
    ),
    "gmt": _Format(
        "write_regulons", "regulons.gmt", 50, "gene sets, activated and repressed targets apart"
    ),
    "graphml": _Format(
        "write_graphml", "network.graphml", 1000, "a graph for Cytoscape, Gephi, networkx, igraph"
    ),
    "cx2": _Format(
        "write_cx2", "network.cx2", 1000, "a graph with colours and positions: Cytoscape, NDEx"
    ),
    "celloracle": _Format(
        "write_base_network", "base_network.parquet", 10_000, "a base network: TFs of each gene"
    ),
    "r": _Format("write_csv", "edges.csv", None, 'CSV for read.csv(FILE, na.strings = "")'),
}


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    export = commands.add_parser(
        "export",
        help="write the network of a result for SCENIC, Cytoscape, CellOracle, R, ...",
        description="Write the network of a result in a format of another program.",
        epilog="Formats, with the file and the number of edges written by default:\n\n"
        + "\n".join(map(_describe, FORMATS)),
    )
    export.set_defaults(command=_export)
    source = export.add_argument_group("input")
    source.add_argument("run", metavar="RUN", help="folder of a result, or a table of edges")
    source.add_argument("--group", metavar="NAME", help="use the network of this group of cells")
    target = export.add_argument_group("output")
    target.add_argument(
        "--to", required=True, choices=FORMATS, metavar="FORMAT", help=", ".join(FORMATS)
    )
    target.add_argument(
        "--top", type=int, metavar="N",
        help="number of edges, of gmt that of the targets of a set (default: as listed below)",
    )  # fmt: skip
    target.add_argument(
        "--output", metavar="FILE", help="file to write (default: as listed below, in RUN)"
    )
    target.add_argument("--overwrite", action="store_true", help="replace an existing file")


def _describe(name: str) -> str:
    form = FORMATS[name]
    number = "all" if form.top is None else f"{form.top:,}"
    return f"  {name:<11} {form.file:<21} {number:<7} {form.what}"


def _export(options: argparse.Namespace) -> None:
    if options.top is not None and options.top < 1:
        msg = f"--top is {options.top}; expected at least 1."
        raise InputError(msg)
    form = FORMATS[options.to]
    path = _path(options, form)
    import grn.export
    from grn.cli.show import table_in
    from grn.edges.read import read_edges
    from grn.files import check_path
    from grn.tools.neighbours import of_group

    check_path(path)
    table: Any = table_in(Path(options.run), options.group)
    edges = read_edges(of_group(table, options.group))
    write: Callable[..., None] = getattr(grn.export, form.writer)
    top = form.top if options.top is None else options.top
    write(edges, path, top)
    print(path)


def _path(options: argparse.Namespace, form: _Format) -> Path:
    """Return the file to write, which must not exist unless it may be replaced.

    Raises
    ------
    InputError
        It exists already.
    """
    run = Path(options.run)
    if options.output is not None:
        path = Path(options.output)
    else:
        file = Path(form.file)
        # A group may be called anything, such as "CD4+ T / naive".
        group = "" if options.group is None else f"_{options.group.replace('/', '_')}"
        path = (run if run.is_dir() else run.parent) / f"{file.stem}{group}{file.suffix}"
    if path.exists() and not options.overwrite:
        msg = f"{path} exists already. Name another file with --output, or pass --overwrite."
        raise InputError(msg)
    return path
