"""Which genes were perturbed in which cells, as arrays."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

NO_GROUP = -1
"""Group of a cell about which nothing is known, or whose perturbed genes were not measured."""

KNOCK_OUT, KNOCK_DOWN, ACTIVATION = "knock-out", "knock-down", "activation"
"""Kinds of perturbations."""
DOSES = {KNOCK_OUT: -1.0, KNOCK_DOWN: -0.5, ACTIVATION: 1.0}
"""How much a gene is perturbed by each kind, as `Interventions.dose` has it."""


@dataclass(frozen=True)
class Interventions:
    """The perturbation of every cell: cells of one group were perturbed alike.

    Examples
    --------
    Two control cells, one with the first of two genes knocked out, and one unknown:

    >>> import numpy as np
    >>> dose = np.array([[0, 0], [-1, 0]], dtype=np.float32)
    >>> interventions = Interventions(np.array([0, 0, 1, -1]), dose)
    >>> interventions.perturbed_genes
    array([0])
    """

    group: Int[np.ndarray, " n_cells"]
    """Row of `dose` for every cell: 0 is the control; −1 (`NO_GROUP`) is neither."""
    dose: Float[np.ndarray, "n_groups n_genes"]
    """How much each gene is perturbed in a group: −1 knocked out, −½ knocked down, 1 activated, 0
    not perturbed. The first row, that of the control, is 0 everywhere."""

    @property
    def perturbed_genes(self) -> Int[np.ndarray, " n_perturbed"]:
        """Positions of the genes that are perturbed in some cell, in order."""
        present = np.unique(self.group[self.group > 0])
        genes: np.ndarray = np.flatnonzero((self.dose[present] != 0).any(axis=0))
        return genes

    @property
    def can_compare(self) -> bool:
        """Whether a perturbation can be compared with controls, or with another one."""
        return len(np.unique(self.group[self.group >= 0])) > 1

    def of_cells(self, rows: Int[np.ndarray, " n_rows"]) -> "Interventions":
        """Return the interventions of some cells, which may repeat."""
        return Interventions(self.group[rows], self.dose)
