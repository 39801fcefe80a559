"""Steps of preprocessing: logs and records what they remove, and raises if too little remains."""

import logging
import math
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from grn.data.preprocessing.check import MIN_CELLS, MIN_GENES
from grn.errors import InputError

logger = logging.getLogger(__name__)

# If two genes are above 0 in n cells each and share one of them, their correlation is about 1 / n.
# The standard error of a correlation is 1 / sqrt(n_cells). A gene is removed if one shared cell
# exceeds this many standard errors, so that it would make an edge. Chosen by hand.
_STANDARD_ERRORS = 5.0
_LEAST_CELLS = 3  # conventional (scanpy); the rule above gives fewer for up to 225 cells


def enough_cells(n_cells: int) -> int:
    """Return the number of cells in which a gene must be above 0, so that no single cell decides.

    It is 3 for up to 225 cells, 11 for 3,000 and 64 for 100,000.
    """
    return max(_LEAST_CELLS, math.ceil(math.sqrt(n_cells) / _STANDARD_ERRORS))


class Steps:
    """The remaining cells and genes, and a record of the steps.

    Parameters
    ----------
    n_cells, n_genes
        Shape before the first step.
    """

    def __init__(self, n_cells: int, n_genes: int) -> None:
        self.cells: Bool[np.ndarray, " n_cells"] = np.ones(n_cells, bool)
        self.genes: Bool[np.ndarray, " n_genes"] = np.ones(n_genes, bool)
        self.taken: dict[str, dict[str, Any]] = {}
        """The settings of every step in order, with `removed_cells` or `removed_genes`."""

    def keep_cells(self, step: str, enough: Bool[np.ndarray, " n_cells"], **settings: Any) -> None:
        """Remove the cells that are not marked in `enough`.

        Raises
        ------
        InputError
            Fewer than 20 cells are left.
        """
        self.cells = self._narrow(step, "cells", self.cells, enough, MIN_CELLS, settings)

    def keep_genes(self, step: str, enough: Bool[np.ndarray, " n_genes"], **settings: Any) -> None:
        """Remove the genes that are not marked in `enough`.

        Raises
        ------
        InputError
            Fewer than 5 genes are left.
        """
        self.genes = self._narrow(step, "genes", self.genes, enough, MIN_GENES, settings)

    def drop_rare(self, cells_per_gene: Int[np.ndarray, " n_genes"], min_cells: int) -> None:
        """Remove genes that are detected in fewer than `min_cells` cells, and log their number.

        Raises
        ------
        InputError
            Fewer than 5 genes are left.
        """
        rare = self.genes & (cells_per_gene > 0) & (cells_per_gene < min_cells)
        n_rare, n_genes = int(rare.sum()), int(self.genes.sum())
        if not n_rare:
            return
        n_cells = int(self.cells.sum())
        if n_genes - n_rare < MIN_GENES:
            msg = (
                f"{n_rare} of {n_genes} genes are above 0 in fewer than {min_cells} of {n_cells} "
                f"cells, so fewer than {MIN_GENES} are left. Pass a matrix with more genes or "
                "cells, or keep them with preprocess.min_cells=null."
            )
            raise InputError(msg)
        logger.warning(
            "removed %d of %d genes that are above 0 in fewer than %d of %d cells: their edges "
            "would depend on these few cells (preprocess.min_cells=auto; a number sets the least "
            "number of cells, null keeps every gene)",
            n_rare,
            n_genes,
            min_cells,
            n_cells,
        )
        self.taken["rare_genes"] = {"min_cells": min_cells, "removed_genes": n_rare}
        self.genes = self.genes & ~rare

    def drop_constant(self, varies: Bool[np.ndarray, " n_genes"]) -> int:
        """Remove the genes that are constant over the remaining cells, and return their number.

        Raises
        ------
        InputError
            Fewer than 5 genes vary.
        """
        n_genes, left = int(self.genes.sum()), self.genes & varies
        n_varying = int(left.sum())
        if n_varying < MIN_GENES:
            msg = (
                f"only {n_varying} of {n_genes} genes vary over the {int(self.cells.sum())} "
                f"cells; at least {MIN_GENES} are needed. Pass a matrix with more genes, or check "
                "that it holds expression values (cells × genes)."
            )
            raise InputError(msg)
        n_constant = n_genes - n_varying
        if n_constant:
            logger.warning("dropped %d gene(s) with the same value in every cell", n_constant)
            self.taken["constant_genes"] = {"removed_genes": n_constant}
        self.genes = left
        return n_constant

    def _narrow(
        self,
        step: str,
        what: str,
        before: Bool[np.ndarray, " n"],
        enough: Bool[np.ndarray, " n"],
        at_least: int,
        settings: dict[str, Any],
    ) -> Bool[np.ndarray, " n"]:
        settings = {key: value for key, value in settings.items() if value is not None}
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        left = np.asarray(before & enough)
        n_left, n_before = int(left.sum()), int(before.sum())
        if n_left < at_least:
            msg = (
                f"preprocess.{shown} leaves {n_left} of {n_before} {what}; at least {at_least} "
                "are needed. Relax it, or set it to null to leave the step out."
            )
            raise InputError(msg)
        logger.info("%s: removed %d of %d %s", shown, n_before - n_left, n_before, what)
        self.taken[step] = {**settings, f"removed_{what}": n_before - n_left}
        return left
