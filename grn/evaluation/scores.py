"""What every method returns: a number for each pair of a regulator and a target."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Scores(NamedTuple):
    """The result of one method on some cells."""

    weight: Float[np.ndarray, "n_tfs n_genes"] | None
    """Signed strength of every pair; None where the method knows no sign."""
    importance: Float[np.ndarray, "n_tfs n_genes"]
    """The number that ranks the pairs."""
