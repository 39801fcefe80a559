"""The regimes of a benchmark: what a method may know besides the cells, by name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from grn.data.datasets.load import list_datasets
from grn.errors import InputError
from grn.supervised.genelink import apply_split, genelink_split
from grn.supervised.splits import (
    Split,
    both_seen_split,
    both_unseen_split,
    unseen_target_split,
    unseen_tf_split,
)

UNSUPERVISED = "unsupervised"
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
    """What is asked of every data set."""

    unsupervised: bool
    """Whether methods are judged that know no edge."""
    splits: tuple[str, ...]
    """How each network is split into edges that train and edges that judge; of `SPLITS`."""
    priors: tuple[str, ...]
    """Networks that guide, while the others of the same data set judge."""


def read_regimes(names: Sequence[str], datasets: Mapping[str, Sequence[str]]) -> Regimes:
    """Read regimes by name, and check that the data sets have the networks they take.

    Parameters
    ----------
    names
        `unsupervised`, `supervised/<split>` or `prior_guided/<network>`.
    datasets
        Networks that judge, by data set (`collection/name`).

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
        elif name != UNSUPERVISED:
            known = [UNSUPERVISED, *(SUPERVISED + split for split in SPLITS)]
            msg = (
                f"no regime {name!r}. Available: {', '.join(known)}, and {PRIOR_GUIDED}NETWORK "
                "with a network of the data set."
            )
            raise InputError(msg)
    return Regimes(UNSUPERVISED in names, tuple(splits), tuple(priors))


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
