"""Estimates how long networks take to find and how much memory, and says so before they do."""

import logging
from typing import NamedTuple

from omegaconf import DictConfig

from grn.data.preprocessing.labels import Labels
from grn.inference.groups import LEAST_CELLS

logger = logging.getLogger(__name__)

# Measured on one core of a Xeon at 2.1 GHz, 400 to 2000 cells, 500 to 4000 genes, 50 to 400
# regulators (nine sizes; off by a fifth, the smallest by a third): seconds of a pair of genes, of
# such a pair for each cell, and of a row in a table of edges, which is ranked and written.
_PER_PAIR, _PER_CELL, _PER_EDGE = 6.5e-6, 8.0e-9, 1.0e-5
# Bytes: of the libraries, of a pair and of a cell and gene while a network is found, and of a row
# of a table of edges that is held meanwhile.
_LIBRARIES, _BYTES_PER_PAIR, _BYTES_PER_VALUE, _BYTES_PER_EDGE = 0.8e9, 340.0, 43.0, 200.0
_LONG = 60.0
"""Seconds from which on the estimate is logged."""
_FEWER_GENES = 2000


class Cost(NamedTuple):
    """What it takes to find some networks."""

    seconds: float
    """Of one core."""
    gigabytes: float
    """Peak of the memory of the process."""


def estimate_cost(
    n_cells: int, n_genes: int, n_tfs: int, n_networks: int = 1, n_tables: int = 1
) -> Cost:
    """Estimate seconds and memory from sizes, within a factor of three on a core of today.

    Parameters
    ----------
    n_cells
        Cells that statistics are computed from, `model.max_cells` at most.
    n_genes, n_tfs
        Genes, and regulators among them.
    n_networks
        Times that a network is found: of all cells, of groups, of bootstraps and permutations.
    n_tables
        Tables of all edges that are held at once: one, and one for each group.

    Examples
    --------
    >>> estimate_cost(2000, 10_000, 1000).seconds > 10 * estimate_cost(2000, 1000, 100).seconds
    True
    """
    n_pairs = n_genes * n_tfs
    once = n_pairs * (_PER_PAIR + _PER_CELL * n_cells)
    n_rows = n_pairs * n_tables
    held = _BYTES_PER_PAIR * n_pairs + _BYTES_PER_VALUE * n_cells * n_genes
    held += _BYTES_PER_EDGE * (n_rows - n_pairs)
    return Cost(n_networks * once + _PER_EDGE * n_rows, (_LIBRARIES + held) / 1e9)


def log_cost(
    config: DictConfig, n_cells: int, n_genes: int, n_tfs: int, labels: Labels | None
) -> None:
    """Log minutes and gigabytes where finding the networks takes more than a minute.

    Parameters
    ----------
    config
        `model.max_cells` and `confidence` are read.
    n_cells, n_genes, n_tfs
        Sizes of the cells.
    labels
        Group of every cell; None: no groups.
    """
    used, confidence = min(n_cells, config.model.max_cells), config.confidence
    sizes = [] if labels is None else [*labels.sizes.values()]
    n_networks = 1 + sum(size >= LEAST_CELLS for size in sizes) + confidence.bootstraps
    n_networks += 2 * confidence.permutations  # with a decoy beside every regulator
    n_tables = 1 + len(sizes)
    cost = estimate_cost(used, n_genes, n_tfs, n_networks, n_tables)
    if cost.seconds < _LONG:
        return
    ways = _ways(confidence, used, n_genes, n_tfs, n_networks, n_tables)
    seconds, way = min(ways)
    logger.info(
        "%d network(s) of %s regulators and %s genes: about %.0f minutes on one core and %.1f GB "
        "(an estimate).%s",
        *(n_networks, f"{n_tfs:,}", f"{n_genes:,}", cost.seconds / 60, cost.gigabytes),
        f" Faster: {way.format(f'{seconds / 60:.1f}')}" if seconds < cost.seconds else "",
    )


def _ways(
    confidence: DictConfig, n_cells: int, n_genes: int, n_tfs: int, n_networks: int, n_tables: int
) -> list[tuple[float, str]]:
    """Return what could be left out, each with the seconds that remain and `{}` for minutes."""

    def seconds(genes: int, tfs: int, networks: int) -> float:
        return estimate_cost(n_cells, genes, tfs, networks, n_tables).seconds

    ways = []
    if 1 < n_tfs == n_genes:
        fewer = min(n_tfs // 2, 1000)
        way = "name the regulators (--tfs human), which are all genes now: about {} minutes with "
        ways.append((seconds(n_genes, fewer, n_networks), f"{way}{fewer:,} of them"))
    elif n_tfs > 1:
        way = "a shorter list of regulators: about {} minutes with half of them"
        ways.append((seconds(n_genes, n_tfs // 2, n_networks), way))
    # Regulators stay, however little they vary.
    kept = min(_FEWER_GENES + n_tfs, n_genes)
    way = f"fewer targets (preprocess.n_top_genes={_FEWER_GENES}): about {{}} minutes"
    ways.append((seconds(kept, n_tfs, n_networks), way))
    for name, n_left_out in (
        ("bootstraps", confidence.bootstraps),
        ("permutations", 2 * confidence.permutations),
    ):
        way = f"fewer {name}: about {{}} minutes without any"
        ways.append((seconds(n_genes, n_tfs, n_networks - n_left_out), way))
    return ways
