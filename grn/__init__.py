"""Signed gene regulatory networks from single-cell data with spherical attention."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from grn.errors import InputError
from grn.version import VERSION

if TYPE_CHECKING:
    from grn import plotting as pl
    from grn import tools as tl
    from grn.data.preprocessing.preprocess import preprocess
    from grn.data.reading.read import read_cells
    from grn.edges.read import read_edges, read_truth
    from grn.estimator import SphericalGRN
    from grn.evaluation import evaluate, precision_recall, predictability
    from grn.names.symbols import read_aliases
    from grn.simulation.cells import simulate_model
    from grn.simulation.random_network import simulate

__all__ = [
    "InputError",
    "SphericalGRN",
    "evaluate",
    "pl",
    "precision_recall",
    "predictability",
    "preprocess",
    "read_aliases",
    "read_cells",
    "read_edges",
    "read_truth",
    "simulate",
    "simulate_model",
    "tl",
]

__version__ = VERSION

# Names are imported on first use, so that `import grn` and `grn --help` load neither torch nor
# scanpy.
_MODULES = {"pl": "grn.plotting", "tl": "grn.tools"}
_LAZY = {
    "SphericalGRN": "grn.estimator",
    "evaluate": "grn.evaluation",
    "precision_recall": "grn.evaluation",
    "predictability": "grn.evaluation",
    "preprocess": "grn.data.preprocessing.preprocess",
    "read_aliases": "grn.names.symbols",
    "read_cells": "grn.data.reading.read",
    "read_edges": "grn.edges.read",
    "read_truth": "grn.edges.read",
    "simulate": "grn.simulation.random_network",
    "simulate_model": "grn.simulation.cells",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    msg = f"module 'grn' has no attribute {name!r}"
    raise AttributeError(msg)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
