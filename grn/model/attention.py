"""Spherical attention of targets over regulators: the only door from the model into flashsign."""

from typing import NamedTuple

import flashsign
import torch
from flashsign import Normaliser
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Attended", "Normaliser", "attend"]

# Smallest weight of softmax whose logarithm is taken: a normal number of float32, about e^-69.
_LEAST_WEIGHT = 1e-30


class Attended(NamedTuple):
    """The map of a head and what its targets receive; axes are batch, then heads."""

    weights: Float[Tensor, "batch heads targets regulators"]
    """w: signed weights; every row lies on the unit sphere."""
    row_norm: Float[Tensor, "batch heads targets"]
    """‖s‖: the norm of each row of scores."""
    scores: Float[Tensor, "batch heads targets regulators"]
    """s: the scores before normalisation; 0 where a pair is removed."""
    received: Float[Tensor, "batch heads targets features"]


def attend(
    queries: Float[Tensor, "batch heads targets features"],
    keys: Float[Tensor, "batch heads regulators features"],
    values: Float[Tensor, "batch heads regulators channels"],
    bias: Float[Tensor, "batch heads targets regulators"],
    own_key: Int[Tensor, " targets"],
    is_pair: Bool[Tensor, "batch 1 targets regulators"],
    *,
    normaliser: Normaliser = "l2",
) -> Attended:
    r"""Attend from targets to regulators.

    .. math:: s_{ij} = q_i \cdot k_j + b_{ij}, \quad w_{ij} = s_{ij} / \lVert s_i \rVert, \quad
        o_i = \textstyle\sum_j w_{ij} v_j

    (Abbott et al. 2025, arXiv 2505.09326). flashsign shares a bias between the elements of a
    batch, but every network has scores of its own, so the batch is folded into the heads.

    Parameters
    ----------
    queries, keys, values, bias
        q, k, v and b. Keys and values are 0 for a regulator that only pads the batch.
    own_key
        Index of each target among the regulators, −1 if it is none: no gene attends to itself.
    is_pair
        False for pairs that only pad the batch.
    normaliser
        Normaliser of flashsign: ``"l2"`` is spherical attention.
    """
    shape = bias.shape[:2]
    q, k = (t.flatten(0, 1)[None] for t in (queries, keys))
    b = (bias * is_pair).flatten(0, 1)
    # Divided by a norm, a score of 0 is a weight of 0. exp(0) = 1 is not: a softmax needs a gate.
    removed = normaliser == "softmax"
    gate = is_pair.expand_as(bias).flatten(0, 1).to(b) if removed else None
    attended = flashsign.spherical_attention_map(
        q, k, bias=b, exclude_self=own_key, gate=gate, normaliser=normaliser
    )
    # The map of a batch of one is w itself. `flashsign.spherical_attention` would form it again.
    weights = attended.weight_mean.reshape(*shape, *b.shape[1:]) * is_pair
    norm = attended.row_norm_mean.reshape(*shape, -1)
    scores = weights * norm[..., None]
    if removed:  # softmax: the row norm is log Σ exp s, so s = log w + norm
        present = weights > 0
        scores = torch.where(
            present, weights.clamp_min(_LEAST_WEIGHT).log() + norm[..., None], 0.0
        )
    return Attended(weights, norm, scores, weights @ values)
