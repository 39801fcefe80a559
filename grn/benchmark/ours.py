"""Spherical attention as a method of the benchmark: in every regime, untrained, transferred."""

from collections.abc import Collection
from copy import deepcopy
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pandas as pd

from grn.config import NO_FOLDER, compose_config
from grn.data.dataset import CellDataset
from grn.estimator import SphericalGRN
from grn.evaluation.controls import Scores
from grn.evaluation.splits import Split
from grn.gene_names import match_names
from grn.network import adjacency, locate
from grn.readout import read_attention, score_pairs
from grn.training.fit import build_module
from grn.training.module import DenoisingModule
from grn.training.prior import fit_prior_guided
from grn.training.supervised import fit_supervised
from grn.training.transfer import load_parameters, read_checkpoint

if TYPE_CHECKING:
    from anndata import AnnData

_READ = ("model", "objective", "optimizer", "trainer", "callbacks")
# The benchmark shows its own progress.
_QUIET = ("callbacks.progress_bar=null", "+trainer.enable_progress_bar=false")
_SUPERVISED = "objective=supervised"


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
    """Read the edges off the network before any training; parameters as in `spherical`."""
    return _as_it_starts(adata, tfs, seed, pretrained=False)


def pretrained(adata: "AnnData", tfs: Collection[str], *, seed: int) -> Scores:
    """Read the edges off the network before it is trained on the cells, as `spherical` starts."""
    return _as_it_starts(adata, tfs, seed, pretrained=True)


def _as_it_starts(
    adata: "AnnData", tfs: Collection[str], seed: int, *, pretrained: bool
) -> Scores:
    config = deepcopy(_settings())
    config.seed, config.model.pretrained = seed, pretrained
    module = build_module(config, CellDataset(adata), list(tfs))
    return _scores(module, adata, tfs)


def spherical_transfer(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    source: "AnnData",
    source_tfs: Collection[str],
    overrides: Collection[str] = (),
) -> Scores:
    """Train on other cells, and apply that checkpoint as it is.

    Names are matched as those of TFs are (`grn.gene_names.match_names`): data of mouse are also
    written in capitals.

    Parameters
    ----------
    adata, tfs
        What it is applied to.
    seed, overrides
        Of training, as in `spherical`.
    source, source_tfs
        What it is trained on, preprocessed.
    """
    here = match_names(source.var_names, adata.var_names).matched
    source = source.copy()
    source.var_names = [here.get(gene, gene) for gene in source.var_names]
    model = SphericalGRN(source, [here.get(tf, tf) for tf in source_tfs])
    model.train(seed=seed, overrides=[*_QUIET, *overrides])
    with TemporaryDirectory() as folder:
        model.save(Path(folder, "transfer.ckpt"))
        checkpoint = read_checkpoint(Path(folder, "transfer.ckpt"))
    config = deepcopy(_settings())
    config.update(checkpoint["settings"])
    module = build_module(config, CellDataset(adata), list(tfs))
    load_parameters(module, checkpoint)
    return _scores(module, adata, tfs)


def supervised(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    split: Split,
    overrides: Collection[str] = (),
) -> Scores:
    """Train on the training part of a split; other parameters as in `spherical`."""
    config = compose_config([*NO_FOLDER, _SUPERVISED, *_QUIET, *overrides])
    config.seed = seed
    return fit_supervised(config, adata, list(tfs), split)


def prior_guided(
    adata: "AnnData",
    tfs: Collection[str],
    *,
    seed: int,
    prior: pd.DataFrame,
    overrides: Collection[str] = (),
) -> Scores:
    """Start from known edges and train on the cells; other parameters as in `spherical`."""
    config = compose_config([*NO_FOLDER, *_QUIET, *overrides])
    config.seed = seed
    return fit_prior_guided(config, adata, list(tfs), prior)


def _scores(module: DenoisingModule, adata: "AnnData", tfs: Collection[str]) -> Scores:
    attended = read_attention(module.network)
    return Scores(*score_pairs(attended, locate(tfs, adata.var_names)))


def read_settings() -> str:
    """Return what conf/train.yaml says where no known edge trains, as one text."""
    return _read()


def read_supervised_settings() -> str:
    """Return what it says where known edges train."""
    return _read(_SUPERVISED)


def _read(*choices: str) -> str:
    config = _settings(*choices)
    return str([config[key] for key in _READ] + [config.data.loader])


@cache
def _settings(*choices: str) -> Any:
    """Compose conf/train.yaml, once: that takes longer than a small network."""
    return compose_config([*NO_FOLDER, *choices])
