"""From attention maps to signed, ranked edges."""

from grn.readout.edges import read_edges_off, score_pairs, without_self
from grn.readout.maps import AttentionScores, read_attention

__all__ = ["AttentionScores", "read_attention", "read_edges_off", "score_pairs", "without_self"]
