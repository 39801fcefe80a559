"""The Boolean models that can be simulated, by name."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from grn.errors import InputError

RANDOM = "random"
"""The model that is drawn anew from every seed: `grn.simulation.random_network`."""
CONTEXTS = "contexts"
"""What `grn simulate` calls groups of cells that share a part of their network:
`grn.simulation.contexts`."""
_MODELS = Path(__file__).with_name("models.yaml")


@dataclass(frozen=True)
class BooleanModel:
    """A network of genes, each with a Boolean rule of its regulators."""

    name: str
    title: str
    citation: str
    time: float
    """What is simulated, in mean lifetimes of a protein."""
    branches: int
    """Fates that the cells of this model choose between."""
    initial: dict[str, float] | None
    """mRNA at time 0 of the genes that are on then; None: of every gene 1."""
    rules: dict[str, str]
    """Rule of each gene, over names of genes with `and`, `or`, `not`."""


def model_names() -> list[str]:
    """Return what `simulate_model` accepts."""
    return [*_models(), RANDOM]


def load_model(name: str) -> BooleanModel:
    """Return the Boolean model of that name.

    Raises
    ------
    InputError
        There is none; the message lists those that exist.
    """
    if name not in _models():
        msg = f"no model {name!r}. Choose one of: {', '.join(model_names())}."
        raise InputError(msg)
    return _models()[name]


@cache
def _models() -> dict[str, BooleanModel]:
    stored = yaml.safe_load(_MODELS.read_text(encoding="utf-8"))
    return {name: BooleanModel(name=name, **model) for name, model in stored.items()}
