"""Simulated networks as examples for the transformer: what it sees of the cells, and the truth."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int8
from torch import Tensor

from grn.files import replacing
from grn.model.pair_statistics import PairStatistics
from grn.model.pretrained import N_AXES
from grn.processes import in_order
from grn.simulation.curriculum import Sample, draw_samples, without_edges

logger = logging.getLogger(__name__)

# Of every kind, networks 0, 12, 24, … are held out: the least kind that can be is of two.
_HELD_OUT_EVERY = 12
FEWEST_NETWORKS = 2

_IN_PART = frozenset({"boolean", "large_boolean"})  # simulating takes long, a second view nothing
_PART = (0.3, 0.8)  # share of the cells in a second view
_FEWEST_CELLS = 60
_WITHOUT_EDGES_EVERY = 20
_PER_FILE = {"boolean": 100, "large_boolean": 10, "single_cell": 10, "bulk": 20}


@dataclass(frozen=True)
class Example:
    """One network and what some cells of it show; the regulators are the first genes."""

    kind: str
    network: int
    """Number among its kind; examples of one network share it."""
    of_pairs: Float[Tensor, "of_pair n_genes n_tfs"]
    """float16, from `PairStatistics.block`."""
    of_genes: Float[Tensor, "n_genes of_gene"]
    of_cells: Float[Tensor, " of_cells"]
    profiles: Float[Tensor, "n_genes n_axes"]
    """float16, from `GeneProfiles.tokens`."""
    sign: Int8[Tensor, "n_genes n_tfs"]
    """Of every edge; 0 where there is none."""

    @property
    def held_out(self) -> bool:
        """Whether it validates; all examples of a network are on the same side."""
        return self.network % _HELD_OUT_EVERY == 0


def draw_examples(
    n_networks: Mapping[str, int], *, seed: int, n_processes: int, folder: Path
) -> list[Example]:
    """Simulate networks of every kind and describe their pairs; the same for any `n_processes`.

    Parameters
    ----------
    n_networks
        By kind (`grn.simulation.curriculum.KINDS`).
    seed
        Of networks and cells.
    n_processes
        As `grn.processes` takes it.
    folder
        Where the examples are kept, a file for some networks of a kind. A file that is there
        already is read instead of simulated, so an interrupted run goes on where it stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    calls: list[Callable[[], Path]] = []
    for kind, n in n_networks.items():
        for first in range(0, n, _PER_FILE[kind]):
            some = range(first, min(first + _PER_FILE[kind], n))
            calls.append(partial(_keep, kind, some, seed, folder))
    files = in_order(calls, n_processes)
    return [example for file in files for example in _read(file)]


def _keep(kind: str, some: range, seed: int, folder: Path) -> Path:
    """Write the examples of some networks, unless they are there; return the file."""
    path = folder / f"{kind}-{seed}-{some.start}-{some.stop}.pt"
    if path.exists():
        return path
    with one_thread():
        samples = draw_samples(kind, len(some), seed, 1, first=some.start)
        examples = [
            vars(_describe(view, number))
            for number, sample in zip(some, samples, strict=True)
            for view in _views(sample, number, np.random.default_rng([seed, number]))
        ]
    with replacing(path) as temporary, temporary.open("wb") as file:
        torch.save(examples, file)
    return path


def _read(path: Path) -> Iterator[Example]:
    yield from (Example(**stored) for stored in torch.load(path, weights_only=True))


def _views(sample: Sample, number: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield the sample, where its kind asks for it a part of its cells, and rarely a null."""
    yield sample
    cells = sample.expression
    if sample.kind in _IN_PART:
        n_cells = min(max(_FEWEST_CELLS, int(len(cells) * rng.uniform(*_PART))), len(cells))
        part = cells[rng.choice(len(cells), n_cells, replace=False)]
        # A gene that does not vary says nothing: preprocessing would have removed it.
        if (part != part[0]).any(axis=0).all():
            yield Sample(sample.kind, part, sample.regulates)
    if number % _WITHOUT_EDGES_EVERY == 1:
        yield without_edges(sample, rng)


def _describe(sample: Sample, network: int) -> Example:
    roots = torch.from_numpy(np.sqrt(sample.expression))
    statistics = PairStatistics(roots, torch.arange(len(sample.regulates)))
    return Example(
        kind=sample.kind,
        network=network,
        of_pairs=statistics.block(torch.arange(statistics.n_genes)).half(),
        of_genes=statistics.of_genes,
        of_cells=statistics.of_cells,
        profiles=statistics.profiles.tokens(N_AXES).half(),
        sign=torch.from_numpy(sample.regulates.T.copy()),
    )


@contextmanager
def one_thread() -> Iterator[None]:
    """Give torch one thread: the same numbers, to the last bit, beside other processes or not."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
