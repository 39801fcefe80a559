"""The regimes of a benchmark: the known edges that a method may use beside the cells."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from grn.data.datasets.load import list_datasets
from grn.errors import InputError
from grn.supervised.genelink import genelink_split
from grn.supervised.splits import (
    Split,
    apply_split,
    both_seen_split,
    both_unseen_split,
    unseen_target_split,
    unseen_tf_split,
)

UNSUPERVISED = "unsupervised"
CONTEXTS = "contexts"
KNOCK_OUTS = "knock_outs"
INTERVENTIONAL = "interventional"
_WITHOUT_DATASETS = (CONTEXTS, KNOCK_OUTS, INTERVENTIONAL)
SUPERVISED, PRIOR_GUIDED = "supervised/", "prior_guided/"
MATCHED = "/matched"

SPLITS: Mapping[str, partial[Split]] = {
    "genelink": partial(genelink_split),
    "genelink_published": partial(genelink_split, defects=True),
    "genelink_hard": partial(genelink_split, hard=True),
    "both_seen": partial(both_seen_split),
    "unseen_tf": partial(unseen_tf_split),
    "unseen_target": partial(unseen_target_split),
    "both_unseen": partial(both_unseen_split),
}
"""The splits of `supervised/<split>`, by name; each takes a seed."""


@dataclass(frozen=True)
class Regimes:
    """The regimes that every data set is evaluated in."""

    unsupervised: bool
    """Whether methods without known edges are evaluated."""
    splits: tuple[str, ...]
    """Names in `SPLITS`: how each network is split into training and test edges."""
    priors: tuple[str, ...]
    """Networks used as priors, while the others of the same data set evaluate."""
    contexts: bool = False
    """Whether networks per group are judged, on simulated groups of cells: no data set asked for
    has a part in it."""
    knock_outs: bool = False
    """Whether predicted responses to knock-outs are judged, on experiments of their own."""
    interventional: bool = False
    """Whether networks of cells with known perturbations are judged, on screens of their own."""

    @property
    def read_datasets(self) -> bool:
        """Whether data sets are judged."""
        return self.unsupervised or bool(self.splits) or bool(self.priors)


def read_regimes(names: Sequence[str], datasets: Mapping[str, Sequence[str]]) -> Regimes:
    """Read regimes by name, and check that the data sets have the networks they take.

    Parameters
    ----------
    names
        `unsupervised`, `contexts`, `knock_outs`, `interventional`, `supervised/<split>` or
        `prior_guided/<network>`.
    datasets
        Networks for evaluation, by data set (`collection/name`).

    Raises
    ------
    InputError
        There is no such regime (the message lists those there are), or a data set lacks the prior
        or another network to judge it by.
    """
    splits, priors = [], []
    for name in dict.fromkeys(names):
        split, prior = name.removeprefix(SUPERVISED), name.removeprefix(PRIOR_GUIDED)
        if split != name and split in SPLITS:
            splits.append(split)
        elif prior not in ("", name):
            _check_prior(prior, datasets)
            priors.append(prior)
        elif name not in (UNSUPERVISED, *_WITHOUT_DATASETS):
            splits_by_name = (SUPERVISED + split for split in SPLITS)
            known = [UNSUPERVISED, *_WITHOUT_DATASETS, *splits_by_name]
            msg = (
                f"no regime {name!r}. Available: {', '.join(known)}, and {PRIOR_GUIDED}NETWORK "
                "with a network of the data set."
            )
            raise InputError(msg)
    without_datasets = {name: name in names for name in _WITHOUT_DATASETS}
    return Regimes(UNSUPERVISED in names, tuple(splits), tuple(priors), **without_datasets)


def _check_prior(prior: str, datasets: Mapping[str, Sequence[str]]) -> None:
    for dataset, asked in datasets.items():
        collection, name = dataset.split("/")
        present = list_datasets(collection)[name]
        if prior not in present:
            msg = (
                f"{PRIOR_GUIDED}{prior}: {dataset} has no network {prior!r}. Available: "
                f"{', '.join(present) or 'none'}."
            )
            raise InputError(msg)
        if set(asked) <= {prior}:
            others = ", ".join(f"{dataset}/{name}" for name in present if name != prior)
            msg = (
                f"{PRIOR_GUIDED}{prior}: no other network of {dataset} is asked for, so nothing "
                f"would judge. Add one to datasets; available: {others or 'none'}."
            )
            raise InputError(msg)


def split_network(
    name: str, truth: pd.DataFrame, tfs: Collection[str], genes: Collection[str], *, seed: int
) -> Split:
    """Split a network as `python train.py objective=supervised split=…` does.

    Parameters
    ----------
    name
        Of `SPLITS`.
    truth
        As `grn.edges.read.read_truth` returns it.
    tfs, genes
        All TFs and genes of the cells; GENELink's split draws pairs from them.
    seed
        Of the random choices.

    Raises
    ------
    InputError
        The network is so small that a part lacks a true edge.
    """
    return apply_split(partial(SPLITS[name], seed=seed), truth, tfs, genes)
