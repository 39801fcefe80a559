"""Takes the attention maps off a trained network, with the background of every gene."""

from dataclasses import dataclass

import numpy as np
import torch
from flashsign import SphericalAttentionMap
from jaxtyping import Float, Int8

from grn.model.transformer import SphericalTransformer

_KEYS_PER_BLOCK = 1024
_REGULATORS_PER_BLOCK = 256  # so few that the first map stays the largest


@dataclass(frozen=True)
class AttentionScores:
    """What the read-out knows: arrays, already turned to rows of regulators.

    Parameters
    ----------
    scores
        w × row norm, signed; 0 on self-pairs.
    profile_sign
        Sign of q·k, the scores without the learned pair bias: −1, 0 or 1.
    row_norm
        ‖s_i‖ of each target: a target without regulators has a unit row of w but a small norm.
    background
        Mean over all other genes of each target's positive (first row) and negative (second row)
        scores, as magnitudes.
    dominated
        Whether one programme dominates the cells, 0 … 1 (`GeneProfiles.dominated`).
    """

    scores: Float[np.ndarray, "n_tfs n_genes"]
    profile_sign: Int8[np.ndarray, "n_tfs n_genes"]
    row_norm: Float[np.ndarray, " n_genes"]
    background: Float[np.ndarray, "2 n_genes"]
    dominated: float


def read_attention(network: SphericalTransformer) -> AttentionScores:
    r"""Read the map over all cells, its row norms, and every target's background.

    The background is taken over the keys of all genes, not of the regulators alone: regulators
    are expressed together, and their mean would hide what they share with a target. Keys are
    visited in blocks, so nothing n_genes × n_genes is ever in memory.

    *Memory.* Queries and keys do not depend on the cell, so there is one map whatever the number
    of cells. With N genes, M regulators, d axes, blocks of K = min(1024, N − M) other keys and of
    L = min(256, M) regulators, beside the network and with one head there are at most

    .. math:: 4 N (\max(3 M, M + 3 K, 1.25 M + 3 L) + 2 d + 16) + 8 \cdot 2^{20}

    bytes: a map comes as three means of every pair, of which one is turned into the scores in
    place; then queries and keys, some numbers per gene, and the blocks of 2¹⁸ scores that
    flashsign works in. The 5 N M of scores and signs remain.
    """
    attention = network.attention
    with torch.no_grad():
        attended = attention.map()
        row_norm = attended.row_norm_mean.mean(dim=0)
        scores = _take_scores(attended)
        del attended  # two more matrices of the size of the scores
        others = torch.ones(len(attention.tokens), dtype=torch.bool)
        others[attention.tf_index.cpu()] = False
        no_regulators = others.nonzero().squeeze(1)
        totals = _totals_by_sign(scores)
        for start in range(0, len(no_regulators), _KEYS_PER_BLOCK):
            block = no_regulators[start : start + _KEYS_PER_BLOCK]
            # Without a name the map ends with the call, before the sums and the next block.
            totals += _totals_by_sign(_take_scores(attention.profile_map(block.to(scores.device))))
        signs = torch.empty(scores.shape, dtype=torch.int8)
        for start in range(0, scores.shape[1], _REGULATORS_PER_BLOCK):
            columns = slice(start, start + _REGULATORS_PER_BLOCK)
            found = attention.profile_map(attention.tf_index[columns])
            signs[:, columns] = _take_scores(found).sign_()
            del found
    return AttentionScores(
        scores=scores.T.cpu().numpy(),
        profile_sign=signs.T.numpy(),
        row_norm=row_norm.cpu().numpy(),
        background=(totals / max(len(others) - 1, 1)).cpu().numpy(),
        dominated=network.dominated,
    )


def _take_scores(attended: SphericalAttentionMap) -> Float[torch.Tensor, "n_genes n_keys"]:
    """Return the mean over the heads of w times its row norm, in the memory of w."""
    first, *rest = attended.weight_mean
    first_norm, *norms = attended.row_norm_mean.unsqueeze(-1)
    scores: torch.Tensor = first.mul_(first_norm)
    for weights, norm in zip(rest, norms, strict=True):
        scores.addcmul_(weights, norm)
    return scores.div_(1 + len(rest))


def _totals_by_sign(
    scores: Float[torch.Tensor, "n_genes n_keys"],
) -> Float[torch.Tensor, "2 n_genes"]:
    """Sum each target's positive and its negative scores, both as magnitudes."""
    return torch.stack([scores.clamp(min=0).sum(1), scores.clamp(max=0).sum(1).abs()])
