"""Cells simulated over networks that are known: what a method should find."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grn.simulation.cells import simulate_model

__all__ = ["simulate_model"]


# On first use, so that the command line can list the models without loading numpy and pandas.
def __getattr__(name: str) -> Any:
    if name == "simulate_model":
        return import_module("grn.simulation.cells").simulate_model
    msg = f"module 'grn.simulation' has no attribute {name!r}"
    raise AttributeError(msg)
