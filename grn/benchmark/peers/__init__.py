"""The methods that ours is compared with, with one signature."""

from collections.abc import Callable
from functools import wraps
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int

from grn.benchmark.peers.correlation import spearman, spearman_double_centred
from grn.benchmark.peers.diffusion import regdiffusion
from grn.benchmark.peers.information import pidc
from grn.benchmark.peers.trees import genie3, grnboost2
from grn.evaluation import controls
from grn.evaluation.closed_form import closed_form, closed_form_max
from grn.evaluation.scores import Scores
from grn.expression import Expression

__all__ = ["PEERS", "Peer"]


@runtime_checkable
class Peer(Protocol):
    """A method that reads a network from the cells alone."""

    def __call__(
        self, expression: Expression, tf_index: Int[np.ndarray, " n_tfs"], *, seed: int = 0
    ) -> Scores:
        """Score every pair of a TF, in the given order, and a gene; `seed` fixes the draws."""


def _seedless(score: Callable[[Expression, Int[np.ndarray, " n_tfs"]], Scores]) -> Peer:
    @wraps(score)
    def peer(
        expression: Expression, tf_index: Int[np.ndarray, " n_tfs"], *, seed: int = 0
    ) -> Scores:
        return score(expression, tf_index)

    return peer


PEERS: dict[str, Peer] = {
    "pearson": _seedless(controls.pearson),
    "spearman": spearman,
    "spearman_double_centred": spearman_double_centred,
    "closed_form": _seedless(closed_form),
    "closed_form_max": _seedless(closed_form_max),
    "pidc": pidc,
    "genie3": genie3,
    "grnboost2": grnboost2,
    "regdiffusion": regdiffusion,
}
