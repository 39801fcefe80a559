"""Converts knock-outs and knock-downs to factors on transcription, one group of cells each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from grn.errors import InputError

CONTROL = "control"
_Array = np.ndarray[Any, np.dtype[np.float64]]


def rate_factors(
    genes: Sequence[str], knockouts: Iterable[str], knockdowns: Mapping[str, float] | None
) -> dict[str, _Array]:
    """Return the factors on transcription in each group, shape (n_genes,) each.

    Parameters
    ----------
    genes
        All genes of the model.
    knockouts
        Genes that are not transcribed, each in a group of its own.
    knockdowns
        Genes that are transcribed less, each in a group of its own, with the factor.

    Returns
    -------
    `control` first, then one group per gene, named after it.

    Raises
    ------
    InputError
        No such gene; a gene named twice; a factor that is not between 0 and 1.
    """
    perturbed = [(gene, 0.0) for gene in knockouts]
    for gene, factor in (knockdowns or {}).items():
        if not 0.0 < factor < 1.0:
            msg = (
                f"the knock-down of {gene} has the factor {factor}; expected one between 0 and 1, "
                "such as 0.2. A factor of 0 is a knock-out."
            )
            raise InputError(msg)
        perturbed.append((gene, factor))
    groups = {CONTROL: np.ones(len(genes))}
    position = {gene: place for place, gene in enumerate(genes)}
    for gene, factor in perturbed:
        if gene not in position:
            msg = f"no gene {gene!r} in this model, whose genes are: {', '.join(genes)}."
            raise InputError(msg)
        if gene in groups:
            msg = f"{gene} is perturbed twice; give each gene once, as a knock-out or knock-down."
            raise InputError(msg)
        groups[gene] = np.ones(len(genes))
        groups[gene][position[gene]] = factor
    return groups
