"""How much is believed of the transformer, and how much of closed forms, for some cells."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.background import Alike
from grn.model.pair_statistics import OF_CELLS
from grn.model.transformer import Found

_SURE_COSINE = 0.02  # of ridge profiles: where the sign of a closed form is half sure

N_PARAMETERS = len(OF_CELLS) + 3


class Blend(NamedTuple):
    r"""Mix the last scores of the transformer with a closed form, by statistics of the cells.

    .. math:: e_{ij} = (1 - g)\, e^{\text{transformer}}_{ij} + g\,(a z_{ij} + b), \qquad
        g = \sigma(w_0 + w \cdot \text{statistics of the cells})

    with z what a pair has in common beyond its background (`alike_beyond_background`). Simulated
    networks teach nothing that holds in cells whose genes vary together by programmes, and a
    closed form ignores what simulated networks teach. g is continuous in the number of cells and
    genes, in the share of zeros and in the dominance of one programme; `grn pretrain` fits it,
    a and b to simulated networks and to real cells with known networks. Signs are mixed alike.

    Parameters
    ----------
    weights
        w: in units of the statistics, which are standardised by the transformer's moments.
    offset, slope, intercept
        w₀, a and b.
    """

    weights: Float[Tensor, " of_cells"]
    offset: Float[Tensor, ""]
    slope: Float[Tensor, ""]
    intercept: Float[Tensor, ""]

    @classmethod
    def of(cls, parameters: Float[Tensor, " n_parameters"]) -> "Blend":
        """Return the blend of these parameters, `N_PARAMETERS` of them."""
        return cls(parameters[:-3], *parameters[-3:])

    def share(self, of_cells: Float[Tensor, "*batch of_cells"]) -> Float[Tensor, "*batch"]:
        """Return g, the share of the closed form, from 0 to 1.

        Parameters
        ----------
        of_cells
            Statistics of the cells, standardised.
        """
        return (of_cells @ self.weights + self.offset).sigmoid()

    def mix(
        self,
        found: Found,
        alike: Alike,
        share: Float[Tensor, ""] | float,
    ) -> Found:
        """Return what is believed of every pair.

        Parameters
        ----------
        found
            By the transformer, for one data set.
        alike
            By the closed form, in the same order of genes.
        share
            g of the data set.
        """
        closed = self.slope * alike.beyond_background + self.intercept
        sign = torch.tanh(alike.cosine / _SURE_COSINE)
        return Found(
            (1 - share) * found.log_odds + share * closed,
            (1 - share) * found.sign + share * sign,
        )
