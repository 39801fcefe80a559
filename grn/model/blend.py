"""Blends the transformer with a closed form, by a share that depends on the cells."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.background import Alike
from grn.model.transformer import N_SUMMARY, Found

# Cosine of ridge profiles at which the sign of the closed form is tanh(1) = 0.76 of ±1.
# Not measured: it is small, so that all but the weakest cosines have a whole sign.
_SURE_COSINE = 0.02
_LEAST = 1e-12  # keeps divisions by a standard deviation of 0 finite

N_EVIDENCE = N_SUMMARY + 2
"""Length of `evidence`."""
N_PARAMETERS = N_EVIDENCE + 3


class Blend(NamedTuple):
    r"""Weighted mean of the transformer's log-odds and a closed form, by statistics of the cells.

    .. math:: m = (1 - g)\, \hat e + g\, z, \qquad
        e \leftarrow (1 - g)\,(\mu_e + \sigma_e m) + g\,(a m + b), \qquad
        g = \sigma(w_0 + w \cdot \text{evidence})

    where z is the similarity of a pair beyond its background (`alike_beyond_background`), and ê
    are the transformer's log-odds e, standardised over all pairs by their mean μ and standard
    deviation σ, as z is. The evidence is a summary of the cells together with μ and σ, which
    measure how certain the transformer is. The transformer was trained on simulated networks, and
    little of that holds in real cells whose programmes make genes vary together; the closed form
    uses nothing from simulations. g is continuous in all of its inputs. `grn pretrain` fits g, a
    and b to simulated networks and to real cells with known networks. Signs are blended likewise.

    Parameters
    ----------
    weights
        w, one number for each entry of `evidence`.
    offset, slope, intercept
        w₀, a and b.
    """

    weights: Float[Tensor, " evidence"]
    offset: Float[Tensor, ""]
    slope: Float[Tensor, ""]
    intercept: Float[Tensor, ""]

    @classmethod
    def of(cls, parameters: Float[Tensor, " n_parameters"]) -> "Blend":
        """Return the blend with these `N_PARAMETERS` parameters."""
        return cls(parameters[:-3], *parameters[-3:])

    def share(self, of: Float[Tensor, " evidence"]) -> float:
        """Return g, the share of the closed form from 0 to 1, for this evidence."""
        return float((of @ self.weights + self.offset).sigmoid())

    def mix(self, found: Found, alike: Alike, share: float) -> Found:
        """Return the blended log-odds and signs of every pair.

        Parameters
        ----------
        found
            Output of the transformer for one data set.
        alike
            Closed form for the same genes in the same order.
        share
            g of the data set.
        """
        spread, mean = torch.std_mean(found.log_odds)
        standard = standardised(found)
        mixed = (1 - share) * standard + share * alike.beyond_background
        of_transformer, of_closed_form = mean + spread * mixed, self.slope * mixed + self.intercept
        sign = torch.tanh(alike.cosine / _SURE_COSINE)
        return Found(
            (1 - share) * of_transformer + share * of_closed_form,
            (1 - share) * found.sign + share * sign,
        )


def evidence(summary: Float[Tensor, " summary"], found: Found) -> Float[Tensor, " evidence"]:
    """Return the numbers that the share is a function of.

    Parameters
    ----------
    summary
        Summary of the cells (`SphericalTransformer.summarise`).
    found
        Output of the transformer for the same cells.
    """
    spread, mean = torch.std_mean(found.log_odds)
    return torch.cat([summary, torch.stack([mean, spread])])


def standardised(found: Found) -> Float[Tensor, "n_genes n_tfs"]:
    """Return the log-odds at mean 0 and standard deviation 1 over all pairs."""
    spread, mean = torch.std_mean(found.log_odds)
    return (found.log_odds - mean) / spread.clamp_min(_LEAST)
