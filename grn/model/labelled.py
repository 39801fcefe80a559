"""Mixes what a transformer finds in cells with labels of perturbations into the blend without."""

from typing import NamedTuple

from jaxtyping import Bool
from torch import Tensor

from grn.model.transformer import Found


class Labelled(NamedTuple):
    """Output of the transformer that takes interventions."""

    told: Found
    untold: Found
    """The same without the labels of the cells."""
    tested: Bool[Tensor, "n_genes n_tfs"]
    """Whether one gene of a pair was perturbed."""

    def mix(self, blended: Found, share: float) -> Found:
        """Mix with the blend that knows no interventions, of the same share of the closed form.

        The transformer's share is its own log-odds. The rest is the blend, plus the change of the
        transformer's log-odds by the labels, since the closed form knows nothing of them. Only
        tested pairs count: the closed form differs little between pairs, and small changes of the
        others would hide it.
        """
        return Found(
            *(
                (1 - share) * told + share * (other + self.tested * (told - untold))
                for told, untold, other in zip(self.told, self.untold, blended, strict=True)
            )
        )
