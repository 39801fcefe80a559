"""Blends the transformer with a closed form, by a share that depends on the cells."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from grn.model.background import Alike
from grn.model.summary import N_SUMMARY
from grn.model.transformer import Found

# Cosine of ridge profiles at which the sign of the closed form is tanh(1) = 0.76 of ±1.
# Not measured: it is small, so that all but the weakest cosines have a whole sign.
_SURE_COSINE = 0.02
_LEAST = 1e-12  # keeps divisions by a standard deviation of 0 finite

N_EVIDENCE = N_SUMMARY + 3
"""Length of `evidence`."""
N_VOTES, N_HIDDEN = 3, 4
"""Networks that vote on the share, and hidden units of each (docs/experiments.md)."""
_SIZES = (N_VOTES * N_HIDDEN * N_EVIDENCE, N_VOTES * N_HIDDEN, N_VOTES * N_HIDDEN, N_VOTES, 1, 1)
N_PARAMETERS = sum(_SIZES)


class Blend(NamedTuple):
    r"""Weighted mean of the transformer's log-odds and a closed form, by statistics of the cells.

    .. math:: m = (1 - g)\, \hat e + g\, z, \qquad
        e \leftarrow (1 - g)\,(\mu_e + \sigma_e m) + g\,(a m + b), \qquad
        g = \tfrac13 \sum_v \sigma(w_v \cdot \tanh(A_v\, \text{evidence} + c_v) + d_v)

    where z is the similarity of a pair beyond its background (`alike_beyond_background`), and ê
    are the transformer's log-odds e, standardised over all pairs by their mean μ and standard
    deviation σ, as z is. The evidence is a summary of the cells together with μ and σ, which
    measure how certain the transformer is, and the mean product of ê and z. Three small networks v
    are averaged, so that g depends less on where their fit began.

    The transformer was trained on simulated networks, and little of that holds in real cells whose
    programmes make genes vary together; the closed form uses nothing from simulations. g is
    continuous in all of its inputs. `grn pretrain` fits g to simulated networks and to real cells
    with known networks, and a and b to the latter. Signs are blended likewise.

    Parameters
    ----------
    inner, inner_offset
        A and c, of all networks.
    outer, outer_offset
        w and d.
    slope, intercept
        a and b.
    """

    inner: Float[Tensor, "votes hidden evidence"]
    inner_offset: Float[Tensor, "votes hidden"]
    outer: Float[Tensor, "votes hidden"]
    outer_offset: Float[Tensor, " votes"]
    slope: Float[Tensor, ""]
    intercept: Float[Tensor, ""]

    @classmethod
    def of(cls, parameters: Float[Tensor, " n_parameters"]) -> "Blend":
        """Return the blend with these `N_PARAMETERS` parameters, in the order of the fields."""
        inner, inner_offset, outer, outer_offset, slope, intercept = torch.split(
            parameters, list(_SIZES)
        )
        return cls(
            inner.view(N_VOTES, N_HIDDEN, N_EVIDENCE),
            inner_offset.view(N_VOTES, N_HIDDEN),
            outer.view(N_VOTES, N_HIDDEN),
            outer_offset,
            slope[0],
            intercept[0],
        )

    def votes(self, of: Float[Tensor, "*batch evidence"]) -> Float[Tensor, "*batch votes"]:
        """Return the share that each of the small networks gives for this evidence."""
        hidden = torch.einsum("vhe,...e->...vh", self.inner, of) + self.inner_offset
        return ((hidden.tanh() * self.outer).sum(dim=-1) + self.outer_offset).sigmoid()

    def share(self, of: Float[Tensor, " evidence"]) -> float:
        """Return g, the share of the closed form from 0 to 1, for this evidence."""
        return float(self.votes(of).mean())

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


def evidence(
    summary: Float[Tensor, " summary"], found: Found, alike: Alike
) -> Float[Tensor, " evidence"]:
    """Return the numbers that the share is a function of.

    Parameters
    ----------
    summary
        Summary of the cells (`grn.model.summary.summarise`).
    found
        Output of the transformer for the same cells.
    alike
        Closed form for the same cells.
    """
    spread, mean = torch.std_mean(found.log_odds)
    agreement = (standardised(found) * alike.beyond_background).mean()
    return torch.cat([summary, torch.stack([mean, spread, agreement])])


def standardised(found: Found) -> Float[Tensor, "n_genes n_tfs"]:
    """Return the log-odds at mean 0 and standard deviation 1 over all pairs."""
    spread, mean = torch.std_mean(found.log_odds)
    return (found.log_odds - mean) / spread.clamp_min(_LEAST)
