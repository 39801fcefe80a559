"""Warns of likely mistakes: gene names that Excel has changed, and copies of cells."""

import logging
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from jaxtyping import Int

from grn.names.symbols import first_of

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

# Forms of MARCH1, SEPT2 and DEC1 after Excel has read them, in some of its languages.
_MONTH = (
    r"(jan|feb|mar|mär|mrz|mars|apr|avr|may|mai|maj|jun|juin|jul|juil|aug|aoû|ago|sep|sept|set|"
    r"oct|okt|out|nov|dec|dez|déc|dic)[a-zé]*\.?"
)
_DATE = re.compile(
    rf"""\d{{1,2}}[-./ ]{_MONTH}([-./ ]\d{{2,4}})?   # 1-Mar, 02-Sep-2020
    | \d{{4}}-\d{{2}}-\d{{2}}([ T]00:00(:00)?)?      # 2020-03-01
    | \d{{1,2}}(?P<mark>[./-])\d{{1,2}}(?P=mark)\d{{2,4}}           # 3/1/2020
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Excel writes Mar-01; mar-1 and sep-1 are genes of the worm.
_MONTH_FIRST = re.compile(r"(Mar|Sep|Sept|Dec|Oct|Nov|Feb|Apr)-\d{2}")
# Excel also stores dates as days since 1900, here of the years 1990 to 2050, and reads RIKEN
# clones such as 2310009E13 as numbers.
_DAYS = range(32_874, 54_789)
_POWER_OF_TEN = re.compile(r"\d(\.\d+)?E[+-]?\d{2}", re.IGNORECASE)
_FEW = 0.1  # share of the names; if more are numbers, they are ids. Chosen by hand
# Cells with fewer genes may be equal by chance. Chosen by hand.
_GENES_OF_A_COPY = 10


def warn_of_excel(names: "pd.Index[Any]") -> None:
    """Warn if names of genes are dates or powers of ten, to which Excel converts symbols."""
    text = [str(name).strip() for name in names]
    numbers = [name for name in text if name.isdecimal()]
    # If many names are numbers, they are ids such as those of Entrez.
    days = {name for name in numbers if int(name) in _DAYS}
    if len(numbers) > _FEW * len(text):
        days = set()
    found = [
        name
        for name in text
        if name in days
        or _DATE.fullmatch(name)
        or _MONTH_FIRST.fullmatch(name)
        or _POWER_OF_TEN.fullmatch(name)
    ]
    if found:
        logger.warning(
            "%d gene(s) have names that Excel makes of symbols: %s. MARCH1 becomes 1-Mar, SEPT2 "
            "2-Sep or a number of days, and they match no list of TFs: take the names from a file "
            "that Excel has not opened",
            len(found),
            first_of(found),
        )


class Copies:
    """Finds cells that are exact copies of an earlier one, by a digest of each row.

    Parameters
    ----------
    n_cells
        Number of cells of the whole matrix.
    """

    def __init__(self, n_cells: int) -> None:
        self._digests: Int[np.ndarray, " n_cells"] = np.zeros(n_cells, np.int64)

    def look(self, block: Any, start: int, n_above: Int[np.ndarray, " n"]) -> None:
        """Check a block of rows, given the number of values above 0 of each."""
        for row in np.flatnonzero(n_above >= _GENES_OF_A_COPY):
            if sp.issparse(block):
                part = slice(block.indptr[row], block.indptr[row + 1])
                digest = hash((block.indices[part].tobytes(), block.data[part].tobytes()))
            else:
                digest = hash(block[row].tobytes())
            self._digests[start + row] = digest

    def warn(self, names: "pd.Index[Any]") -> None:
        """Warn of the copies, if there are any."""
        cells = np.flatnonzero(self._digests)
        _, first, which = np.unique(self._digests[cells], return_index=True, return_inverse=True)
        copies = np.flatnonzero(first[which] != np.arange(len(cells)))
        if len(copies):
            logger.warning(
                "%d cell(s) are exact copies of others, such as %s of %s: was a sample joined "
                "twice? Each copy counts as further evidence; drop them",
                len(copies),
                names[cells[copies[0]]],
                names[cells[first[which[copies[0]]]]],
            )
