"""Names that are close to one that is not there, for messages."""

import difflib
from collections.abc import Collection

from grn.names.symbols import listed

_N_CLOSE = 5


def did_you_mean(name: str, there: Collection[str]) -> str:
    """Return a sentence with the names that are close, whatever their case; else with some of all.

    Examples
    --------
    >>> did_you_mean("gata1", ["GATA1", "SPI1"])
    'Did you mean GATA1?'
    """
    folded = {one.casefold(): one for one in sorted(there, reverse=True)}
    close = difflib.get_close_matches(name.casefold(), folded, n=_N_CLOSE)
    if close:
        return f"Did you mean {' or '.join(folded[one] for one in close)}?"
    return f"The {len(folded)} that are there are such as {listed(there)}."
