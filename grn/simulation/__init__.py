"""Simulates cells over known networks."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grn.simulation.cells import simulate_model
    from grn.simulation.contexts import simulate_contexts

__all__ = ["simulate_contexts", "simulate_model"]
_MODULES = {
    "simulate_contexts": "grn.simulation.contexts",
    "simulate_model": "grn.simulation.cells",
}


# On first use, so that the command line can list the models without loading numpy and pandas.
def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    msg = f"module 'grn.simulation' has no attribute {name!r}"
    raise AttributeError(msg)
