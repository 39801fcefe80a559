"""Simulated networks as training examples: inputs of the transformer, and the truth."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int8
from torch import Tensor

from grn.model.apply import N_AXES
from grn.model.interventional_statistics import InterventionalStatistics
from grn.model.pair_statistics import PairStatistics
from grn.model.threads import one_thread
from grn.processes import in_order
from grn.simulation.curriculum import SCREENS, Sample, draw_samples, without_edges
from grn.training.serialise import write_tensors

logger = logging.getLogger(__name__)

# Networks 0, 12, 24, … of every kind are held out, so a kind needs at least two networks. Of the
# rarest kind in conf/pretrain.yaml 50 are held out, which suffices; the number was not measured.
_HELD_OUT_EVERY = 12
FEWEST_NETWORKS = 2

# Kinds that are slow to simulate. Their networks are shown a second time, with fewer cells.
_IN_PART = frozenset({"boolean", "large_boolean"})
# Range of the share of cells in the second view, which has more sampling error. Not measured.
_PART = (0.3, 0.8)
_FEWEST_CELLS = 60  # of a second view; with fewer, most correlations are due to chance
# One network in twenty is also shown without edges, so that the transformer learns to report none.
# Not measured.
_WITHOUT_EDGES_EVERY = 20
# One screen in five is also shown without its labels, so that the transformer that takes
# interventions can say what they changed. Not measured.
_WITHOUT_LABELS_EVERY = 5
# Number of networks of a file: 2 to 20 seconds of work, which an interruption may lose.
_PER_FILE = {"boolean": 100, "large_boolean": 10, "single_cell": 10, "bulk": 20}
_PER_FILE |= {"boolean_screen": 5, "cell_screen": 10, "bulk_screen": 20}


@dataclass(frozen=True)
class Example:
    """One network and statistics of some of its cells; the regulators are the first genes."""

    kind: str
    network: int
    """Number of the network within its kind; views of one network share it."""
    of_pairs: Float[Tensor, "of_pair n_genes n_tfs"]
    """`PairStatistics.block`, in float16; then `InterventionalStatistics.block`, if the kind is in
    `SCREENS`. The next two are made likewise."""
    of_genes: Float[Tensor, "n_genes of_gene"]
    of_cells: Float[Tensor, " of_cells"]
    profiles: Float[Tensor, "n_genes n_axes"]
    """`GeneProfiles.tokens`, in float16."""
    sign: Int8[Tensor, "n_genes n_tfs"]
    """Sign of every edge; 0 where there is none."""

    @property
    def held_out(self) -> bool:
        """Whether the example is held out, as all views of its network are."""
        return self.network % _HELD_OUT_EVERY == 0


def draw_examples(
    n_networks: Mapping[str, int], *, seed: int, n_processes: int, folder: Path
) -> list[Example]:
    """Simulate networks of every kind and describe their pairs; the same for any `n_processes`.

    Parameters
    ----------
    n_networks
        Numbers of networks by kind (`grn.simulation.curriculum.KINDS`).
    seed
        Seed of networks and cells.
    n_processes
        Number of processes, as in `grn.processes`.
    folder
        Folder of the examples, with one file for some networks of a kind. Existing files are read
        instead of simulated, so an interrupted run continues where it stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    calls: list[Callable[[], Path]] = []
    for kind, n in n_networks.items():
        for first in range(0, n, _PER_FILE[kind]):
            some = range(first, min(first + _PER_FILE[kind], n))
            calls.append(partial(_keep, kind, some, seed, folder))
    files = in_order(calls, n_processes, "simulating networks")
    return [example for file in files for example in _read(file)]


def _keep(kind: str, some: range, seed: int, folder: Path) -> Path:
    """Write the examples of some networks unless their file exists; return the file."""
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
    write_tensors(examples, path)
    return path


def _read(path: Path) -> Iterator[Example]:
    yield from (Example(**stored) for stored in torch.load(path, weights_only=True))


def _views(sample: Sample, number: int, rng: np.random.Generator) -> Iterator[Sample]:
    """Yield the sample; for slow kinds also a part of its cells; for some also without edges."""
    yield sample
    cells = sample.expression
    if sample.kind in _IN_PART:
        n_cells = min(max(_FEWEST_CELLS, int(len(cells) * rng.uniform(*_PART))), len(cells))
        part = cells[rng.choice(len(cells), n_cells, replace=False)]
        # Constant genes carry no information, and preprocessing would have removed them.
        if (part != part[0]).any(axis=0).all():
            yield Sample(sample.kind, part, sample.regulates)
    if sample.kind in SCREENS and number % _WITHOUT_LABELS_EVERY == 2:
        yield replace(sample, interventions=None)
    if number % _WITHOUT_EDGES_EVERY == 1:
        yield without_edges(sample, rng)


def _describe(sample: Sample, network: int) -> Example:
    roots = torch.from_numpy(np.sqrt(sample.expression))
    tfs, genes = torch.arange(len(sample.regulates)), torch.arange(roots.shape[1])
    statistics = PairStatistics(roots, tfs)
    of = [(statistics.block(genes), statistics.of_genes, statistics.of_cells)]
    if sample.kind in SCREENS:
        changes = InterventionalStatistics(roots, sample.interventions, tfs)
        of.append((changes.block(genes), changes.of_genes, changes.of_cells))
    of_pairs, of_genes, of_cells = zip(*of, strict=True)
    return Example(
        kind=sample.kind,
        network=network,
        of_pairs=torch.cat(of_pairs).half(),
        of_genes=torch.cat(of_genes, dim=1),
        of_cells=torch.cat(of_cells),
        profiles=statistics.profiles.tokens(N_AXES).half(),
        sign=torch.from_numpy(sample.regulates.T.copy()),
    )
