"""The grid of a benchmark: methods, data sets, networks, and seeds."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType
from typing import Any

from grn.benchmark.methods import (
    CONTEXT_METHODS,
    CONTROLS,
    GUIDED_BY_PRIOR,
    INTERVENTIONAL_METHODS,
    METHODS,
    OURS,
    TRAINED_ON_EDGES,
    Method,
)
from grn.benchmark.regimes import UNSUPERVISED, Regimes, read_regimes
from grn.data.datasets.load import COLLECTIONS, list_datasets
from grn.errors import InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One prediction: a method on the cells of a data set with one seed."""

    method: Method
    seed: int | None
    """None for a deterministic method, whose prediction counts for every seed."""

    def __str__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.method.name}{seed}"


@dataclass(frozen=True)
class Grid:
    """Everything that is run and evaluated."""

    methods: tuple[Method, ...]
    """The requested and installed methods, then the controls."""
    datasets: Mapping[str, tuple[str, ...]]
    """Networks for evaluation, by data set (`collection/name`)."""
    seeds: tuple[int, ...]
    regimes: Regimes
    settings: Mapping[str, Mapping[str, Any]]
    """Settings that replace those of a method, by its name."""
    skipped: tuple[str, ...]
    """Requested parts that are not run, each with the reason."""
    versions: Mapping[Method, str]
    """Digest of what decides each method's result: of the code that was loaded, since files may be
    edited while a benchmark runs."""
    not_on: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Methods that do not run on a collection of data sets, by its name."""

    @property
    def has_ours(self) -> bool:
        """Whether our method was requested; no other method can use known edges."""
        return any(method.name == OURS for method in self.methods)

    def jobs(self, dataset: str) -> Iterator[Job]:
        """Yield the jobs of one data set without known edges, deterministic ones first.

        In regimes with known edges all their predictions but our own are controls.
        """
        spared = self.not_on.get(_collection(dataset), ())
        for method in sorted(self.methods, key=lambda method: method.seeded):
            runs = self.regimes.unsupervised or method.name != OURS
            if runs and method.name not in spared:
                for seed in self.seeds if method.seeded else (None,):
                    yield Job(method, seed)

    def count_jobs(self, dataset: str) -> int:
        """Count the jobs of one data set, including those with known edges."""
        guided = len(self.regimes.splits) * len(self.datasets[dataset]) + len(self.regimes.priors)
        return len(list(self.jobs(dataset))) + len(self.seeds) * guided * self.has_ours


def make_grid(
    methods: Sequence[str],
    datasets: Sequence[str],
    seeds: Sequence[int],
    regimes: Sequence[str],
    settings: Mapping[str, Mapping[str, Any]],
    not_on: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> Grid:
    """Check all requests before anything is run.

    Parameters
    ----------
    methods
        Names in `grn.benchmark.methods.METHODS`. Controls are always included.
    datasets
        `collection/name`, with all its networks, or `collection/name/network`.
    seeds
        Whole numbers from 0.
    regimes
        As `grn.benchmark.regimes.read_regimes` takes them.
    settings
        Keyword arguments by the name of the method.
    not_on
        By collection, methods that do not run on its data sets, for the time they would take.
        It says nothing of regimes with known edges.

    Raises
    ------
    InputError
        A name is unknown (the message lists those that exist), a seed is out of range, or nothing
        is requested.
    """
    asked_for = {"methods": methods, "datasets": datasets, "seeds": seeds, "regimes": regimes}
    for what, values in asked_for.items():
        if not values:
            msg = f"{what} is empty; expected at least one, such as {what}=[{_EXAMPLES[what]}]."
            raise InputError(msg)
    for name in [*methods, *settings, *chain.from_iterable(not_on.values())]:
        if name not in METHODS:
            msg = f"no method {name!r}. Available: {', '.join(METHODS)}. Controls always run."
            raise InputError(msg)
    for name, given in settings.items():
        _check_settings(METHODS[name], given)
    wrong = [seed for seed in seeds if not 0 <= seed < 2**32]
    if wrong:
        msg = f"seed {wrong[0]}; expected whole numbers from 0 to 4294967295."
        raise InputError(msg)
    asked = [METHODS[name] for name in dict.fromkeys(methods)]
    networks = _find_networks(datasets) if read_regimes(regimes, {}).read_datasets else {}
    skipped = [f"{m.name} (needs {', '.join(m.missing())})" for m in asked if m.missing()]
    skipped += _spared(methods, networks, not_on)
    for one in skipped:
        logger.warning("skipped: %s", one)
    installed = (*(method for method in asked if not method.missing()), *CONTROLS)
    return Grid(
        methods=installed,
        datasets=networks,
        seeds=tuple(dict.fromkeys(seeds)),
        regimes=read_regimes(regimes, networks),
        settings=settings,
        skipped=tuple(skipped),
        versions={
            method: method.fingerprint()
            for method in (
                *(*installed, TRAINED_ON_EDGES, GUIDED_BY_PRIOR),
                *(*CONTEXT_METHODS, *INTERVENTIONAL_METHODS),
            )
        },
        not_on=not_on,
    )


_EXAMPLES = {
    "methods": "closed_form",
    "datasets": "beeline/mDC/STRING",
    "seeds": "0",
    "regimes": UNSUPERVISED,
}


def _check_settings(method: Method, given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in method.parameters]
    if unknown:
        msg = (
            f"{method.name} has no setting {unknown[0]!r}. Available: "
            f"{', '.join(sorted(method.parameters)) or 'none'}."
        )
        raise InputError(msg)


def _spared(
    methods: Sequence[str], datasets: Collection[str], not_on: Mapping[str, Sequence[str]]
) -> list[str]:
    """List requested methods that do not run on a requested collection."""
    for collection in not_on:
        if collection not in COLLECTIONS:
            known = ", ".join(COLLECTIONS)
            msg = f"not_on: no collection {collection!r}. Available: {known}."
            raise InputError(msg)
    asked_for = {_collection(dataset) for dataset in datasets}
    found = {
        collection: [name for name in dict.fromkeys(methods) if name in spared]
        for collection, spared in not_on.items()
        if collection in asked_for
    }
    return [
        f"{', '.join(names)} on {collection} (for time; not_on.{collection}=[] runs them)"
        for collection, names in found.items()
        if names
    ]


def _collection(dataset: str) -> str:
    return dataset.partition("/")[0]


def _find_networks(entries: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the requested networks by data set, in order."""
    found: dict[str, dict[str, None]] = {}
    for entry in entries:
        collection, name, network = (*entry.split("/", 2), "", "")[:3]
        present = list_datasets(collection)
        if name not in present:
            here = ", ".join(f"{collection}/{known}" for known in present) or "none"
            msg = (
                f"no data set {entry!r} on this machine. Available in this collection: {here}. "
                "`grn data list` names all, and says which can be fetched."
            )
            raise InputError(msg)
        networks = [network] if network else present[name]
        if not set(networks) <= set(present[name]):
            known = ", ".join(present[name]) or "none"
            msg = f"{collection}/{name} has no network {network!r}. Available: {known}."
            raise InputError(msg)
        found.setdefault(f"{collection}/{name}", {}).update(dict.fromkeys(networks))
    return {dataset: tuple(networks) for dataset, networks in found.items()}
