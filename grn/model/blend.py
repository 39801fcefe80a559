"""How much is believed of the transformer, and how much of closed forms, for some cells."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.background import Alike
from grn.model.transformer import N_SUMMARY, Found

_SURE_COSINE = 0.02  # of ridge profiles: where the sign of a closed form is half sure
_LEAST = 1e-12

N_EVIDENCE = N_SUMMARY + 2
"""Length of `evidence`."""
N_PARAMETERS = N_EVIDENCE + 3


class Blend(NamedTuple):
    r"""Mix the transformer's log-odds with a closed form, by statistics of the cells.

    .. math:: m = (1 - g)\, \hat e + g\, z, \qquad
        e \leftarrow (1 - g)\,(\mu_e + \sigma_e m) + g\,(a m + b), \qquad
        g = \sigma(w_0 + w \cdot \text{evidence})

    with z what a pair has in common beyond its background (`alike_beyond_background`), and ê the
    log-odds e of the transformer less their mean μ over all pairs, in units of their standard
    deviation σ, as z is. The evidence is a summary of the cells, with μ and σ, which say how sure
    the transformer is. Simulated networks teach little that holds in cells whose genes vary
    together by programmes, and a closed form ignores what simulated networks teach. g is
    continuous in everything it depends on; `grn pretrain` fits it, a and b to simulated networks
    and to real cells with known networks. Signs are mixed alike.

    Parameters
    ----------
    weights
        w, of the `evidence`.
    offset, slope, intercept
        w₀, a and b.
    """

    weights: Float[Tensor, " evidence"]
    offset: Float[Tensor, ""]
    slope: Float[Tensor, ""]
    intercept: Float[Tensor, ""]

    @classmethod
    def of(cls, parameters: Float[Tensor, " n_parameters"]) -> "Blend":
        """Return the blend of these parameters, `N_PARAMETERS` of them."""
        return cls(parameters[:-3], *parameters[-3:])

    def share(self, of: Float[Tensor, " evidence"]) -> float:
        """Return g, the share of the closed form, from 0 to 1, where the evidence is this."""
        return float((of @ self.weights + self.offset).sigmoid())

    def mix(self, found: Found, alike: Alike, share: float) -> Found:
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
    """Return what the share is a function of.

    Parameters
    ----------
    summary
        Of the cells (`SphericalTransformer.summarise`).
    found
        By the transformer, for the same cells.
    """
    spread, mean = torch.std_mean(found.log_odds)
    return torch.cat([summary, torch.stack([mean, spread])])


def standardised(found: Found) -> Float[Tensor, "n_genes n_tfs"]:
    """Return the log-odds less their mean over all pairs, in units of their spread."""
    spread, mean = torch.std_mean(found.log_odds)
    return (found.log_odds - mean) / spread.clamp_min(_LEAST)
