"""Spherical attention of targets over regulators: the only door from the model into flashsign."""

from typing import NamedTuple

import flashsign
import torch
from flashsign import Normaliser
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Attended", "Normaliser", "attend"]

_LEAST_WEIGHT = 1e-30


class Attended(NamedTuple):
    """What targets receive, and the map by which they do; the batch stands before the heads."""

    weights: Float[Tensor, "batch heads targets regulators"]
    """w: every row on the unit sphere, signed."""
    row_norm: Float[Tensor, "batch heads targets"]
    """‖s‖ of the scores before they were normalised."""
    scores: Float[Tensor, "batch heads targets regulators"]
    """s: the scores behind the map; 0 where a pair is removed."""
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
        q, k, v and b; keys and values of a regulator that only pads the batch are 0.
    own_key
        The regulator that each target itself is, −1 for none: no gene attends to itself.
    is_pair
        False where a pair only pads the batch.
    normaliser
        As flashsign takes it: ``"l2"`` is spherical attention.
    """
    shape = bias.shape[:2]
    q, k, v = (t.flatten(0, 1)[None] for t in (queries, keys, values))
    b = (bias * is_pair).flatten(0, 1)
    # Under a norm a score of zero takes no part; under a softmax it has to be removed.
    removed = normaliser == "softmax"
    gate = is_pair.expand_as(bias).flatten(0, 1).to(b) if removed else None
    attended = flashsign.spherical_attention_map(
        q, k, bias=b, exclude_self=own_key, gate=gate, normaliser=normaliser
    )
    received = flashsign.spherical_attention(
        q, k, v, bias=b, exclude_self=own_key, gate=gate, normaliser=normaliser
    )
    weights = attended.weight_mean.reshape(*shape, *b.shape[1:]) * is_pair
    norm = attended.row_norm_mean.reshape(*shape, -1)
    scores = weights * norm[..., None]
    if removed:  # norm is log Σ exp s
        present = weights > 0
        scores = torch.where(
            present, weights.clamp_min(_LEAST_WEIGHT).log() + norm[..., None], 0.0
        )
    return Attended(weights, norm, scores, received[0].reshape(*shape, *received.shape[2:]))
