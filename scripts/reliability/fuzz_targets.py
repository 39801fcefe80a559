"""What the fuzzer calls, and on how many inputs: one entry per kind of file."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fuzz_seeds as seeds
from fuzz_mutate import Case


@dataclass(frozen=True)
class Target:
    """One kind of input.

    Attributes
    ----------
    what
        Name in the table.
    valid
        Function that makes valid inputs; each has to be accepted before any is changed.
    call
        Function of a path, which returns or raises `grn.InputError`.
    n_changed, n_made
        Numbers of changed valid inputs, and of inputs that hypothesis makes.
    made
        Function of the valid inputs to a hypothesis strategy of inputs; None: there is none.
    is_hdf5
        Whether the files are HDF5, whose own library may take more memory for a damaged one, up
        to the bound of `grn.data.reading.bounded`.
    """

    what: str
    valid: Callable[[], list[Case]]
    call: Callable[[Any], object]
    n_changed: int
    n_made: int = 0
    made: Callable[[list[Case]], Any] | None = None
    is_hdf5: bool = False


def _read_cells(path: Path) -> object:
    """Read cells; those that can be read are preprocessed too."""
    import grn

    return grn.preprocess(grn.read_cells(path, on_disk=False), min_cells=None)


def _read_tf_list(path: Path) -> object:
    from grn.data.datasets.tf_lists import read_tf_list

    return read_tf_list(path)


def _read_edges(path: Path) -> object:
    import grn

    return grn.read_edges(path)


def _read_prior(path: Path) -> object:
    from grn.inference.prior import prior_alone, read_prior

    genes = list(seeds.GENES)
    return prior_alone(read_prior(path, genes), genes[:4], genes)


def _read_aliases(path: Path) -> object:
    import grn
    from grn.names.symbols import match_names

    return match_names(["OCT4", "PU.1"], seeds.GENES, grn.read_aliases(path))


def _report(path: Path) -> object:
    from grn.report.folder import read_run
    from grn.report.html import render

    return render(read_run(path))


@cache
def _few_cells() -> Any:
    import grn

    return grn.preprocess(seeds.cells(), min_cells=None)


def _load(path: Path) -> object:
    import grn

    return grn.SphericalGRN.load(path, _few_cells())


def _read_pretrained(path: Path) -> object:
    from grn.model.pretrained import read_pretrained

    return read_pretrained(path)


def _compose(settings: list[str]) -> object:
    from grn.config import compose_config
    from grn.training.settings import check_settings

    config = compose_config(settings)
    check_settings(config)
    return config


def _tables(name: str) -> Callable[[list[Case]], Any]:
    def made(_: list[Case]) -> Any:
        from fuzz_structured import tables

        return tables(name)

    return made


def _checkpoints(valid: list[Case]) -> Any:
    from fuzz_structured import foreign_pickles, stored

    name = valid[0].main
    return stored(valid[-1].files[name], name) | foreign_pickles(name)


def _overrides(_: list[Case]) -> Any:
    from fuzz_structured import overrides

    return overrides()


TARGETS = {
    "tf_lists": Target(
        "TF lists", seeds.tf_lists, _read_tf_list, 45_000, 1_000, _tables("tfs.txt")
    ),
    "aliases": Target(
        "aliases", seeds.aliases, _read_aliases, 20_000, 500, _tables("aliases.tsv")
    ),
    "edges": Target("edge tables", seeds.edge_tables, _read_edges, 14_000, 500, _tables("e.tsv")),
    "priors": Target(
        "known edges, priors", seeds.truths, _read_prior, 8_000, 500, _tables("truth.csv")
    ),
    "text": Target(
        "cells: csv, tsv, txt, gz", seeds.text_cells, _read_cells, 6_000, 500, _tables("c.csv")
    ),
    "beeline": Target("cells: BEELINE folder", seeds.beeline_folder, _read_cells, 500),
    "folder_10x": Target("cells: 10x folder (mtx)", seeds.folder_10x, _read_cells, 1_500),
    "h5ad": Target("cells: h5ad", seeds.h5ad, _read_cells, 1_000, is_hdf5=True),
    "loom": Target("cells: loom", seeds.loom, _read_cells, 800, is_hdf5=True),
    "h5_10x": Target("cells: 10x h5", seeds.h5_10x, _read_cells, 800, is_hdf5=True),
    "zarr": Target("cells: zarr, zarr.zip", seeds.zarr_stores, _read_cells, 400),
    "runs": Target("run folders, for report", seeds.run_folders, _report, 400),
    "checkpoints": Target("checkpoints", seeds.checkpoints, _load, 700, 300, _checkpoints),
    "pretrained": Target(
        "pretrained weights", seeds.pretrained, _read_pretrained, 150, 50, _checkpoints
    ),
    "configs": Target("settings (Hydra overrides)", list, _compose, 0, 150, _overrides),
}
