"""Collects evidence from a sample of cells for linear values or logarithms, and their base."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Float, Int

# Number of evenly spaced cells in the sample. The standard error of a share is then 2 %.
N_SAMPLED = 1000
# No logarithm of a count reaches 50 (log2 of 1e15): larger fractional values are linear.
LARGEST_LOG_VALUE = 50.0
# For each kind of logarithm, the function that returns the linear value.
LOGARITHMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "log1p": np.expm1,
    "log2(x + 1)": lambda value: np.exp2(value) - 1,
    "log10(x + 1)": lambda value: np.power(10.0, value) - 1,
}
# Totals that differ by less are taken as equal, since values may be written with few digits.
# Chosen by hand, as are the other numbers below unless their source is stated.
_SPREAD_OF_ONE_TOTAL = 2e-3
# Samples that were normalised separately have one total each. Both numbers were chosen by hand.
_MOST_TOTALS = 20
_CELLS_PER_TOTAL = 10  # with fewer cells of each, totals agree by chance
# Larger multiples cannot be distinguished from other numbers in float32 or in a text file.
_LARGEST_MULTIPLE = 200.0
# By chance 4 % of the multiples are whole within this tolerance, and 2 to 8 % of those of real
# logarithms. Nearly all are for scaled counts (docs/values.md), so any share between would do.
_TOLERANCE = 0.02
_LEAST_COMPARED = 20
_SHARE_OF_MULTIPLES = 0.9
# Counts vary at least as a Poisson distribution of their mean does; rounded logarithms do not.
# Chosen by hand: below a mean of 3, and over fewer genes, the ratio of variance to mean is loose.
_MEAN_TO_VARY = 3.0
_LEAST_DISPERSION = 0.4
_LEAST_GENES = 5


@dataclass
class Form:
    """Statistics of the sampled cells, unchanged or after undoing a logarithm."""

    totals: list[float] = field(default_factory=list)
    """Total of each cell that has a value above 0."""
    n_compared: int = 0
    n_multiples: int = 0
    n_decimal: int = 0
    """Number of cells whose values are multiples of .1, .01, … and include that number."""

    @property
    def has_one_total(self) -> bool:
        """Whether all cells have the same total, or one of a few totals."""
        totals = np.asarray(self.totals)
        if not len(totals):
            return False
        if totals.std() < _SPREAD_OF_ONE_TOTAL * totals.mean():
            return True
        distinct = {f"{total:.5g}" for total in self.totals}
        return len(distinct) <= min(_MOST_TOTALS, len(totals) / _CELLS_PER_TOTAL)

    @property
    def is_decimal(self) -> bool:
        """Whether the values of most cells are multiples of .1, .01, …: divided or rounded."""
        return 2 * self.n_decimal > len(self.totals)

    @property
    def holds_multiples(self) -> bool:
        """Whether the values of a cell are whole multiples of one number, as scaled counts are.

        Multiples of .1, .01, … do not count, since all rounded numbers are such multiples.
        """
        enough = self.n_compared >= _LEAST_COMPARED
        return enough and self.n_multiples >= _SHARE_OF_MULTIPLES * self.n_compared

    def look(self, values: Float[np.ndarray, " n"]) -> None:
        """Add a cell, given as its values above 0 in ascending order."""
        self.totals.append(float(values.sum()))
        distinct = values[np.diff(values, prepend=0.0) > 1e-5 * values]
        if not len(distinct):
            return
        # Some scaled counts are a single step apart, even if the smallest count is not 1.
        step = float(np.diff(distinct, prepend=0.0).min())
        if _is_last_digit(step):
            self.n_decimal += int(distinct[0] < 1.5 * step)
            return
        multiples = distinct / step
        multiples = multiples[(multiples > 2 - _TOLERANCE) & (multiples < _LARGEST_MULTIPLE)]
        self.n_compared += len(multiples)
        self.n_multiples += int((np.abs(multiples - np.rint(multiples)) < _TOLERANCE).sum())


def _is_last_digit(step: float) -> bool:
    """Distinguish .1, .01, … from other steps."""
    digits = -np.log10(step)
    return bool(digits > 0.5 and abs(digits - np.rint(digits)) < 1e-2)


class Evidence:
    """Collects evidence from the sampled cells while all rows are read once.

    Parameters
    ----------
    n_cells, n_genes
        Shape of the whole matrix.
    """

    def __init__(self, n_cells: int, n_genes: int) -> None:
        positions = np.linspace(0, n_cells - 1, min(n_cells, N_SAMPLED))
        self._sampled: Int[np.ndarray, " n"] = np.unique(positions.astype(int))
        self._sum, self._squares = np.zeros(n_genes), np.zeros(n_genes)
        self.linear = Form()
        self.unlogged = {name: Form() for name in LOGARITHMS}
        self.least: list[float] = []
        """Smallest value above 0 of each sampled cell."""
        self.medians: list[float] = []
        """Median of the values above 0 of each sampled cell."""
        self.has_zeros = False
        self.has_neighbours = False
        """Whether two values of a cell differ by exactly 1."""

    def look(self, block: Any, start: int) -> None:
        """Add the sampled cells of a block of rows, whose values are finite and not negative."""
        rows = self._sampled - start
        rows = rows[(rows >= 0) & (rows < block.shape[0])]
        if not len(rows):
            return
        cells = block[rows].astype(float)
        self._sum += np.asarray(cells.sum(axis=0)).ravel()
        squares = cells.multiply(cells) if sp.issparse(cells) else cells**2
        self._squares += np.asarray(squares.sum(axis=0)).ravel()
        for i in range(len(rows)):
            self._look_at(cells[[i]].data if sp.issparse(cells) else cells[i], block.shape[1])

    def _look_at(self, stored: Float[np.ndarray, " n"], n_genes: int) -> None:
        values = np.sort(stored[stored > 0])
        self.has_zeros |= len(values) < n_genes
        if not len(values):
            return
        self.least.append(float(values[0]))
        self.medians.append(float(np.median(values)))
        self.has_neighbours |= bool((np.diff(values) == 1).any())
        self.linear.look(values)
        if values[-1] <= LARGEST_LOG_VALUE:
            for name, undo in LOGARITHMS.items():
                self.unlogged[name].look(undo(values))

    @property
    def varies_less_than_counts(self) -> bool:
        """Whether most of the genes with large values vary far less than counts of that size."""
        mean = self._sum / len(self._sampled)
        variance = self._squares / len(self._sampled) - mean**2
        large = (mean >= _MEAN_TO_VARY) & (variance > 0)
        regular = large & (variance < _LEAST_DISPERSION * mean)
        return bool(large.sum() >= _LEAST_GENES and 2 * regular.sum() > large.sum())
