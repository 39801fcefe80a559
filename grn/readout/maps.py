"""Takes the attention maps off a trained network, with the background of every gene."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from grn.model.attention import scores_of
from grn.model.transformer import SphericalTransformer

_KEYS_PER_BLOCK = 1024


@dataclass(frozen=True)
class AttentionScores:
    """What the read-out knows: arrays, already turned to rows of regulators.

    Parameters
    ----------
    scores
        w × row norm, signed; 0 on self-pairs.
    row_norm
        ‖s_i‖ of each target: a target without regulators has a unit row of w but a small norm.
    background
        Mean over all other genes of each target's positive (first row) and negative (second row)
        scores, as magnitudes.
    repression
        Worth of a negative score in the ranking, −1 … 1 (`repression_worth`).
    """

    scores: Float[np.ndarray, "n_tfs n_genes"]
    row_norm: Float[np.ndarray, " n_genes"]
    background: Float[np.ndarray, "2 n_genes"]
    repression: float


def read_attention(network: SphericalTransformer) -> AttentionScores:
    """Read the map over all cells, its row norms, and every target's background.

    The background is taken over the keys of all genes, not of the regulators alone: regulators
    are expressed together, and their mean would hide what they share with a target. Keys are
    visited in blocks, so nothing n_genes × n_genes is ever in memory.
    """
    attention = network.attention
    with torch.no_grad():
        attended = attention.map()
        scores = scores_of(attended).mean(dim=0)
        others = torch.ones(len(attention.tokens), dtype=torch.bool)
        others[attention.tf_index.cpu()] = False
        no_regulators = others.nonzero().squeeze(1)
        totals = _totals_by_sign(scores)
        for start in range(0, len(no_regulators), _KEYS_PER_BLOCK):
            block = no_regulators[start : start + _KEYS_PER_BLOCK]
            seen = attention.profile_map(block.to(scores.device))
            totals += _totals_by_sign(scores_of(seen).mean(dim=0))
    return AttentionScores(
        scores=scores.T.cpu().numpy(),
        row_norm=attended.row_norm_mean.mean(dim=0).cpu().numpy(),
        background=(totals / max(len(others) - 1, 1)).cpu().numpy(),
        repression=repression_worth(network.dominance),
    )


def _totals_by_sign(
    scores: Float[torch.Tensor, "n_genes n_keys"],
) -> Float[torch.Tensor, "2 n_genes"]:
    """Sum each target's positive and its negative scores, both as magnitudes."""
    return torch.stack([scores.clamp_min(0).sum(1), (-scores).clamp_min(0).sum(1)])


def repression_worth(dominance: float) -> float:
    r"""Say how much a negative score is worth beside a positive one, from −1 to 1.

    $\kappa = 1 - 2 / (1 + (20 / D)^4)$ with D the variance of the strongest programme over what
    noise alone gives (`GeneProfiles.dominance`). Where one programme (cell cycle, maturation)
    dominates, D > 30 in every real data set looked at, negative scores mostly contrast
    programmes, and ranking them like activations costs a fifth of the AUPRC ratio; simulated
    networks have D < 10, and there repression is as direct as activation.
    """
    return 1 - 2 / (1 + (20 / max(dominance, 1e-6)) ** 4)
