"""`grn data`: list the named data sets, and fetch those that can be."""

import argparse
import logging
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grn.errors import InputError

if TYPE_CHECKING:
    from grn.data.datasets.catalogue import Resource

logger = logging.getLogger(__name__)


def add_parser(commands: Any) -> None:
    """Add the subcommand to the parser's `commands`."""
    data = commands.add_parser("data", help="list the named data sets, or fetch one")
    actions = data.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every data set, its size and where it is")
    listing.set_defaults(command=_list)
    fetching = actions.add_parser("fetch", help="download, verify and unpack")
    fetching.set_defaults(command=_fetch)
    fetching.add_argument("name", metavar="NAME", help="one of those that `grn data list` names")


def _list(_options: argparse.Namespace) -> None:
    from rich.table import Table

    from grn.cli.output import Output
    from grn.data.datasets.catalogue import read_catalogue, read_fetchables, read_resources
    from grn.data.datasets.root import cache_folder, data_folder

    places = {"data": data_folder(), "cache": cache_folder()}
    table = Table(box=None, pad_edge=False, collapse_padding=True)
    for title in ("data set", "cells × genes"):
        table.add_column(title, no_wrap=True)
    table.add_column("networks (edges)", overflow="fold")
    for title in ("licence", "where"):
        table.add_column(title, no_wrap=True)
    for collection, entries in groupby(read_catalogue(), lambda entry: entry.collection):
        here, elsewhere = _where(collection, places)
        table.add_row(f"[bold]{collection}")
        for entry in entries:
            table.add_row(
                f"  {entry.name}",
                f"{_number(entry.cells)} × {_number(entry.genes)}",
                ", ".join(f"{name} {_number(n)}" for name, n in entry.networks.items()),
                entry.licence or "?",
                here.get(entry.name, elsewhere),
            )
    console = Output(highlight=False)
    console.print(table)
    console.print()
    for place, folder in places.items():
        console.print(f"{place}: {folder or 'no folder; GRN_DATA names one'}", soft_wrap=True)
    for fetchable in read_fetchables().values():
        console.print(f"grn data fetch {fetchable.name}: {fetchable.what}")
    for resource in read_resources().values():
        said = f"grn data fetch {resource.name}: {resource.what} ({resource.licence})"
        console.print(said, markup=False)


def _where(collection: str, places: dict[str, Path | None]) -> tuple[dict[str, str], str]:
    """Say in which place the data sets on this machine are, and what to say of the others."""
    from grn.data.datasets.beeline import COLLECTION
    from grn.data.datasets.load import COLLECTIONS, dataset_places

    if collection not in COLLECTIONS:
        return {}, "drawn"
    here = {
        name: next(key for key, place in places.items() if place and place in path.parents)
        for name, path in dataset_places(collection).items()
    }
    return here, "fetch" if collection == COLLECTION else "no"


def _fetch(options: argparse.Namespace) -> None:
    from grn.data.datasets.beeline import fetch_beeline
    from grn.data.datasets.catalogue import read_fetchables, read_resources
    from grn.data.datasets.tf_lists import fetch_tf_lists

    resources = read_resources()
    available = [*read_fetchables(), *resources]
    if options.name not in available:
        msg = (
            f"nothing to fetch under the name {options.name!r}. Available: {', '.join(available)}."
        )
        raise InputError(msg)
    if options.name == "tf_lists":
        print(f"human.txt and mouse.txt, to be given as --tfs FILE: {fetch_tf_lists()}")
    elif options.name in resources:
        _fetch_resource(resources[options.name])
    else:
        print(f"{options.name}: {fetch_beeline()}")
        _report_sizes()


def _fetch_resource(resource: "Resource") -> None:
    """Print what a resource is and under which terms, then each file as it arrives."""
    from grn.data.datasets.resources import fetch_resource

    print(f"{resource.name}: {resource.what}")
    print(f"  licence   {resource.licence}")
    print(f"  citation  {resource.citation}")
    print(f"  page      {resource.page}", flush=True)
    for fetched in fetch_resource(resource):
        print(f"{fetched.species}: {fetched.path}")
        print(f"  content   {fetched.content}")
        print(f"  size      {fetched.size:,} bytes")
        print(f"  sha256    {fetched.sha256}", flush=True)


def _report_sizes() -> None:
    """Print what was fetched, and warn where the manifest expects something else."""
    import anndata
    import pandas as pd

    from grn.data.datasets.beeline import COLLECTION
    from grn.data.datasets.catalogue import differences, read_catalogue
    from grn.data.datasets.load import dataset_places

    expected = {entry.name: entry for entry in read_catalogue() if entry.collection == COLLECTION}
    for name, folder in dataset_places(COLLECTION).items():
        cells, genes = anndata.read_h5ad(folder / "expression.h5ad").shape
        truths = sorted(folder.glob("edges_*.csv"))
        edges = {path.stem.removeprefix("edges_"): len(pd.read_csv(path)) for path in truths}
        sizes = ", ".join(f"{network} {n:,}" for network, n in edges.items())
        print(f"{COLLECTION}/{name}: {cells:,} cells × {genes:,} genes; edges: {sizes}")
        for difference in differences(expected[name], cells, genes, edges):
            logger.warning(difference)


def _number(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"
