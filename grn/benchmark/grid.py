"""The grid of a benchmark: which methods, on which data sets and networks, with which seeds."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grn.benchmark.methods import CONTROLS, METHODS, Method
from grn.data.library.datasets import list_datasets
from grn.errors import InputError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """One prediction: a method on the cells of a data set with one seed."""

    method: Method
    seed: int | None
    """None of a method that draws nothing: its prediction counts for every seed."""

    def __str__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        return f"{self.method.name}{seed}"


@dataclass(frozen=True)
class Grid:
    """What is run and judged."""

    methods: tuple[Method, ...]
    """Those asked for and installed, then the controls."""
    datasets: Mapping[str, tuple[str, ...]]
    """Networks by data set (`collection/name`)."""
    seeds: tuple[int, ...]
    settings: Mapping[str, Mapping[str, Any]]
    """Other than a method's own, by its name."""
    skipped: tuple[str, ...]
    """Methods that were asked for and are not installed, each with what it needs."""
    versions: Mapping[str, str]
    """Digest of what decides each method's result, by its name: of the code that was loaded, since
    files may be edited while a benchmark runs."""

    def jobs(self) -> Iterator[Job]:
        """Yield the jobs of one data set, those that draw nothing first."""
        for method in sorted(self.methods, key=lambda method: method.seeded):
            for seed in self.seeds if method.seeded else (None,):
                yield Job(method, seed)


def make_grid(
    methods: Sequence[str],
    datasets: Sequence[str],
    seeds: Sequence[int],
    settings: Mapping[str, Mapping[str, Any]],
) -> Grid:
    """Check everything that can be asked for before anything is run.

    Parameters
    ----------
    methods
        Names, of `grn.benchmark.methods.METHODS`. Controls need not be asked for.
    datasets
        `collection/name`, with all its networks, or `collection/name/network`.
    seeds
        Whole numbers from 0.
    settings
        Keyword arguments by the name of the method.

    Raises
    ------
    InputError
        A name is unknown (the message lists those that exist), a seed is out of range, or nothing
        is asked for.
    """
    for what, values in (("methods", methods), ("datasets", datasets), ("seeds", seeds)):
        if not values:
            msg = f"{what} is empty; expected at least one, such as {what}=[{_EXAMPLES[what]}]."
            raise InputError(msg)
    for name in [*methods, *settings]:
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
    skipped = [f"{m.name} (needs {', '.join(m.missing())})" for m in asked if m.missing()]
    for one in skipped:
        logger.warning("skipped, for it is not installed: %s", one)
    installed = (*(method for method in asked if not method.missing()), *CONTROLS)
    return Grid(
        methods=installed,
        datasets=_find_networks(datasets),
        seeds=tuple(dict.fromkeys(seeds)),
        settings=settings,
        skipped=tuple(skipped),
        versions={method.name: method.fingerprint() for method in installed},
    )


_EXAMPLES = {"methods": "closed_form", "datasets": "beeline/mDC/STRING", "seeds": "0"}


def _check_settings(method: Method, given: Mapping[str, Any]) -> None:
    unknown = [name for name in given if name not in method.parameters]
    if unknown:
        msg = (
            f"{method.name} has no setting {unknown[0]!r}. Available: "
            f"{', '.join(sorted(method.parameters)) or 'none'}."
        )
        raise InputError(msg)


def _find_networks(entries: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the networks asked for by data set, in the order asked."""
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
