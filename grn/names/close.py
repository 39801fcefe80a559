"""Suggests existing names that resemble an unknown one, for error messages."""

import difflib
from collections.abc import Collection

from grn.names.symbols import listed

_N_CLOSE = 5  # of a line of the message; chosen by hand


def did_you_mean(name: str, there: Collection[str]) -> str:
    """Return a sentence that suggests similar names, or lists a few if none is similar.

    Parameters
    ----------
    name
        The unknown name; its case is ignored.
    there
        The names that exist.

    Examples
    --------
    >>> did_you_mean("gata1", ["GATA1", "SPI1"])
    'Did you mean GATA1?'
    """
    folded = {one.casefold(): one for one in sorted(there, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), folded, n=_N_CLOSE)
    if close:
        return f"Did you mean {' or '.join(folded[one] for one in close)}?"
    return f"There are {len(folded)} names, among them {listed(there)}."
