"""Spherical attention as a method of the benchmark, and before its training as a control."""

from collections.abc import Collection
from copy import deepcopy
from functools import cache
from typing import TYPE_CHECKING, Any

from grn.config import compose_config
from grn.data.dataset import CellDataset
from grn.estimator import SphericalGRN
from grn.evaluation.controls import Scores
from grn.network import adjacency, locate
from grn.readout import read_attention, score_pairs
from grn.training.fit import build_module

if TYPE_CHECKING:
    from anndata import AnnData

_READ = ("model", "objective", "optimizer", "trainer", "callbacks")
# The benchmark shows its own progress.
_QUIET = ("callbacks.progress_bar=null", "+trainer.enable_progress_bar=false")


def spherical(
    adata: "AnnData", tfs: Collection[str], *, seed: int, overrides: Collection[str] = ()
) -> Scores:
    """Train with the settings of conf/train.yaml and read the edges off.

    Parameters
    ----------
    adata
        Preprocessed cells.
    tfs
        Regulators, in the order of the genes.
    seed
        Of the network's start, minibatches and noise.
    overrides
        Other settings, as on the command line of `grn train`.
    """
    model = SphericalGRN(adata, tfs)
    model.train(seed=seed, overrides=[*_QUIET, *overrides])
    edges = model.edges()
    layout = (tfs, adata.var_names)
    return Scores(adjacency(edges, *layout), adjacency(edges, *layout, "importance"))


def untrained(adata: "AnnData", tfs: Collection[str], *, seed: int) -> Scores:
    """Read the edges off the network as it starts; parameters as in `spherical`."""
    config = deepcopy(_settings())
    config.seed = seed
    module = build_module(config, CellDataset(adata), list(tfs))
    attended = read_attention(module.network)
    return Scores(*score_pairs(attended, locate(tfs, adata.var_names)))


def read_settings() -> str:
    """Return what conf/train.yaml says of both, as one text."""
    return str([_settings()[key] for key in _READ] + [_settings().data.loader])


@cache
def _settings() -> Any:
    """Compose conf/train.yaml, once: that takes longer than a small network."""
    return compose_config(["paths=folder", "logger=none"])
